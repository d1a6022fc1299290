"""The fine patterns of an image, whatever their place."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from models.images.descriptors.descriptor import Descriptor

LARGEST_PX = 256
NEIGHBOURS = ((8, 1), (16, 2), (24, 3))
"""How many neighbours of a pixel are compared with it, and at which distance in pixels."""


class Patterns(Descriptor):
    """Histograms of uniform local binary patterns (LBP) of the grey image at three distances.

    Source: Ojala, Pietikäinen and Mäenpää, Multiresolution gray-scale and rotation invariant texture classification
    with local binary patterns, IEEE PAMI 24, 2002; scikit-image.
    """

    label: ClassVar = "Fine patterns"
    about: ClassVar = "Where odd images have other surfaces, such as water or snow, in any place and direction."

    @property
    def sections(self) -> tuple[int, ...]:
        """One for each distance."""
        return tuple(n + 2 for n, _ in NEIGHBOURS)

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Shares of the pixels, which add up to 1 at each distance."""
        return np.stack([self._describe(image) for image in images])

    def _describe(self, image: np.ndarray) -> np.ndarray:
        import cv2
        from skimage.feature import local_binary_pattern

        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        factor = LARGEST_PX / max(grey.shape)
        if factor < 1:
            grey = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        parts = []
        for n, distance in NEIGHBOURS:
            found = local_binary_pattern(grey, n, distance, "uniform")
            parts.append(np.histogram(found, bins=n + 2, range=(0, n + 2))[0] / found.size)
        return np.concatenate(parts).astype(np.float32)


DESCRIPTOR = Patterns
