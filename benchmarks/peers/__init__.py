"""One module a peer and kind of work, written the way that peer's users would write it."""
