"""Photos of a folder: found, read, cut into crops, named by camera and event."""
