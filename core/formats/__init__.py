"""Files of other tools: one format a module, read and write."""
