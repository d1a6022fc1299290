"""The review board: its scripts in the browser and the routes that they call."""
