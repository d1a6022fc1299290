"""The learned parts: detector, encoder, one-class models, bundles."""
