"""Whole images by colour, texture or embedding: which of a folder are unlike a folder of normal ones."""
