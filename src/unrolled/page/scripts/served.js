// The way in of the page that a server gives: every answer comes from that server.

import { startPage } from "./page.js";
import { RemoteReader } from "./readers/remote.js";

startPage(new RemoteReader());
