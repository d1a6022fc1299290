"""Groups: the main directions of a run's embeddings, in which crops that look alike are close."""
