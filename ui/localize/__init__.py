"""Where photos are odd, on the Images page: make anomalies, train a heat-map model, and see what it finds."""
