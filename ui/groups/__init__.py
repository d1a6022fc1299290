"""The Groups page."""
