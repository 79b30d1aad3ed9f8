// The way in of a page that holds its models: everything is read from the page itself.

import { startPage } from "./page.js";
import { LocalReader } from "./readers/local.js";

startPage(new LocalReader(JSON.parse(document.getElementById("models").textContent)));
