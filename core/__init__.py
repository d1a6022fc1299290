"""What the product knows without a screen and without a neural network."""
