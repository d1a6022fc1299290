"""Who may do what in a project that a team shares: roles by e-mail address, and a log of who did what."""
