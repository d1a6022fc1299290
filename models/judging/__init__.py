"""From embeddings to scores, p-values and heat maps."""
