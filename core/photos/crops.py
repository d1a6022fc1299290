"""Cut crops out of photos, bring them to the encoder's size, and pack them for the pages."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from core.records import Box

JPEG_QUALITY = 85


def cut_crop(pixels: np.ndarray, box: Box, *, margin: float) -> np.ndarray:
    """The part of a photo inside a box, with its surroundings.

    Args:
        pixels: The photo, shape ``(height, width, channels)``.
        box: In pixels of the photo; may reach over its edges.
        margin: How much is added on each side, as a share of the box's longer side, >= 0.

    Returns:
        At least one pixel each way and never outside the photo. A view: copy it to keep it without the photo.

    Raises:
        ValueError: If the box is not finite, has a negative size, or lies outside the photo.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = find_cut(box, margin=margin, width=width, height=height)
    return pixels[top:bottom, left:right]


def find_cut(box: Box, *, margin: float, width: int, height: int) -> tuple[int, int, int, int]:
    """What ``cut_crop`` cuts out of a photo: left, top, right and bottom in whole pixels, inside the photo.

    Raises:
        ValueError: If the box is not finite, has a negative size, or lies outside the photo.
    """
    if not all(math.isfinite(value) for value in (box.x, box.y, box.width, box.height)):
        raise ValueError(f"a box must be finite, got {box}")
    if box.width < 0 or box.height < 0:
        raise ValueError(f"a box must have a size >= 0, got {box}")
    if not margin >= 0 or not math.isfinite(margin):
        raise ValueError(f"margin must be a share >= 0, got {margin}")
    if box.x >= width or box.y >= height or box.x + box.width < 0 or box.y + box.height < 0:
        raise ValueError(f"{box} lies outside a photo of {width} x {height} pixels")
    added = margin * max(box.width, box.height)
    left, right = _span(box.x - added, box.x + box.width + added, width)
    top, bottom = _span(box.y - added, box.y + box.height + added, height)
    return left, top, right, bottom


def resize_crops(
    crops: Sequence[np.ndarray], *, size_px: int, sizes_hw: Sequence[tuple[int, int]] | None = None
) -> np.ndarray:
    """Squash crops into squares for the encoder, smoothed where they shrink.

    Args:
        crops: RGB, uint8, each ``(height, width, 3)``; left unmodified.
        size_px: Side of the squares, >= 1.
        sizes_hw: The sizes of the crops in the whole photo, if some were cut from a reduced one. These are smoothed as
            if they had all pixels. None: all have them.

    Returns:
        uint8, shape ``(n, size_px, size_px, 3)``.
    """
    if size_px < 1:
        raise ValueError(f"size_px must be at least 1, got {size_px}")
    squares = np.empty((len(crops), size_px, size_px, 3), dtype=np.uint8)
    sizes = sizes_hw if sizes_hw is not None else [crop.shape[:2] for crop in crops]
    for square, crop, size_hw in zip(squares, crops, sizes, strict=True):
        square[...] = resize(crop, width=size_px, height=size_px, size_hw=size_hw)
    return squares


def encode_jpeg(crop: np.ndarray, *, longest_px: int, quality: int = JPEG_QUALITY) -> bytes:
    """A small JPEG of a crop; a larger one is shrunk to ``longest_px`` on its longer side, a smaller one stays.

    Args:
        crop: RGB, uint8, ``(height, width, 3)``; left unmodified.
        longest_px: Longest side of the picture, >= 1.
        quality: 1 to 100.
    """
    if longest_px < 1:
        raise ValueError(f"longest_px must be at least 1, got {longest_px}")
    height, width = crop.shape[:2]
    shrink = min(1.0, longest_px / max(height, width))
    small = resize(crop, width=max(1, round(width * shrink)), height=max(1, round(height * shrink)))
    done, buffer = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a crop of shape {crop.shape} cannot be written as a JPEG")
    return buffer.tobytes()


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    """Whole pixels from ``low`` to ``high`` inside ``0 .. length``, at least one."""
    first = min(max(math.floor(low), 0), length - 1)
    return first, min(max(math.ceil(high), first + 1), length)


def resize(crop: np.ndarray, *, width: int, height: int, size_hw: Sequence[int] | None = None) -> np.ndarray:
    """A picture, uint8 ``(h, w, 3)``, in another size; smoothed where it shrinks.

    ``size_hw`` is its size in the whole photo, if it was cut from a reduced one.
    """
    # A side that shrinks to less than half is first smoothed by a whole number of pixels, and the rest is linear, where
    # no pixel is skipped. OpenCV's INTER_AREA by a broken number costs eight times as much (0.8 ms for 330 to 224 px):
    # more than all other work on a crop outside the models.
    in_photo = tuple(crop.shape[:2]) if size_hw is None else tuple(size_hw)
    by_x, by_y = max(1, in_photo[1] // width), max(1, in_photo[0] // height)
    if by_x > 1 or by_y > 1:
        columns, rows = in_photo[1] // by_x, in_photo[0] // by_y
        if in_photo == crop.shape[:2]:
            # What is left over at the edges, fewer pixels than make one, is shared between both sides.
            left, top = (crop.shape[1] - columns * by_x) // 2, (crop.shape[0] - rows * by_y) // 2
            crop = crop[top : top + rows * by_y, left : left + columns * by_x]
        # A crop from a reduced photo is brought to the same size, although that costs more. With any other, the encoder
        # sees another sharpness: embeddings of real photos then have a cosine of 0.98 in place of 0.995.
        crop = cv2.resize(crop, (columns, rows), interpolation=cv2.INTER_AREA)
    if (width, height) != (crop.shape[1], crop.shape[0]):
        crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
    return crop
