"""Long work on the pages: starting it, following it, saying how it stands."""
