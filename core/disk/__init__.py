"""Files that are complete or absent, locks, JSON, and text that other tools wrote."""
