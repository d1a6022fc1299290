"""Reads a file of classifications in any format, which is recognised by its content."""

from pathlib import Path

from core.disk.text import describe_json, parse_json, parse_table, quote_known, read_content
from core.errors import FileFormatError
from core.formats.classifiers.classified import ClassificationFile
from core.formats.classifiers.deepfaune import COLUMNS, is_deepfaune, parse_deepfaune
from core.formats.classifiers.megadetector import parse_megadetector_classes
from core.formats.classifiers.speciesnet import parse_speciesnet_classes
from core.formats.megadetector import is_megadetector
from core.formats.speciesnet import is_speciesnet

_EXPECTED = "SpeciesNet's predictions (JSON), a MegaDetector JSON with classifications, or DeepFaune's table (CSV)"


def read_classifications(path: Path) -> ClassificationFile:
    """What a classifier says of photos: SpeciesNet's JSON, MegaDetector's JSON with classes, or DeepFaune's CSV.

    The content decides, not the file's name.

    Raises:
        FileFormatError: If it is none of these, or nothing in it can be used.
    """
    content = read_content(path, expected=_EXPECTED)
    read = _parse(content, path)
    if not any(photo.boxes or photo.whole for photo in read.photos):
        why = f" Not used: {'; '.join(read.problems)}." if read.problems else ""
        raise FileFormatError(f"{path.name} has no class that can be used.{why} Expected {_EXPECTED}.")
    return read


def _parse(content: bytes, path: Path) -> ClassificationFile:
    if path.suffix.lower() != ".json" and content[:16].strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] not in (b"{", b"["):
        table = parse_table(content, source=path.name, expected=_EXPECTED)
        if not is_deepfaune(table.columns):
            raise FileFormatError(
                f"{path.name} is a table, but not DeepFaune's: it must have the columns {', '.join(COLUMNS)}; got "
                f"{quote_known(table.columns)}. Expected {_EXPECTED}."
            )
        return parse_deepfaune(table)
    value = parse_json(content, source=path.name, expected=_EXPECTED)
    if is_speciesnet(value):
        return parse_speciesnet_classes(value)
    if is_megadetector(value):
        return parse_megadetector_classes(value, source=path.name)
    raise FileFormatError(
        f"{path.name} is JSON, but of no classifier. Expected {_EXPECTED}; got {describe_json(value)}."
    )
