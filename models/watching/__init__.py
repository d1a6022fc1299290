"""A watched folder becomes runs that grow: what looks through it stays loaded."""
