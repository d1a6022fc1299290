"""Formats that an export can have, one file each, found by ``format.py``."""
