"""Photos as a browser can show them: upright, RGB, scaled down, JPEG."""

import io
from pathlib import Path

import anyio
import anyio.to_thread
import numpy as np
import simplejpeg
from PIL import Image

from core.photos.crops import resize
from core.photos.decoding import decode_photo
from core.photos.found_again import read_same_photo
from core.photos.pixel_budget import MEGA
from core.photos.reduction import reduce_to_width

QUALITY = 85
_ORIENTATION = 0x0112  # EXIF
WIDTHS_PX = (320, 640, 960, 1280, 1600, 2048, 3072)
MOST_AS_IT_IS = 16 * MEGA
"""Pixels of the largest photo whose file is sent as the widest preview: a browser decodes it faster than it is coded
anew. Larger ones would take 100 MB of the browser's memory."""
NEARLY = 0.9
"""A picture of so much of the width is taken as it was decoded: for a little more, all of it would be decoded."""
# Photos of a run have passed the limit that its user chose; this is the highest that can be chosen.
MOST_MEGAPIXELS = 2_000.0
MOST_BYTES = 4_000_000_000
AT_ONCE = 4
_turns = anyio.CapacityLimiter(AT_ONCE)


def choose_width(asked: str | None) -> int | None:
    """The width to serve for the width asked for in an address: the next larger of a few steps, to keep caches small.

    None, or a width above the largest step, gives the largest step. Returns None if the text is not a whole number of
    at least 1.
    """
    if asked is None:
        return WIDTHS_PX[-1]
    if not asked.isascii() or not asked.isdigit() or len(asked) > 6 or int(asked) < 1:
        return None
    return next((width for width in WIDTHS_PX if width >= int(asked)), WIDTHS_PX[-1])


async def render_in_turn(path: Path, photo_id: str, *, width_px: int) -> bytes:
    """As ``render_preview``, in one of a few threads of its own.

    Many requests for large photos wait here. They neither fill the memory nor take the threads that save decisions.
    """
    return await anyio.to_thread.run_sync(lambda: render_preview(path, photo_id, width_px=width_px), limiter=_turns)


def render_preview(path: Path, photo_id: str, *, width_px: int) -> bytes:
    """A JPEG of the photo, upright, at most ``width_px`` wide, never enlarged.

    As the widest preview the file of an upright JPEG is given as it is, up to ``MOST_AS_IT_IS``. A photo that the
    decoder can reduce to nearly the width stays that little narrower.

    Raises:
        PhotoUnreadable: If the file is gone, cannot be decoded, or holds another picture than the run has read.
    """
    content = read_same_photo(path, photo_id, most_bytes=MOST_BYTES)
    if _can_be_shown(content, width_px=width_px):
        return content
    decoded = decode_photo(
        content, max_megapixels=MOST_MEGAPIXELS, choose_shrink=reduce_to_width(round(NEARLY * width_px))
    )
    pixels = decoded.pixels
    height_px, decoded_width_px = pixels.shape[:2]
    if decoded_width_px > width_px:
        pixels = resize(pixels, width=width_px, height=max(round(height_px * width_px / decoded_width_px), 1))
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=QUALITY, colorsubsampling="420")


def _can_be_shown(content: bytes, *, width_px: int) -> bool:
    """Whether the file can be served as it is: a complete, upright RGB JPEG that is small enough."""
    if not (content.startswith(b"\xff\xd8\xff") and content.rstrip(b"\0").endswith(b"\xff\xd9")):
        return False
    try:
        with Image.open(io.BytesIO(content)) as picture:
            turned = picture.getexif().get(_ORIENTATION, 1) != 1
            is_small = picture.width <= width_px or (
                width_px == WIDTHS_PX[-1] and picture.width * picture.height <= MOST_AS_IT_IS
            )
            return picture.format == "JPEG" and picture.mode == "RGB" and is_small and not turned
    except (OSError, ValueError, SyntaxError, ImportError):  # Ultralytics, once loaded, asks for a package for HEIC
        return False
