"""Fixtures that many tests share; small, because everyone reads it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the repository; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real data in ../shared/data, which is not here")
    return SHARED_DATA


@pytest.fixture
def write_jpeg() -> Callable[..., Path]:
    """A function that writes a small JPEG: ``write_jpeg(path, seed=1, taken_at="2024:05:03 06:12:10", model="M")``."""

    def write(
        path: Path,
        *,
        pixels: np.ndarray | None = None,
        size: tuple[int, int] = (64, 48),
        seed: int = 0,
        taken_at: str = "",
        make: str = "",
        model: str = "",
        orientation: int = 0,
    ) -> Path:
        if pixels is None:
            coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        else:
            picture = Image.fromarray(pixels)
        exif = Image.Exif()
        for tag, value in ((0x010F, make), (0x0110, model), (0x0112, orientation), (0x0132, taken_at)):
            if value:
                exif[tag] = value
        if taken_at:
            exif.get_ifd(0x8769)[0x9003] = taken_at
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, "JPEG", exif=exif, quality=90)
        return path

    return write
