"""Long work: the folder of its request, progress, cancel and result."""
