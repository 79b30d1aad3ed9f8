"""Many machines: what one machine does, done by the nodes of a Ray cluster (ray.io)."""
