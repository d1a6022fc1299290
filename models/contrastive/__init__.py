"""Training an encoder on crops by SimCLR or triplets."""
