"""Trains autoencoders on crops and whole frames, and shows what they put together again."""
