"""Exports: which crops, which format, with which pictures."""
