"""Reads a file of labels in any format, which is recognised by its content."""

from pathlib import Path

from core.disk.bounded import open_ordinary
from core.disk.text import describe_json, parse_json, read_content
from core.errors import FileFormatError
from core.formats.camtrap_dp.reader import is_camtrap_dp, parse_camtrap_dp, read_camtrap_dp
from core.formats.coco import is_coco, parse_coco
from core.formats.foreign import recognise_foreign
from core.formats.labelled import LabelFile
from core.formats.megadetector import is_megadetector, parse_megadetector
from core.formats.speciesnet import is_speciesnet, parse_speciesnet
from core.formats.tables.labels import parse_csv_labels

_EXPECTED = "labels as COCO, MegaDetector or SpeciesNet JSON, Camtrap DP or CSV"
_ZIP_START = b"PK\x03\x04"


def read_labels(path: Path) -> LabelFile:
    """The photos and labels of a COCO, MegaDetector, SpeciesNet, Camtrap DP (folder, datapackage.json or zip) or CSV
    file.

    The content decides, not the file's name.

    Raises:
        FileFormatError: If it is none of these, or lacks something that its format needs.
    """
    try:
        return _read_known(path)
    except FileFormatError as error:
        foreign = recognise_foreign(path)
        if foreign:
            raise FileFormatError(f"{foreign} Expected {_EXPECTED}.") from error
        raise


def _read_known(path: Path) -> LabelFile:
    if path.is_dir():
        return read_camtrap_dp(path)
    if _is_zip(path):
        return read_camtrap_dp(path)
    content = read_content(path, expected=_EXPECTED)
    if path.suffix.lower() not in (".json", ".geojson") and not _looks_like_json(content):
        return parse_csv_labels(content, source=path.name)
    value = parse_json(content, source=path.name, expected=_EXPECTED)
    if is_coco(value):
        return parse_coco(value, source=path.name)
    if is_megadetector(value):
        return parse_megadetector(value, source=path.name)
    if is_speciesnet(value):
        return parse_speciesnet(value, source=path.name)
    if is_camtrap_dp(value):
        return parse_camtrap_dp(value, folder=path.parent, source=path.name)
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
