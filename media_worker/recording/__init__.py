"""Each track of a meeting into a file of its own, as it came, and from there to Parley. Nothing is decoded."""
