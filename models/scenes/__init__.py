"""Models of scenes: how likely each class is, given the other classes. One file each, found by ``methods.py``."""
