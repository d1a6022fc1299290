"""Picture files to find and read, and how the tests read one."""

from pathlib import Path

import numpy as np
from PIL import Image

from core.photos.reading import read_photo

HALVES = np.zeros((40, 60, 3), dtype=np.uint8)
HALVES[:, :30] = (200, 40, 40)
HALVES[:, 30:] = (40, 40, 200)


def read(path: Path, *, max_megapixels: float = 50.0):
    return read_photo(path.parent, path.name, deployment="north", max_megapixels=max_megapixels)


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def save(path: Path, picture: Image.Image, **options) -> Path:
    picture.save(path, **options)
    return path
