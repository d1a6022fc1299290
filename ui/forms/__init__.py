"""Parts of forms that several pages use: folders, labels, detectors, settings."""
