"""Draws an image with the answer on it."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.disk.files import write_stream
from models.images.model import INLIER

# Blue and orange of Okabe and Ito, which people who see red and green alike can tell apart.
COLOURS = {True: (0, 114, 178), False: (213, 94, 0)}
BAND_SHARE, LEAST_BAND_PX = 0.09, 18


def say_answer(answer: int, p_value: float) -> str:
    """The answer in words, such as ``-1 outlier (p = 0.01)``."""
    return f"{answer:+d} {'inlier' if answer == INLIER else 'outlier'} (p = {p_value:.2g})"


def draw_answer(image: np.ndarray, answer: int, p_value: float) -> Image.Image:
    """The image, RGB of shape ``(height, width, 3)``, with a band above it that says the answer, and a frame."""
    height, width = image.shape[:2]
    band = max(LEAST_BAND_PX, round(BAND_SHARE * height))
    colour = COLOURS[answer == INLIER]
    drawn = Image.new("RGB", (width, height + band), colour)
    drawn.paste(Image.fromarray(image), (0, band))
    pen = ImageDraw.Draw(drawn)
    text, size = say_answer(answer, p_value), round(0.62 * band)
    font = ImageFont.load_default(size)
    while size > 8 and pen.textlength(text, font) > width - 8:
        size -= 1
        font = ImageFont.load_default(size)
    pen.text((6, band / 2), text, fill="white", font=font, anchor="lm")
    frame = max(2, band // 8)
    pen.rectangle((0, 0, width - 1, height + band - 1), outline=colour, width=frame)
    return drawn


def save_drawing(drawn: Image.Image, path: Path) -> None:
    """Write it as a JPEG, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_stream(path, lambda file: drawn.save(file, "JPEG", quality=90))
