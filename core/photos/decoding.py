"""Decodes a picture file to upright RGB pixels, whatever its format, colour mode or damage."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
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


@dataclass(frozen=True, slots=True)
class Decoded:
    """Upright pixels, RGB, uint8, shape ``(height, width, 3)``, what EXIF says, and what a reader should know."""

    pixels: np.ndarray
    facts: CameraFacts
    note: str


def decode_photo(content: bytes, *, max_megapixels: float, width_px: int | None = None) -> Decoded:
    """Decode a picture; a damaged one as far as possible.

    Transparency becomes neutral grey, 16 bits are scaled to 8 (stretched if they use only a small part of their range),
    and the first of several pages or frames is used.

    Args:
        content: The whole file.
        max_megapixels: Larger pictures are refused by the size in their header, before anything is unpacked.
        width_px: If a picture of this width is enough, a JPEG is unpacked to a half, a quarter or an eighth of its size
            that is not narrower; that takes less time and memory.

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
    if width_px is not None and kind == "JPEG":
        _draft(picture, width_px)
    with UNPACKED_AT_ONCE.hold(picture.width * picture.height):
        return _unpack(picture, kind, notes, is_cut=is_cut)


def _draft(picture: ImageFile.ImageFile, width_px: int) -> None:
    try:
        is_on_its_side = read_camera_facts(picture.getexif()).orientation >= 5
    except Exception:  # foreign bytes, as in decode_photo
        is_on_its_side = False
    picture.draft("RGB", (1, width_px) if is_on_its_side else (width_px, 1))


def measure_megapixels(file: BinaryIO) -> float:
    """The size of a picture by its header, of which only the needed part is read; 0 if it is no picture."""
    try:
        kind = _name_kind(file.read(12))
        file.seek(0)
        width, height = _OPENERS[kind](file).size
    except Exception:  # foreign bytes: decode_photo says what is wrong with them
        return 0.0
    return width * height / MEGA


def _unpack(picture: ImageFile.ImageFile, kind: str, notes: list[str], *, is_cut: bool) -> Decoded:
    damage = None
    try:
        picture.load()
    except MemoryError as error:
        raise _too_large_for_memory(picture) from error
    except Exception as error:  # foreign bytes: decoders raise anything, and none of it may end a run
        damage = error
        picture.tile = []  # nothing more to decode: keeps the pixels that are there
    try:
        facts = read_camera_facts(picture.getexif())
    except Exception:  # as above; the pixels are useful without it
        facts = CameraFacts()
        notes.append("its EXIF data is damaged: time and camera are unknown")
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
    return Decoded(pixels, facts, "; ".join(notes))


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
