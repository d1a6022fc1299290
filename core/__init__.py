"""What works without a screen and without a neural network."""
