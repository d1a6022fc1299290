"""Kinds of long work, one file each."""
