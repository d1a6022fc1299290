"""Sources of encoders: one file per source, found by ``source.py``."""
