"""Photos of a folder one at a time, at the size at which squares are looked for, or with squares made in them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from core.errors import AnomalureError, PhotoUnreadable
from core.photos.reading import find_photos, read_photo
from core.settings.run import RunSettings
from core.squares.square import Square, SquareSettings, brighten
from core.squares.table import match_squares, read_squares
from models.localize.places import CELL_PX, LEAST_SIDE_PX, MOST_SHARE

LONGEST_PX = 800
"""Larger photos are made smaller, so that their longer side has so many pixels."""
QUALITIES = (75, 85, 95)


@dataclass(frozen=True)
class Scaled:
    """A photo at the size at which it is looked at, RGB, and the pixels of the photo in one of its own, >= 1."""

    pixels: np.ndarray  # (h, w, 3), both multiples of CELL_PX
    scale: float
    height_px: int
    width_px: int


@dataclass(frozen=True)
class PhotoSet:
    """The photos of a folder, and, where there is a table, the square that each carries."""

    folder: Path
    file_names: tuple[str, ...]
    squares: tuple[Square | None, ...]
    n_without_row: int = 0

    def __len__(self) -> int:
        return len(self.file_names)

    def take(self, numbers: Sequence[int]) -> "PhotoSet":
        """Only these photos."""
        return replace(
            self,
            file_names=tuple(self.file_names[number] for number in numbers),
            squares=tuple(self.squares[number] for number in numbers),
        )

    def read(self, number: int) -> tuple[Scaled, Square | None]:
        """A photo, and its square in pixels of the scaled photo.

        Raises:
            PhotoUnreadable: If it cannot be read, is too small, or its square is not inside it.
        """
        name, square = self.file_names[number], self.squares[number]
        read = read_photo(self.folder, name, deployment="", max_megapixels=RunSettings().max_megapixels)
        scaled = scale_photo(read.pixels)
        if square is None:
            return scaled, None
        if square.row >= scaled.height_px or square.column >= scaled.width_px:
            raise PhotoUnreadable(
                f"Its square is at row {square.row}, column {square.column}, and the photo has {scaled.height_px} rows "
                f"and {scaled.width_px} columns."
            )
        row, column, r = (round(value / scaled.scale) for value in (square.row, square.column, square.r))
        return scaled, Square(name, row, column, r, square.discolor_ratio)


def find_photo_set(folder: Path, table: Path | None = None) -> PhotoSet:
    """The photos below a folder; with a table only those that it has a row for.

    Raises:
        AnomalureError: If there is no photo, the table is none, or it has no row for any photo.
    """
    names = find_photos(folder).file_names
    if table is None:
        return PhotoSet(folder, names, (None,) * len(names))
    found, n_without = match_squares(read_squares(table), names, table=table)
    return PhotoSet(folder, tuple(one.file_name for one in found), tuple(found), n_without)


def scale_photo(pixels: np.ndarray) -> Scaled:
    """The photo at the size at which it is looked at; up to 7 pixels of its right and lower edge are left out.

    Raises:
        PhotoUnreadable: If it is too small.
    """
    height, width = pixels.shape[:2]
    scale = max(1.0, max(height, width) / LONGEST_PX)
    if scale > 1:
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    rows, columns = (side // CELL_PX * CELL_PX for side in pixels.shape[:2])
    if min(rows, columns) < LEAST_SIDE_PX:
        raise PhotoUnreadable(
            f"It is too small: {width} x {height} pixels are {columns} x {rows} here, and {LEAST_SIDE_PX} are needed "
            "each way."
        )
    return Scaled(pixels[:rows, :columns], scale, height, width)


def make_example(
    image: np.ndarray, settings: SquareSettings, rng: np.random.Generator, *, wraps: bool = False
) -> tuple[np.ndarray, Square]:
    """The image with a square made in it, and packed and unpacked as JPEG, as photos are; ``wraps`` as in brighten."""
    height, width = image.shape[:2]
    most = int(MOST_SHARE * min(height, width)) // 2
    fitting = replace(settings, least_r=min(settings.least_r, most), most_r=min(settings.most_r, most))
    square = fitting.draw("", height, width, rng)
    stream = io.BytesIO()
    Image.fromarray(brighten(image, square, wraps=wraps)).save(stream, "JPEG", quality=int(rng.choice(QUALITIES)))
    return np.asarray(Image.open(stream)), square


def check_some(photos: PhotoSet, least: int, *, what: str) -> None:
    """Raise an AnomalureError if there are fewer photos than these."""
    if len(photos) < least:
        raise AnomalureError(f"{what} needs {least} photos or more, got {len(photos)} in {photos.folder}.")
