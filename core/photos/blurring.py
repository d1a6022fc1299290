"""Make people in a picture unrecognisable."""

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from core.photos.exif import DATE_TIME, DATE_TIME_ORIGINAL, EXIF_FOLDER, MAKE, MODEL
from core.records import Box

# So few patches are left of each box that no face in it can be recognised.
PATCHES = 6
MARGIN = 0.08
JPEG_QUALITY = 92


def blur_boxes(pixels: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """The picture with the inside of the boxes, and a margin around them, reduced to a few soft patches.

    Args:
        pixels: RGB, uint8, shape ``(height, width, 3)``; left unmodified.
        boxes: In pixels; may reach over the edges, or lie outside.
    """
    out = pixels.copy()
    height, width = out.shape[:2]
    for box in boxes:
        added = MARGIN * max(box.width, box.height)
        left, right = (int(np.clip(edge, 0, width)) for edge in (box.x - added, np.ceil(box.x + box.width + added)))
        top, bottom = (int(np.clip(edge, 0, height)) for edge in (box.y - added, np.ceil(box.y + box.height + added)))
        if right <= left or bottom <= top:
            continue
        part = out[top:bottom, left:right]
        small = cv2.resize(part, (min(PATCHES, right - left), min(PATCHES, bottom - top)), interpolation=cv2.INTER_AREA)
        out[top:bottom, left:right] = cv2.resize(small, (right - left, bottom - top), interpolation=cv2.INTER_CUBIC)
    return out


def encode_without_traces(pixels: np.ndarray, *, exif: Image.Exif | None = None) -> bytes:
    """A JPEG with the time and the camera of the original and nothing else of its EXIF: the thumbnail in it, and the
    preview that some makers hide there, show what was blurred."""
    kept = Image.Exif()
    if exif is not None:
        for tag in (MAKE, MODEL, DATE_TIME):
            if tag in exif:
                kept[tag] = exif[tag]
        taken = exif.get_ifd(EXIF_FOLDER).get(DATE_TIME_ORIGINAL)
        if taken:
            kept.get_ifd(EXIF_FOLDER)[DATE_TIME_ORIGINAL] = taken
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=JPEG_QUALITY, exif=kept)
    return out.getvalue()
