"""The directions of edges in an image, by place, and its fine patterns."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from models.images.descriptors.descriptor import Descriptor

SIDE_PX = 128
CELL_PX, BLOCK_CELLS, DIRECTIONS = 16, 2, 8
_CELLS = SIDE_PX // CELL_PX
_N_EDGES = (_CELLS - BLOCK_CELLS + 1) ** 2 * BLOCK_CELLS**2 * DIRECTIONS


class Texture(Descriptor):
    """Histograms of oriented gradients (HOG) of the grey image at 128 px.

    Local binary patterns beside it were tried on grey scenes and did not help: bench/sisters.py.

    Source: Dalal and Triggs, Histograms of oriented gradients for human detection, CVPR 2005; scikit-image.
    """

    label: ClassVar = "Texture"
    about: ClassVar = "Where odd images have other shapes or surfaces, also in grey or infrared. Colours do not matter."

    @property
    def sections(self) -> tuple[int, ...]:
        """One part."""
        return (_N_EDGES,)

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Normalised by blocks, 0 to 1."""
        return np.stack([self._describe(image) for image in images])

    def _describe(self, image: np.ndarray) -> np.ndarray:
        import cv2
        from skimage.feature import hog

        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        grey = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        edges: np.ndarray = hog(
            grey,
            orientations=DIRECTIONS,
            pixels_per_cell=(CELL_PX, CELL_PX),
            cells_per_block=(BLOCK_CELLS, BLOCK_CELLS),
        )
        return edges.astype(np.float32)


DESCRIPTOR = Texture
