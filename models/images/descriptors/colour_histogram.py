"""How often each colour comes in an image."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from models.images.descriptors.descriptor import Descriptor

CHANNELS = 3
LARGEST_PX = 256
# OpenCV's bytes: hue goes from 0 to 179.
_ENDS = {"rgb": (256, 256, 256), "hsv": (180, 256, 256), "lab": (256, 256, 256)}


class ColourHistogram(Descriptor):
    """A histogram of each channel of a colour space. In grey images only brightness says something.

    Source: Swain and Ballard, Color indexing, International Journal of Computer Vision 7, 1991.
    """

    label: ClassVar = "Colour histogram"
    about: ClassVar = "Where odd images have other colours or another brightness. Shapes do not matter."

    @property
    def sections(self) -> tuple[int, ...]:
        """One for each channel."""
        return (self.settings.bins,) * CHANNELS

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Shares of the pixels, which add up to 1 in each channel."""
        return np.stack([self._describe(image) for image in images])

    def _describe(self, image: np.ndarray) -> np.ndarray:
        import cv2

        space, bins = self.settings.colour_space, self.settings.bins
        factor = LARGEST_PX / max(image.shape[:2])
        if factor < 1:
            image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        if space != "rgb":
            image = cv2.cvtColor(image, cv2.COLOR_RGB2HSV if space == "hsv" else cv2.COLOR_RGB2LAB)
        n_pixels = image.shape[0] * image.shape[1]
        counts = [
            np.histogram(image[..., channel], bins=bins, range=(0, end))[0] / n_pixels
            for channel, end in enumerate(_ENDS[space])
        ]
        return np.concatenate(counts).astype(np.float32)


DESCRIPTOR = ColourHistogram
