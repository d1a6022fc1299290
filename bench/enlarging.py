"""Makes photos of the size that real cameras write out of small ones: enlarged, with noise, as JPEGs."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

QUALITY = 88
NOISE = 3.0
"""Standard deviation of each channel, of 255. Files of 12 megapixels then have about 1.4 MB."""


def enlarge_photos(files: Sequence[Path], folder: Path, megapixels: float) -> None:
    """Write each photo, enlarged to so many megapixels, under its name; seeded by its place."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, file in enumerate(files):
        with Image.open(file) as small:
            times = (megapixels * 1e6 / (small.width * small.height)) ** 0.5
            size = round(small.width * times), round(small.height * times)
            pixels = np.asarray(small.convert("RGB").resize(size, Image.Resampling.BICUBIC)).astype(np.int16)
        noise = np.empty_like(pixels)
        cv2.setRNGSeed(seed)
        cv2.randn(noise, np.zeros(3), np.full(3, NOISE))
        Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(folder / file.name, quality=QUALITY)
