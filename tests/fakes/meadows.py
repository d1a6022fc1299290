"""Photos of an uneven meadow, in which a brightened square is hard to see and can be found."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image


def draw_meadow(seed: int, *, height: int = 160, width: int = 200) -> np.ndarray:
    """RGB, uint8, ``(height, width, 3)``: soft patches of light with fine noise."""
    draws = np.random.default_rng(seed)
    patches = cv2.resize(
        draws.normal(0, 18, (5, 6, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    noise = draws.normal(0, 4, (height, width, 3))
    return (np.array([110, 130, 80]) + patches + noise).clip(0, 255).astype(np.uint8)


def as_jpeg(image: np.ndarray) -> np.ndarray:
    """The image, packed and unpacked as photos are."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=92)
    return np.asarray(Image.open(stream))


def write_meadows(folder: Path, n: int, *, first: int = 0) -> Path:
    """``n`` of them as JPEG, ``0.jpg`` and so on; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n):
        Image.fromarray(draw_meadow(first + number)).save(folder / f"{number}.jpg", quality=92)
    return folder
