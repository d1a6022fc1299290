"""Files of other tools: one format per module, read and written."""
