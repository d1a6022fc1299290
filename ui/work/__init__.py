"""Long work on the pages: start it, follow it, show its status."""
