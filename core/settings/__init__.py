"""All settings, each defined once: of a run, of an encoder's training, of a detector's training."""
