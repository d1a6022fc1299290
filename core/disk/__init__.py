"""Files that are whole or not there, locks, and text that other tools wrote."""
