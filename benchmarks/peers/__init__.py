"""One module a peer: the same two networks, trained the way that peer's users would train them."""
