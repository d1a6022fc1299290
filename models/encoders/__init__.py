"""Encoders: where they come from, how they run, how they are joined."""
