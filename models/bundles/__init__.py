"""Bundles: all that a run needs, versioned together."""
