"""Draws a photo with its heat map and the found square."""

import cv2
import numpy as np
from PIL import Image, ImageDraw

from models.localize.heat_map import Found

LONGEST_PX = 1600
HEAT = np.array([213, 94, 0], np.float32)
"""The orange of Okabe and Ito, which people who see red and green alike can tell from the rest."""
MOST_COVER = 0.55


def draw_found(
    pixels: np.ndarray, found: Found, *, longest_px: int = LONGEST_PX, with_heat: bool = True
) -> Image.Image:
    """The photo, made smaller if its longer side is longer, with the heat in orange and a frame around the square.

    Args:
        pixels: RGB, uint8, shape ``(height, width, 3)``; left unmodified.
        found: What the model found in it.
        longest_px: Of the drawing.
        with_heat: Whether to colour it, or only draw the frame.
    """
    height, width = pixels.shape[:2]
    factor = min(1.0, longest_px / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    drawn = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    if with_heat:
        heat = cv2.resize(found.heat.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        cover = (MOST_COVER * heat / max(float(heat.max()), 1e-6))[..., None]
        drawn = drawn * (1 - cover) + HEAT * cover
    image = Image.fromarray(drawn.clip(0, 255).astype(np.uint8))
    top, left = (found.row - found.r) * factor, (found.column - found.r) * factor
    side = 2 * found.r * factor
    line = max(2, round(max(size) / 300))
    pen = ImageDraw.Draw(image)
    pen.rectangle((left - 1, top - 1, left + side + 1, top + side + 1), outline=(0, 0, 0), width=line + 2)
    pen.rectangle((left, top, left + side, top + side), outline=(255, 255, 255), width=line)
    return image
