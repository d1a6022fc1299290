"""What a camera wrote into EXIF: when, with which camera, which side up."""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from PIL import Image

MAKE, MODEL, ORIENTATION, DATE_TIME = 0x010F, 0x0110, 0x0112, 0x0132
EXIF_FOLDER = 0x8769
DATE_TIME_ORIGINAL, DATE_TIME_DIGITIZED = 0x9003, 0x9004
SUBSEC, SUBSEC_ORIGINAL, SUBSEC_DIGITIZED = 0x9290, 0x9291, 0x9292
BODY_SERIAL, DNG_SERIAL = 0xA431, 0xC62F
LONGEST_TEXT = 100
# A year outside this range is a broken field, and the tables cannot hold every year.
FIRST_YEAR, LAST_YEAR = 1900, 2200

_TIME = re.compile(
    r"\s*(\d{4})[:\-/.](\d{1,2})[:\-/.](\d{1,2})[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(?:\s*([AP])\.?M)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What is known from EXIF. ``orientation`` is 1 (upright) to 8; ``captured_at`` has no zone."""

    captured_at: datetime | None = None
    make: str = ""
    model: str = ""
    serial: str = ""
    orientation: int = 1


def read_camera_facts(exif: Image.Exif) -> CameraFacts:
    """The facts in a picture's EXIF block; fields that are missing or impossible keep their default.

    Raises:
        Exception: Whatever Pillow raises for a broken block; there is no common base class.
    """
    inner = exif.get_ifd(EXIF_FOLDER)
    orientation = exif.get(ORIENTATION)
    return CameraFacts(
        captured_at=_first_time(exif, inner),
        make=_read_text(exif.get(MAKE)),
        model=_read_text(exif.get(MODEL)),
        serial=_read_text(inner.get(BODY_SERIAL)) or _read_text(exif.get(DNG_SERIAL)),
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
    )


def read_time(text: object, *, subseconds: object = None) -> datetime | None:
    """A time such as ``2019:07:08 08:00:00``, or ``None`` if the camera lost its clock (``0000:00:00 ...``)."""
    match = _TIME.match(_read_text(text))
    if match is None:
        return None
    *parts, half = match.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    if half:
        hour = hour % 12 + (12 if half in "pP" else 0) if hour <= 12 else hour
    digits = re.match(r"\d+", _read_text(subseconds))
    microsecond = int(digits.group()[:6].ljust(6, "0")) if digits else 0
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)
    except ValueError:
        return None


def _first_time(exif: Image.Exif, inner: Mapping[int, object]) -> datetime | None:
    for value, subseconds in (
        (inner.get(DATE_TIME_ORIGINAL), inner.get(SUBSEC_ORIGINAL)),
        (inner.get(DATE_TIME_DIGITIZED), inner.get(SUBSEC_DIGITIZED)),
        (exif.get(DATE_TIME), inner.get(SUBSEC)),
    ):
        time = read_time(value, subseconds=subseconds)
        if time is not None:
            return time
    return None


def _read_text(value: object) -> str:
    # Cameras pad with zero bytes, some with spaces; Pillow reads text as Latin-1, newer cameras write UTF-8.
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return ""
    text = value.split("\0", 1)[0]
    if not text.isascii():
        with contextlib.suppress(UnicodeError):
            text = text.encode("latin-1").decode("utf-8")
    return "".join(sign for sign in text if sign.isprintable()).strip()[:LONGEST_TEXT]
