"""Where the network of an encoder comes from: one file a source, found by ``source.py``."""
