"""The People page: who is in the team, what each may do, and who did what."""
