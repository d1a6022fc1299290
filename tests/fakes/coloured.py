"""Small noisy images of one colour, which a colour histogram tells apart."""

from pathlib import Path

import numpy as np
from PIL import Image

BLUE, RED = (40, 60, 180), (190, 40, 40)


def write_coloured(path: Path, colour: tuple[int, int, int], draws: np.random.Generator) -> None:
    """An image of 60 x 40 pixels; its folder is made."""
    pixels = np.clip(draws.normal(0, 12, (40, 60, 3)) + colour, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
