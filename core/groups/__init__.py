"""Groups: crops of one run that look alike, named together."""
