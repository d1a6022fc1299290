"""The Images page: whole images that are unlike a folder of normal ones."""
