"""Who may come in: signing in, the list of those who may, and the names that the dashboard answers to."""
