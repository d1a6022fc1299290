"""The scatterplot: its scripts in the browser, what it is told, and its routes."""
