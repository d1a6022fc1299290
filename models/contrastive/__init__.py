"""Trains an encoder on crops with SimCLR or the triplet loss."""
