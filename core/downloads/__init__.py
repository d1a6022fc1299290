"""Photos from web addresses: which a file names, and how they come into a folder."""
