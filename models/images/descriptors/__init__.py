"""What an image is described by: one file for each descriptor."""
