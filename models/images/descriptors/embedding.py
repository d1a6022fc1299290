"""What the default encoder sees in an image."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from core.runs.parts import Encoder
from models.images.descriptors.descriptor import Descriptor


class Embedding(Descriptor):
    """The embedding of the default encoder, a network that was trained on ImageNet."""

    label: ClassVar = "Embedding"
    about: ClassVar = "Where odd images show other things. Slower than the others."

    @cached_property
    def _encoder(self) -> Encoder:
        from models.encoders.loading import load_encoder
        from models.encoders.spec import bundled_encoder

        return load_encoder((bundled_encoder(),))

    @property
    def sections(self) -> tuple[int, ...]:
        """The encoder's."""
        return tuple(self._encoder.sections)

    @property
    def weights(self) -> tuple[float, ...]:
        """The encoder's."""
        from models.encoders.sections import weigh_sections
        from models.encoders.spec import bundled_encoder

        return tuple(weigh_sections((bundled_encoder(),), self.sections))

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Raw embeddings."""
        from core.photos.crops import resize_crops

        rows = self._encoder.embed(resize_crops(list(images), size_px=self._encoder.input_px))
        return np.nan_to_num(rows.astype(np.float32))


DESCRIPTOR = Embedding
