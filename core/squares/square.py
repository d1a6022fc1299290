"""A brightened square: where it is, how it is put into a photo, and how its place is drawn."""

import math
from dataclasses import dataclass

import numpy as np

from core.errors import AnomalureError

WHITE = 255
LEAST_RADIUS_PX = 2
MOST_RATIO = 4.0


@dataclass(frozen=True)
class Square:
    """Rows ``row - r`` to ``row + r - 1`` of a photo, and the columns likewise, brightened by ``discolor_ratio``.

    The names are those of the columns of the published data, so that tables can be exchanged.
    """

    file_name: str
    row: int
    column: int
    r: int
    discolor_ratio: float


@dataclass(frozen=True, kw_only=True)
class SquareSettings:
    """Which squares are drawn: half their side in pixels, and the factor of their brightness, both from a range.

    Small radii are as likely as large ones (the logarithm is uniform). No square reaches over the photo's edge.
    """

    least_r: int = 30
    most_r: int = 300
    least_ratio: float = 1.05
    most_ratio: float = 1.15

    def __post_init__(self) -> None:
        if not LEAST_RADIUS_PX <= self.least_r <= self.most_r:
            raise AnomalureError(
                f"Radii are whole pixels from {LEAST_RADIUS_PX}, the least not over the most; got {self.least_r} and "
                f"{self.most_r}."
            )
        if not 1 < self.least_ratio <= self.most_ratio <= MOST_RATIO:
            raise AnomalureError(
                f"Ratios are over 1 (1.1 is a tenth brighter) to {MOST_RATIO:g}, the least not over the most; got "
                f"{self.least_ratio:g} and {self.most_ratio:g}."
            )

    def fit(self, height: int, width: int) -> bool:
        """Whether a photo of so many pixels has room for the least square."""
        return 2 * self.least_r <= min(height, width)

    def draw(self, file_name: str, height: int, width: int, rng: np.random.Generator) -> Square:
        """A square at a random place of a photo of so many pixels.

        Raises:
            ValueError: If the photo is smaller than the least square.
        """
        if not self.fit(height, width):
            raise ValueError(f"a photo of {width} x {height} is smaller than a square of radius {self.least_r}")
        most = min(self.most_r, min(height, width) // 2)
        r = int(np.clip(round(math.exp(rng.uniform(math.log(self.least_r), math.log(most)))), self.least_r, most))
        return Square(
            file_name,
            row=int(rng.integers(r, height - r + 1)),
            column=int(rng.integers(r, width - r + 1)),
            r=r,
            discolor_ratio=round(float(rng.uniform(self.least_ratio, self.most_ratio)), 3),
        )


def brighten(image: np.ndarray, square: Square, *, wraps: bool = False) -> np.ndarray:
    """The image with the square multiplied by its ratio; what would be brighter than white is white.

    Args:
        image: RGB, uint8, shape ``(height, width, 3)``; left unmodified.
        square: Wholly inside the image.
        wraps: What would be brighter than white begins again at 0 instead, as in the published data.

    Raises:
        ValueError: If the square reaches over the image's edge.
    """
    height, width = image.shape[:2]
    top, left = square.row - square.r, square.column - square.r
    if top < 0 or left < 0 or square.row + square.r > height or square.column + square.r > width:
        raise ValueError(f"{square} reaches over an image of {width} x {height}")
    rows, columns = slice(top, square.row + square.r), slice(left, square.column + square.r)
    bright = image.copy()
    factor = np.float32(square.discolor_ratio)
    brighter = np.rint(image[rows, columns] * factor)
    brighter = brighter % (WHITE + 1) if wraps else np.minimum(brighter, WHITE)
    bright[rows, columns] = brighter.astype(np.uint8)
    return bright
