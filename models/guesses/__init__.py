"""Guesses at what a crop shows, from the scores that an encoder gives the 1,000 ImageNet classes. NumPy only."""
