"""Puts the pictures of an export into a zip: crops or photos, with safe names, people left out or blurred."""

import io
import math
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from PIL import Image

from core.disk.bounded import read_bounded
from core.disk.inside import LeadsOut
from core.errors import PhotoChanged, PhotoUnreadable
from core.export.choice import Export
from core.formats.exported import name_species
from core.photos.blurring import blur_boxes, encode_without_traces
from core.photos.decoding import decode_photo
from core.photos.found_again import read_same_photo
from core.photos.reading import find_photo_file
from core.records import Box
from core.settings.run import SETTINGS
from core.store.people import People

MOST_MEGAPIXELS = 2_000.0
LONGEST_PART = 80
# No system takes a name of more than 255 bytes; Chinese signs have three bytes each, and an id comes behind the stem.
MOST_BYTES_OF_PART = 200
LONGEST_ENDING = 12
# Characters that some systems do not allow in file names, and others that no file name needs.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can store
_JPEG = (".jpg", ".jpeg")
_MARGIN = next(one.default for one in SETTINGS if one.name == "crop_margin")


class Pictures(StrEnum):
    """Which pictures go with an export."""

    CROPS = "crops"
    PHOTOS = "photos"


@dataclass(slots=True)
class PictureReport:
    """What became of the pictures: ``n_left_out`` photos were left out because they show people; ``missing`` are the
    names of pictures whose photos are no longer where the run found them or cannot be read; of ``n_changed`` of these,
    the file holds another picture now."""

    n_written: int = 0
    n_blurred: int = 0
    n_left_out: int = 0
    missing: set[str] = field(default_factory=set)
    n_changed: int = 0


def make_safe(name: str) -> str:
    """Make one part of a path safe: every system allows it as a file name, and no shell or spreadsheet executes it."""
    return _shorten(_clean(name), LONGEST_PART)


def make_safe_file(name: str) -> str:
    """As ``make_safe``, for the name of a file: a long one keeps its ending, without which no program opens it."""
    clean = _clean(name)
    ending = PurePosixPath(clean).suffix
    if _shorten(clean, LONGEST_PART) == clean or len(ending) > LONGEST_ENDING:
        return make_safe(name)
    return _shorten(clean.removesuffix(ending), LONGEST_PART - len(ending)) + ending


def _clean(name: str) -> str:
    visible = "".join(
        sign for sign in name if unicodedata.category(sign) != "Cf"
    )  # such as the mark that switches to right-to-left
    safe = _UNSAFE.sub("_", visible).strip(" .").lstrip("=+-@~")
    return f"_{safe}" if not safe or _RESERVED.fullmatch(safe) else safe


def _shorten(text: str, longest: int) -> str:
    return text[:longest].encode()[:MOST_BYTES_OF_PART].decode(errors="ignore").rstrip(" .")


def name_picture(row: Mapping[str, Any], pictures: Pictures, people: People) -> str:
    """The path of a row's picture in the zip, which no other row has; empty if the picture is left out.

    Crops are in a folder for each species; photos keep their folders. If the name of a photo had to be changed, a part
    of its id is added, so that names that differ only in a forbidden character stay different.

    Args:
        row: A row of ``Export.rows(for_pictures=True)``.
        pictures: Crops or photos.
        people: What is done with photos that show people. Blurred pictures become JPEGs.
    """
    path = PurePosixPath(row["file_name"])
    if pictures is Pictures.CROPS:
        species = make_safe(name_species(row))
        return f"crops/{species}/{make_safe(path.stem)}-{row['crop_id']}.jpg"
    if row["shows_people"] and people is People.LEAVE_OUT:
        return ""
    parts = [*(make_safe(part) for part in path.parts[:-1]), make_safe_file(path.name)]
    if tuple(parts) != path.parts or row["same_name"]:
        last = PurePosixPath(parts[-1])
        parts[-1] = f"{last.stem}-{row['photo_id'][:12]}{last.suffix}"
    if row["shows_people"] and people is People.BLUR and PurePosixPath(parts[-1]).suffix.lower() not in _JPEG:
        parts[-1] += ".jpg"
    return "/".join(["photos", *parts])


def add_pictures(
    archive: zipfile.ZipFile, export: Export, pictures: Pictures, *, on_picture: Callable[[], None] = lambda: None
) -> PictureReport:
    """Put the pictures of the exported rows into an open zip.

    People are blurred unless ``People.INCLUDE`` was chosen. With ``People.LEAVE_OUT``, photos that show people are left
    out. ``on_picture`` is called after each picture and may raise an error to stop.

    Raises:
        OSError: If the zip cannot be written.
    """
    report = PictureReport()
    people = export.choice.people
    for of_photo, boxes in _with_people(export):
        boxes = [] if people is People.INCLUDE else boxes
        for row in of_photo if pictures is Pictures.CROPS else of_photo[:1]:
            name = name_picture(row, pictures, people)
            if not name:
                report.n_left_out += 1
            else:
                try:
                    content, is_blurred = _read_picture(export, row, boxes, pictures)
                except (OSError, PhotoUnreadable, LeadsOut) as error:
                    report.n_changed += isinstance(error, PhotoChanged)
                    report.missing.add(name)
                else:
                    archive.writestr(zipfile.ZipInfo(name, _EARLIEST), content, zipfile.ZIP_STORED)
                    report.n_written += 1
                    report.n_blurred += is_blurred
            on_picture()
    return report


def _with_people(export: Export) -> Iterator[tuple[list[dict[str, Any]], list[Box]]]:
    """The rows of each photo with the boxes of the people in it. Both streams are sorted by file name."""
    people = export.people_boxes()
    name, boxes = next(people, ("", []))
    for file_name, rows in groupby(export.rows(by_photo=True, for_pictures=True), key=lambda row: row["file_name"]):
        while name and name < file_name:
            name, boxes = next(people, ("", []))
        of_photo = [Box(one["x"], one["y"], one["width"], one["height"]) for one in boxes] if name == file_name else []
        yield list(rows), of_photo


def _read_picture(export: Export, row: Mapping[str, Any], boxes: list[Box], pictures: Pictures) -> tuple[bytes, bool]:
    """The picture of a row, and whether people were blurred in it."""
    if pictures is Pictures.PHOTOS:
        photo = find_photo_file(export.project.path, Path(export.run.info.folder), row["file_name"])
        content = read_same_photo(photo, row["photo_id"])
        _check_picture(content)
        blurred = _blur_photo(content, boxes) if boxes else None
    else:
        path = export.project.crop_path(row["crop_id"])
        if path is None:
            raise PhotoUnreadable(f"{row['crop_id']} is not the id of a crop.")
        content = read_bounded(path)
        _check_picture(content)
        blurred = _blur_crop(content, row, boxes, margin=float(export.run.info.settings.get("crop_margin", _MARGIN)))
    return (content, False) if blurred is None else (blurred, True)


def _check_picture(content: bytes) -> None:
    """Nothing but pictures is packed, whatever a project that came from somebody else calls a photo."""
    try:
        Image.open(io.BytesIO(content)).close()
    except Image.DecompressionBombError:
        pass  # a very large one
    except Exception as error:  # what a damaged picture raises depends on its format
        raise PhotoUnreadable("It is not a picture.") from error


def _blur_photo(content: bytes, boxes: list[Box]) -> bytes:
    pixels = decode_photo(content, max_megapixels=MOST_MEGAPIXELS).pixels
    with Image.open(io.BytesIO(content)) as picture:
        exif = picture.getexif()
    return encode_without_traces(blur_boxes(pixels, boxes), exif=exif)


def _blur_crop(content: bytes, row: Mapping[str, Any], boxes: list[Box], *, margin: float) -> bytes | None:
    """The crop's picture with the people in it blurred; None if it shows no people."""
    added = 0.0 if row["kind"] == "frame" else margin * max(row["width"], row["height"])
    left, top = max(math.floor(row["x"] - added), 0), max(math.floor(row["y"] - added), 0)
    right = min(math.ceil(row["x"] + row["width"] + added), row["photo_width_px"])
    bottom = min(math.ceil(row["y"] + row["height"] + added), row["photo_height_px"])
    inside = [
        box
        for box in boxes
        if box.x < right and box.x + box.width > left and box.y < bottom and box.y + box.height > top
    ]
    if not inside:
        return None
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise PhotoUnreadable("The crop's picture cannot be read.")
    across, down = pixels.shape[1] / (right - left), pixels.shape[0] / (bottom - top)
    moved = [
        Box((box.x - left) * across, (box.y - top) * down, box.width * across, box.height * down) for box in inside
    ]
    return encode_without_traces(blur_boxes(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), moved))
