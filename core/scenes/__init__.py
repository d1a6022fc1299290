"""Scenes: the set of classes in a photo or an event; what is unexpected in it, and what is missing from it."""
