"""Decodes a picture file to upright RGB pixels, whatever its format, colour mode or damage."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import cv2
import numpy as np
import simplejpeg
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from core.errors import PhotoUnreadable
from core.photos.exif import CameraFacts, read_camera_facts
from core.photos.pixel_budget import MEGA, PixelBudget
from core.photos.reduction import ChooseShrink, count_blocks, keep_all

NEUTRAL_GREY = (127, 127, 127)
JPEG_END = b"\xff\xd9"
# One picture of 100 megapixels takes 0.4 to 1.7 GB while it is unpacked, by its format.
UNPACKED_AT_ONCE = PixelBudget(100.0)
# If more than this is missing from a truncated picture, nothing can be seen in it.
MOST_MISSING = 0.99
SMALL_PART, SMALLEST_PART = 1 / 8, 1 / 512
"""A grey picture that uses less than this part of its range is stretched, but never a smaller part than the second."""
DEAD_PERCENT = 0.1
"""So many pixels in a hundred may be dead or hot without counting for the range."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The same for arrays.
_TURN: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: lambda pixels: cv2.transpose(pixels),
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
ON_ITS_SIDE = 5
"""From this orientation on, width and height are exchanged."""


# Modes of Pillow in which a JPEG's colours are those that libjpeg-turbo converts to RGB in the same way.
_PLAIN_MODES = {"RGB", "L"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Upright pixels, RGB, uint8, shape ``(height, width, 3)``, what EXIF says, and what a reader should know.

    ``width_px`` and ``height_px`` are those of the photo. Each pixel stands for ``shrink`` of its pixels each way.
    """

    pixels: np.ndarray
    facts: CameraFacts
    note: str
    width_px: int
    height_px: int
    shrink: int = 1


def decode_photo(content: bytes, *, max_megapixels: float, choose_shrink: ChooseShrink = keep_all) -> Decoded:
    """Decode a picture; a damaged one as far as possible.

    Transparency becomes neutral grey, 16 bits are scaled to 8 (stretched if they use only a small part of their range),
    and the first of several pages or frames is used.

    Args:
        content: The whole file.
        max_megapixels: Larger pictures are refused by the size in their header, before anything is unpacked.
        choose_shrink: How far the photo may be reduced. Only an intact JPEG in RGB or grey is: that takes less time and
            memory. Others keep all pixels.

    Raises:
        PhotoUnreadable: If no pixels can be decoded, with the reason in a plain sentence.
    """
    if not content:
        raise PhotoUnreadable("The file is empty (0 bytes).")
    kind = _name_kind(content)
    notes: list[str] = []
    is_cut = _is_cut(content, kind)
    if is_cut and kind == "JPEG":
        # With an end marker, the decoder fills in what is missing. Pillow's own switch for this (LOAD_TRUNCATED_IMAGES)
        # holds for the whole process, so other threads would accept truncated files silently.
        content += JPEG_END
    picture = _open(io.BytesIO(content), kind, max_megapixels=max_megapixels)
    if kind == "JPEG" and not is_cut and picture.mode in _PLAIN_MODES:
        decoded = _decode_intact(content, picture, choose_shrink)
        if decoded is not None:
            return decoded
    with UNPACKED_AT_ONCE.hold(picture.width * picture.height):
        return _unpack(picture, kind, notes, is_cut=is_cut)


def _decode_intact(content: bytes, picture: ImageFile.ImageFile, choose_shrink: ChooseShrink) -> Decoded | None:
    """The pixels that Pillow gives, in a third of the time, reduced if wanted; None if the decoder complains."""
    notes: list[str] = []
    facts = _read_facts(picture, notes)
    shrink = _choose_shrink(picture, facts.orientation, choose_shrink)
    width, height = (count_blocks(side, shrink) for side in picture.size)
    # A progressive JPEG is kept whole until its last scan, however far it is reduced.
    unpacked = picture.width * picture.height if "progressive" in picture.info else width * height
    with UNPACKED_AT_ONCE.hold(unpacked):
        try:
            pixels = simplejpeg.decode_jpeg(content, min_width=width, min_height=height)
        except Exception:  # foreign bytes: Pillow decodes what can be decoded, and says what is wrong
            return None
        if pixels.shape != (height, width, 3):
            return None
        pixels = _TURN[facts.orientation](pixels)
    width_px, height_px = picture.size if facts.orientation < ON_ITS_SIDE else picture.size[::-1]
    return Decoded(pixels, facts, "; ".join(notes), width_px, height_px, shrink)


def _choose_shrink(picture: ImageFile.ImageFile, orientation: int, choose_shrink: ChooseShrink) -> int:
    size = picture.size if orientation < ON_ITS_SIDE else picture.size[::-1]
    shrink = choose_shrink(*size)
    # In a photo that is turned or mirrored, the blocks that reach over the edge would come first.
    while orientation != 1 and any(side % shrink for side in size):
        shrink //= 2
    return shrink


def _read_facts(picture: ImageFile.ImageFile, notes: list[str]) -> CameraFacts:
    try:
        return read_camera_facts(picture.getexif())
    except Exception:  # foreign bytes, as in decode_photo; the pixels are useful without it
        notes.append("its EXIF data is damaged: time and camera are unknown")
        return CameraFacts()


def measure_megapixels(file: BinaryIO, *, choose_shrink: ChooseShrink = keep_all) -> float:
    """The size of a picture by its header, of which only the needed part is read; 0 if it is no picture.

    It is the size to which an intact picture is decoded; a damaged one may be decoded to more.
    """
    try:
        kind = _name_kind(file.read(12))
        file.seek(0)
        picture = _OPENERS[kind](file)
        is_reduced = kind == "JPEG" and picture.mode in _PLAIN_MODES
        shrink = choose_shrink(*picture.size) if is_reduced else 1
        width, height = (count_blocks(side, shrink) for side in picture.size)
    except Exception:  # foreign bytes: decode_photo says what is wrong with them
        return 0.0
    return width * height / MEGA


def read_facts(file: BinaryIO) -> CameraFacts:
    """What a camera wrote into a picture; nothing if it is no picture. Of a JPEG only the beginning is read."""
    try:
        kind = _name_kind(file.read(12))
        file.seek(0)
        return _read_facts(_OPENERS[kind](file), [])
    except Exception:  # foreign bytes: decode_photo says what is wrong with them
        return CameraFacts()


def _unpack(picture: ImageFile.ImageFile, kind: str, notes: list[str], *, is_cut: bool) -> Decoded:
    damage = None
    try:
        picture.load()
    except MemoryError as error:
        raise _too_large_for_memory(picture) from error
    except Exception as error:  # foreign bytes: decoders raise anything, and none of it may end a run
        damage = error
        picture.tile = []  # nothing more to decode: keeps the pixels that are there
    facts = _read_facts(picture, notes)
    if kind != "JPEG" and getattr(picture, "is_animated", False):
        notes.append("it has several pages or frames: the first is used")
    try:
        upright = _to_rgb(picture)
        missing = _measure_missing(upright) if is_cut or damage else 0.0
        if facts.orientation != 1:
            upright = upright.transpose(_UPRIGHT[facts.orientation])
        pixels = np.array(upright)
    except MemoryError as error:
        raise _too_large_for_memory(picture) from error
    except Exception as error:  # as above: modes that Pillow cannot convert, or no pixels at all
        raise PhotoUnreadable(f"Its picture data cannot be used: {damage or error}.") from error
    if is_cut or damage:
        if missing > MOST_MISSING:
            raise PhotoUnreadable(
                "The file ends before its picture data." if is_cut else f"Its picture data is damaged: {damage}."
            )
        state = "truncated: the file ends early" if is_cut else "damaged: not all of it could be decoded"
        notes.insert(0, f"{state}, its last {missing:.0%} is missing" if missing else state)
    return Decoded(pixels, facts, "; ".join(notes), pixels.shape[1], pixels.shape[0])


# The classes are called directly, and not through Image.open: that would try every format that Pillow knows (some
# start other programs), and has one limit on the size for the whole process.
_OPENERS: dict[str, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}


def _name_kind(content: bytes) -> str:
    start = content[:12]
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if start[:4] == b"RIFF" and start[8:] == b"WEBP":
        return "WebP"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if start[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if start[:2] == b"BM":
        return "BMP"
    if not content.strip(b"\0"):
        raise PhotoUnreadable(f"The file contains only zeros ({len(content)} bytes): copying it may have failed.")
    if start[4:8] == b"ftyp":
        raise PhotoUnreadable("It is a video or a HEIC picture, not a JPEG, PNG, WebP or TIFF.")
    raise PhotoUnreadable("It is not a picture: its content is none of JPEG, PNG, WebP and TIFF.")


def _open(file: BinaryIO, kind: str, *, max_megapixels: float) -> ImageFile.ImageFile:
    try:
        picture = _OPENERS[kind](file)
        width, height = picture.size
    except Exception as error:  # as in decode_photo
        raise PhotoUnreadable(f"It begins like a {kind} but cannot be opened: {error}.") from error
    if width * height > max_megapixels * MEGA:
        raise PhotoUnreadable(
            f"It would unpack to {width} x {height} pixels, {width * height / MEGA:.0f} megapixels; "
            f"the setting max_megapixels allows {max_megapixels:g}."
        )
    if width < 1 or height < 1:
        raise PhotoUnreadable(f"Its header says {width} x {height} pixels.")
    return picture


def _is_cut(content: bytes, kind: str) -> bool:
    """Whether the file ends before its end marker."""
    if kind == "PNG":
        return b"IEND" not in content[-64:] and b"IEND" not in content
    if kind != "JPEG" or content.endswith(JPEG_END):
        return False
    # The thumbnail in EXIF has an end marker of its own, so look behind the start of the picture data.
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == 0xDA:
            return content.find(JPEG_END, at) == -1
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return True


def _measure_missing(picture: Image.Image) -> float:
    """The share of rows at the bottom that are of one colour: what a decoder leaves where data is missing."""
    pixels = np.asarray(picture)
    filled = np.flatnonzero((pixels != pixels[-1, -1]).any(axis=(1, 2)))
    return 1.0 - (filled[-1] + 1) / len(pixels) if len(filled) else 1.0


def _too_large_for_memory(picture: Image.Image) -> PhotoUnreadable:
    width, height = picture.size
    return PhotoUnreadable(f"A picture of {width} x {height} pixels does not fit into the memory.")


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return Image.fromarray(_to_8_bits(np.asarray(picture))).convert("RGB")
    if picture.has_transparency_data:
        layers = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (*NEUTRAL_GREY, 255))
        return Image.alpha_composite(ground, layers).convert("RGB")
    return picture.convert("RGB")


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of any range as uint8: 16 bits and 0 to 1 by their full range, others from least to greatest.

    A picture that uses a small part of the full range, such as 14 bits of a thermal camera, is stretched, too: it would
    be nearly of one grey.
    """
    finite = np.nan_to_num(values.astype(np.float64))
    low, high = float(finite.min()), float(finite.max())
    full = 65_535.0 if values.dtype.kind in "iu" and low >= 0 and high <= 65_535 else 0.0
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        full = 1.0
    if full:
        low, high = _find_used_range(finite, low, high)
        if high - low > SMALL_PART * full:
            low, high = 0.0, full
        else:  # a covered lens stays nearly of one grey, and its noise is not made visible
            high = max(high, low + full * SMALLEST_PART)
    return np.round(np.clip((finite - low) * (255 / max(high - low, 1e-12)), 0, 255)).astype(np.uint8)


def _find_used_range(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """The least and greatest value, without a few dead pixels that lie far outside the others."""
    start, end = (float(value) for value in np.percentile(values, (DEAD_PERCENT, 100 - DEAD_PERCENT)))
    span = end - start
    return (start if start - low > span else low), (end if high - end > span else high)
