"""Reads and writes the file formats of other tools, one module per format."""
