"""One embedding for a crop and its mirror image."""

import numpy as np

from core.runs.parts import Encoder


class MirroredEncoder:
    """The mean of the embeddings of a crop and of its mirror image; an Encoder of core/runs/parts.py.

    It does not matter whether an animal looks left or right. Takes twice the time of the encoder alone.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.name = encoder.name
        self.input_px = encoder.input_px
        self.sections = encoder.sections

    @property
    def engine(self) -> str:
        """What computes."""
        return getattr(self.encoder, "engine", "unknown")

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Raw embeddings, float32, shape ``(n, d)``; the input is left unmodified."""
        mirrored = np.ascontiguousarray(crops[:, :, ::-1])
        return (self.encoder.embed(crops) + self.encoder.embed(mirrored)) / 2
