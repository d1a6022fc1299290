"""One-class models: how little a crop fits its species. One file a method, found by ``methods.py``."""
