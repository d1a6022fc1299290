"""Encoders: their sources, how they run, and how they are joined."""
