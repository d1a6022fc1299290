"""Several encoders as one."""

from collections.abc import Sequence

import numpy as np

from core.errors import AnomalureError
from core.runs.parts import Encoder


class JoinedEncoder:
    """Embeddings of several encoders side by side; an Encoder of core/runs/parts.py.

    ``sections`` are the lengths of the parts, so that each can be normalised on its own.
    """

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        """Join encoders, in this order.

        Raises:
            AnomalureError: If they take crops of different sizes.
        """
        sizes = sorted({encoder.input_px for encoder in encoders})
        if len(sizes) != 1:
            raise AnomalureError(
                f"Encoders that are joined must take crops of one size, got {' and '.join(map(str, sizes))} px. "
                "Give them the same input_px."
            )
        self.encoders = tuple(encoders)
        self.name = " + ".join(encoder.name for encoder in encoders)
        self.input_px = sizes[0]
        self.sections = tuple(length for encoder in encoders for length in encoder.sections)

    @property
    def engine(self) -> str:
        """The engine of each part."""
        return " + ".join(getattr(encoder, "engine", "unknown") for encoder in self.encoders)

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Raw embeddings, float32, shape ``(n, sum(sections))``."""
        return np.concatenate([encoder.embed(crops) for encoder in self.encoders], axis=1)
