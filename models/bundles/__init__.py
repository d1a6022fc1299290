"""Bundles: everything that a run needs, versioned together."""
