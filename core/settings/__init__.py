"""Every setting once: of a run, of an encoder's training, of a detector's training."""
