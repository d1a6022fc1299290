"""What changes in a project: the only SQL on its database."""
