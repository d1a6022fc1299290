"""The scatterplot: its scripts in the browser, its data, and its routes."""
