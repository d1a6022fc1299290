"""Subtle anomalies that are made: a square of a photo that is a little brighter than its surroundings."""
