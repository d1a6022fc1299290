"""A folder that is watched: what arrives in it, what was told of it, and to whom."""
