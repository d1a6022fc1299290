"""Files of labels that are known but not read: each is refused by its name, with what to do instead."""

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core.disk.bounded import open_ordinary, read_bounded

_LOOKED_AT_BYTES = 65_536
_LOOKED_AT_FILES = 1_000
_SUFFIXES = frozenset([".xml", ".txt", ".json", ".yaml"])
_AS_COCO = "export the labels as COCO JSON from the program in which the boxes were drawn"
_AS_CSV = "save the sheet as CSV (in Excel: CSV UTF-8)"
_YOLO_LINE = re.compile(rb"\s*\d+(\s+[-+.\deE]+){4,}\s*")
_YOLO_CLASSES = re.compile(rb"^names\s*:", re.M)
_YOLO_PARTS = re.compile(rb"^(train|val|nc)\s*:", re.M)


@dataclass(frozen=True)
class ForeignFormat:
    """A format that is not read: how it is recognised, and what to do.

    ``starts`` looks at the first bytes of a file, ``holds`` at the value of a JSON file, ``zipped`` is the name of a
    file that only its zips have.
    """

    name: str
    do: str
    starts: Callable[[bytes], bool] | None = None
    holds: Callable[[Any], bool] | None = None
    zipped: str = ""


def _has_columns(*names: str) -> Callable[[bytes], bool]:
    def look(start: bytes) -> bool:
        line = start.removeprefix(b"\xef\xbb\xbf").split(b"\n")[0]
        there = {part.strip(b' "\r').lstrip(b"#") for part in re.split(rb"[,;\t]", line)}
        return there.issuperset(name.encode() for name in names)

    return look


def _is_xml_of(*roots: bytes) -> Callable[[bytes], bool]:
    pattern = re.compile(rb"\s*(<\?xml[^>]*>)?\s*(<!--.*?-->\s*)*<(" + b"|".join(roots) + rb")[\s>]", re.S)
    return lambda start: pattern.match(start.removeprefix(b"\xef\xbb\xbf")) is not None


def _are_yolo_lines(start: bytes) -> bool:
    lines = [line for line in start.split(b"\n")[:20] if line.strip()]
    return bool(lines) and all(_YOLO_LINE.fullmatch(line) for line in lines)


def _is_label_studio(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    if not isinstance(first, dict):
        return False
    is_whole = "data" in first and bool({"annotations", "completions"} & set(first))
    return is_whole or {"image", "annotator"} <= set(first) or {"image", "annotation_id"} <= set(first)


def _is_via(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    photos = value.get("_via_img_metadata", value)
    first = next(iter(photos.values()), None) if isinstance(photos, dict) else None
    if {"project", "file", "metadata", "attribute"} <= set(value):  # version 3
        return True
    return "_via_settings" in value or (isinstance(first, dict) and {"filename", "regions"} <= set(first))


FOREIGN = (
    ForeignFormat(
        "a table of classifications from Zooniverse",
        "join what the volunteers said (Zooniverse's panoptes_aggregation does that) and save a CSV with the columns "
        "file_name and species, a row for each photo",
        starts=lambda start: (
            _has_columns("subject_ids", "annotations")(start)
            or _has_columns("subject_id", "workflow_id")(start)
            or _has_columns("subject_id", "metadata", "locations")(start)
        ),
    ),
    ForeignFormat(
        "a table of the first MegaDetector (2018 to 2019), whose boxes are a list in one cell",
        "convert it to MegaDetector's JSON (megadetector.postprocessing.convert_output_format does that)",
        starts=lambda start: any(
            _has_columns(photo, most, "detections")(start)
            for photo in ("image_path", "file")
            for most in ("max_confidence", "max_detection_conf")
        ),
    ),
    ForeignFormat(
        "a table of keywords from exiftool, Lightroom or digiKam",
        "save a CSV with the columns file_name and species, with the keyword of the species in the second one",
        starts=lambda start: any(
            _has_columns(name)(start) for name in ("HierarchicalSubject", "Keywords", "Subject", "TagsList", "Tags")
        ),
    ),
    ForeignFormat(
        "one table of a Camtrap DP package",
        "give its datapackage.json, or the folder or the zip with all tables",
        starts=lambda start: (
            _has_columns("observationID", "observationType")(start)
            or _has_columns("mediaID", "filePath")(start)
            or _has_columns("deploymentID", "deploymentStart")(start)
        ),
    ),
    ForeignFormat(
        "a table of sequences from Wildlife Insights, which names no photos",
        "export the project's images there instead",
        starts=_has_columns("sequence_id", "is_blank", "group_size"),
    ),
    ForeignFormat(
        "a Pascal VOC file (XML)",
        f"convert the folder of XML files into one COCO JSON, or {_AS_COCO}",
        starts=_is_xml_of(b"annotation"),
    ),
    ForeignFormat("a CVAT file (XML)", f"{_AS_COCO} (COCO 1.0)", starts=_is_xml_of(b"annotations")),
    ForeignFormat(
        "a YOLO file (text), which names neither its photo nor species",
        f"convert the folder of text files into one COCO JSON, or {_AS_COCO}",
        starts=_are_yolo_lines,
    ),
    ForeignFormat(
        "the description of a YOLO dataset",
        f"convert its text files into one COCO JSON, or {_AS_COCO}",
        starts=lambda start: bool(_YOLO_CLASSES.search(start) and _YOLO_PARTS.search(start)),
    ),
    ForeignFormat(
        "a LabelMe file (JSON)",
        "convert the folder of JSON files into one COCO JSON",
        holds=lambda value: isinstance(value, dict) and {"shapes", "imagePath"} <= set(value),
    ),
    ForeignFormat("a Label Studio file (JSON)", "export them there again, as COCO", holds=_is_label_studio),
    ForeignFormat(
        "a file of the VGG Image Annotator",
        "export them there again, as COCO",
        starts=_has_columns("filename", "region_shape_attributes"),
        holds=_is_via,
    ),
    ForeignFormat(
        "a list of COCO results, which names neither photos nor species",
        "join it with the images and categories of the COCO file that it is about",
        holds=lambda value: (
            isinstance(value, list)
            and bool(value)
            and isinstance(value[0], dict)
            and {"image_id", "category_id"} <= set(value[0])
        ),
    ),
    ForeignFormat(
        "a file of Darknet (JSON)",
        "run the detector again with a program that writes MegaDetector's or COCO's JSON",
        holds=lambda value: (
            isinstance(value, list)
            and bool(value)
            and isinstance(value[0], dict)
            and {"frame_id", "objects"} <= set(value[0])
        ),
    ),
    ForeignFormat("an Excel workbook", _AS_CSV, zipped="xl/workbook.xml"),
    ForeignFormat("an old Excel workbook", _AS_CSV, starts=lambda start: start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1")),
    ForeignFormat("an OpenDocument sheet", _AS_CSV, zipped="content.xml"),
    ForeignFormat(
        "a database (SQLite), as Timelapse has one",
        "export the labels as CSV from the program that wrote it (in Timelapse: File, Export data as CSV)",
        starts=lambda start: start.startswith(b"SQLite format 3\0"),
    ),
    ForeignFormat(
        "compressed",
        "unpack it; a file of R is written as CSV with write.csv(table, 'labels.csv', row.names = FALSE)",
        starts=lambda start: start.startswith((b"\x1f\x8b", b"RDX2", b"RDX3", b"BZh", b"\xfd7zXZ")),
    ),
)


def recognise_foreign(path: Path) -> str:
    """What a file or folder of labels is that cannot be read, and what to do, in a sentence; empty if not known.

    Nothing of its content is quoted: it may be any file.
    """
    try:
        if path.is_dir():
            return _recognise_folder(path)
        one = _recognise_file(path)
    except (OSError, ValueError, zipfile.BadZipFile, RecursionError):
        return ""
    return _say(path.name, one) if one else ""


def _recognise_folder(folder: Path) -> str:
    for path in islice(folder.rglob("*"), _LOOKED_AT_FILES):
        if path.suffix.lower() in _SUFFIXES and path.is_file() and (one := _recognise_file(path)):
            return _say(f"{folder.name}/{path.relative_to(folder).as_posix()}", one)
    return ""


def _say(name: str, one: ForeignFormat) -> str:
    return f"{name} is {one.name}. That is not read here: {one.do}."


def _recognise_file(path: Path) -> ForeignFormat | None:
    with open_ordinary(path) as file:
        start = file.read(_LOOKED_AT_BYTES)
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
        return next((one for one in FOREIGN if one.zipped and one.zipped in names), None)
    for one in FOREIGN:
        if one.starts is not None and one.starts(start):
            return one
    if start.lstrip()[:1] not in (b"{", b"["):
        return None
    value = json.loads(read_bounded(path))
    return next((one for one in FOREIGN if one.holds is not None and one.holds(value)), None)
