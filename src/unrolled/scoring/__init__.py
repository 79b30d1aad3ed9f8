"""From a file of texts to a file of their labels, however long: one step beside the other."""
