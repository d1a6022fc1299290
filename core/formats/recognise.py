"""Reads a file of labels in any format, which is recognised by its content."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.disk.bounded import open_ordinary
from core.disk.text import describe_json, parse_json, read_content
from core.errors import FileFormatError
from core.formats.camtrap_dp.reader import is_camtrap_dp, parse_camtrap_dp, read_camtrap_dp
from core.formats.coco import is_coco, parse_coco
from core.formats.foreign import recognise_foreign
from core.formats.labelled import LabelFile
from core.formats.megadetector import is_megadetector, parse_megadetector
from core.formats.speciesnet import is_speciesnet, parse_speciesnet
from core.formats.tables.doubts import AmbiguousColumns
from core.formats.tables.labels import parse_csv_labels

_EXPECTED = "labels as COCO, MegaDetector or SpeciesNet JSON, Camtrap DP or CSV"
_ZIP_START = b"PK\x03\x04"


@dataclass(frozen=True)
class JsonFormat:
    """A format of labels as JSON: how it is recognised, and its reader."""

    name: str
    is_it: Callable[[object], bool]
    parse: Callable[[Any, Path], LabelFile]


JSON_FORMATS = (
    JsonFormat("COCO", is_coco, lambda value, path: parse_coco(value, source=path.name)),
    JsonFormat("MegaDetector", is_megadetector, lambda value, path: parse_megadetector(value, source=path.name)),
    JsonFormat("SpeciesNet", is_speciesnet, lambda value, path: parse_speciesnet(value, source=path.name)),
    JsonFormat(
        "Camtrap DP", is_camtrap_dp, lambda value, path: parse_camtrap_dp(value, folder=path.parent, source=path.name)
    ),
)


def read_labels(path: Path) -> LabelFile:
    """The photos and labels of a COCO, MegaDetector, SpeciesNet, Camtrap DP (folder, datapackage.json or zip) or CSV
    file.

    The content decides, not the file's name. What was used of the file is in its account.

    Raises:
        FileFormatError: If it is none of these, or lacks something that its format needs.
    """
    try:
        read = _read_known(path)
    except AmbiguousColumns:
        raise
    except FileFormatError as error:
        foreign = recognise_foreign(path)
        if foreign:
            raise FileFormatError(f"{foreign} Expected {_EXPECTED}.") from error
        raise
    return replace(read, accounts=tuple(replace(account, file=path.name) for account in read.accounts))


def _read_known(path: Path) -> LabelFile:
    if path.is_dir() or _is_zip(path):
        return read_camtrap_dp(path)
    content = read_content(path, expected=_EXPECTED)
    if path.suffix.lower() not in (".json", ".geojson") and not _looks_like_json(content):
        return parse_csv_labels(content, source=path.name)
    value = parse_json(content, source=path.name, expected=_EXPECTED)
    for one in JSON_FORMATS:
        if one.is_it(value):
            return one.parse(value, path)
    raise FileFormatError(
        f"{path.name} is JSON, but not in a known format. Expected images, annotations and categories (COCO), images "
        f"with file and detections (MegaDetector), predictions (SpeciesNet), or resources (Camtrap DP); got "
        f"{describe_json(value)}."
    )


def _is_zip(path: Path) -> bool:
    try:
        with open_ordinary(path) as file:
            return file.read(len(_ZIP_START)) == _ZIP_START
    except OSError:  # read_content says why
        return False


def _looks_like_json(content: bytes) -> bool:
    # The first character may follow a byte order mark and, in UTF-16 and 32, has zeros around it.
    return content[:16].strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"{", b"[")
