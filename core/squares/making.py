"""Makes subtle anomalies: copies of a folder's photos, each with one brightened square, and the table of squares."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from core.errors import AnomalureError, PhotoUnreadable
from core.formats.writing import new_folder, refuse_taken_folder
from core.photos.reading import find_photos, read_photo
from core.settings.run import RunSettings
from core.squares.square import Square, SquareSettings, brighten
from core.squares.table import write_squares

IMAGES, TABLE = "images", "labels.csv"
JPEG_QUALITY = 95


@dataclass(frozen=True)
class MadeSquares:
    """What was made in ``folder``, and the photos that were left out: too small, or unreadable with the reason."""

    folder: Path
    squares: tuple[Square, ...]
    too_small: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]

    @property
    def table(self) -> Path:
        """The table of squares."""
        return self.folder / TABLE


def make_squares(
    folder: Path,
    out: Path,
    *,
    settings: SquareSettings,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> MadeSquares:
    """Write a copy of each photo with a square to ``out/images``, and the table to ``out/labels.csv``.

    JPEG photos are written as JPEG under their name, all others as PNG. What would be
    brighter than white is white.

    Args:
        folder: The photos; they are left as they are.
        out: A new or empty folder outside of it. It appears only when it is complete.
        settings: Sizes and ratios.
        seed: The same seed makes the same squares.
        on_progress: Called with the number of photos that are done and of all; may raise to stop.

    Raises:
        AnomalureError: If there is no photo with room for a square, or ``out`` is taken or cannot be written.

    Source: the subtle anomalies of landscape photos that are described in the README.
    """
    refuse_taken_folder(out)
    if out.resolve().is_relative_to(folder.resolve()):
        raise AnomalureError(f"The new photos would lie among those in {folder}. Choose a folder outside of it.")
    names = find_photos(folder).file_names
    rng = np.random.default_rng(seed)
    squares: list[Square] = []
    too_small: list[str] = []
    failures: list[tuple[str, str]] = []
    written: set[str] = set()
    with new_folder(out) as building:
        for number, name in enumerate(names, start=1):
            try:
                pixels = read_photo(folder, name, deployment="", max_megapixels=RunSettings().max_megapixels).pixels
            except PhotoUnreadable as failure:
                failures.append((name, str(failure)))
            else:
                height, width = pixels.shape[:2]
                if settings.fit(height, width):
                    square = settings.draw(_name_copy(name, written), height, width, rng)
                    _write(brighten(pixels, square), building / IMAGES / square.file_name)
                    squares.append(square)
                else:
                    too_small.append(name)
            on_progress(number, len(names))
        if not squares:
            raise AnomalureError(
                f"No photo in {folder} has room for a square of radius {settings.least_r}: smaller than "
                f"{2 * settings.least_r} pixels: {len(too_small):,}; cannot be read: {len(failures):,}. "
                "Choose a smaller one."
            )
        write_squares(squares, building / TABLE)
    return MadeSquares(out, tuple(squares), tuple(too_small), tuple(failures))


def _name_copy(name: str, written: set[str]) -> str:
    """The name of the copy: that of the photo, with ``.png`` behind it if it is no JPEG; never one that was given."""
    copy = name if PurePosixPath(name).suffix.lower() in (".jpg", ".jpeg", ".png") else f"{name}.png"
    while copy.casefold() in written:
        copy = f"{copy}.png"
    written.add(copy.casefold())
    return copy


def _write(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".png":
        Image.fromarray(pixels).save(path, "PNG")
    else:
        Image.fromarray(pixels).save(path, "JPEG", quality=JPEG_QUALITY)
