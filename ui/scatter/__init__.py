"""The scatterplot: its scripts in the browser, the data that it is given, and its routes."""
