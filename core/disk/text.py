"""Reads text, JSON and tables that other tools wrote, in any common encoding, with plain messages for other content."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.disk.bounded import read_bounded
from core.disk.names import show_name
from core.errors import FileFormatError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What letters of other encodings become when they are read as Windows-1252: parts of UTF-8, words of nothing but odd
# signs (Cyrillic, Greek, Chinese), and signs or capitals inside a word (the Macs of old).
_PARTS_OF_UTF8 = re.compile(rb"\xc3[\x80-\xbf]|\xe2\x80[\x90-\xbf]")
_NOT_WESTERN = re.compile(
    r"[^\W\d_][†‡‰ˆ˜¢¤¦¬±‹›•™„‚ƒ¹²³][a-z]|[a-z][ŠŽŸŒ]|[A-Z]Ÿ[a-z]|(?:(?![äöüßåøæ])[^\W\d_\x00-\x7f]){3}|[^\x00-\x7f]{4}"
)
_HALF_SIGN = re.compile(r"\\u[dD][89a-fA-F]")
MOST_COLUMNS = 5_000
MOST_CELLS = 30_000_000
"""About 3 GB in memory; a package of a million photos has 20 million."""
# Names that tools for camera traps give to columns and keys.
_USUAL = frozenset(
    [
        "annotations",
        "bbox",
        "camera",
        "categories",
        "category",
        "class",
        "date",
        "deployment",
        "deploymentid",
        "detection_categories",
        "detections",
        "directory",
        "event",
        "file",
        "file_name",
        "filename",
        "filepath",
        "folder",
        "height",
        "image",
        "images",
        "info",
        "label",
        "labels",
        "latitude",
        "licenses",
        "location",
        "longitude",
        "media",
        "observations",
        "path",
        "photo",
        "place",
        "resources",
        "sequence",
        "site",
        "species",
        "station",
        "time",
        "width",
        "x",
        "y",
    ]
)
_DELIMITERS = (",", ";", "\t")
_SEP_LINES = frozenset(f"sep={sign}".strip() for sign in _DELIMITERS)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text by column name; a row that is too short has empty texts at its end."""

    columns: tuple[str, ...]
    rows: list[dict[str, str]]

    def __iter__(self) -> Iterator[dict[str, str]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def read_content(path: Path, *, expected: str) -> bytes:
    """The bytes of a file.

    Args:
        path: The file.
        expected: What it should be ("a COCO file"), for the error.

    Raises:
        FileFormatError: If it is missing, a folder, unreadable or empty.
    """
    try:
        content = read_bounded(path)
    except FileNotFoundError as error:
        raise FileFormatError(f"There is no file {path}; expected {expected}.") from error
    except OSError as error:
        if path.is_dir():
            raise FileFormatError(f"{path} is a folder; expected {expected}.") from error
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not content.strip(b"\0 \t\r\n"):
        raise FileFormatError(f"{path.name} is empty; expected {expected}.")
    return content


def decode_text(content: bytes, *, source: str, expected: str) -> str:
    """Text in UTF-8, or in UTF-16 or 32 with a byte order mark, or else in the Windows code page 1252.

    Raises:
        FileFormatError: If the content is not text, or is in another encoding, as far as that can be told: its names
            would come out wrong without a word.
    """
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "")
    if not encoding and b"\0" in content[:4096]:
        raise FileFormatError(f"{source} is not a text file; expected {expected}.")
    for attempt in (encoding,) if encoding else ("utf-8", "cp1252"):
        try:
            text = content.decode(attempt)
        except UnicodeDecodeError:
            continue
        if attempt == "cp1252":
            _refuse_other_encodings(content, text, source=source)
        return text
    raise FileFormatError(
        f"{source} is not readable text (tried {encoding or 'UTF-8 and Windows-1252'}); expected {expected}."
    )


def _refuse_other_encodings(content: bytes, text: str, *, source: str) -> None:
    """Refuse what is neither UTF-8 nor Windows-1252. What stands there is not quoted: it may be any file."""
    mixed, other = _PARTS_OF_UTF8.search(content), _NOT_WESTERN.search(text)
    if mixed or other:
        before = content[: mixed.start()].count(b"\n") if mixed else text.count("\n", 0, other.start() if other else 0)
        what = "UTF-8 in parts, with signs that are none" if mixed else "neither in UTF-8 nor in Windows-1252"
        raise FileFormatError(
            f"{source} is {what} (line {before + 1:,}), so names in it would be read wrongly. Save it as UTF-8 (in "
            "Excel: CSV UTF-8)."
        )


def parse_json(content: bytes, *, source: str, expected: str) -> Any:
    """The value of a JSON file.

    Raises:
        FileFormatError: If it is not JSON, with the line and column of the first error.
    """
    text = decode_text(content, source=source, expected=expected)
    try:
        value = json.loads(text)
        return _mend(value) if _HALF_SIGN.search(text) else value
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{source} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}; expected {expected}."
        ) from error
    except RecursionError as error:
        raise FileFormatError(f"{source} is not usable JSON: it is nested too deeply; expected {expected}.") from error
    except ValueError as error:  # Python reads no number of thousands of digits
        raise FileFormatError(
            f"{source} is not usable JSON: a number in it has thousands of digits; expected {expected}."
        ) from error


def _mend(value: Any) -> Any:
    """The value with a mark in place of halves of signs, by which Python writes names that are not valid text."""
    if isinstance(value, str):
        return show_name(value)
    if isinstance(value, list):
        return [_mend(one) for one in value]
    if isinstance(value, dict):
        return {show_name(key): _mend(one) for key, one in value.items()}
    return value


def describe_json(value: Any) -> str:
    """What a JSON value is, for a message."""
    if isinstance(value, dict):
        return quote_known(value) if value else "an empty object"
    return f"a {type(value).__name__}"


def quote_known(names: Iterable[Any]) -> str:
    """Names of columns or keys for a message: usual ones as they are, others only counted.

    Whoever may name a file on a page could otherwise read the first line of any file with it.
    """
    given = [str(name) for name in names]
    usual = [name for name in given if name.casefold().replace(" ", "_") in _USUAL]
    others = len(given) - len(usual)
    if others:
        usual.append(f"{others:,} other name{'s' if others > 1 else ''}")
    return ", ".join(usual)


def parse_table(content: bytes, *, source: str, expected: str) -> Table:
    """A table whose first line names the columns, separated by commas, semicolons or tabs.

    Raises:
        FileFormatError: If it is no such table, or a row has more cells than there are columns.
    """
    text = decode_text(content, source=source, expected=expected)
    text = text.lstrip("\r\n")
    header = text.split("\n", 1)[0]
    if header.strip().casefold() in _SEP_LINES:  # Excel's way to say what separates the cells
        text = text.partition("\n")[2]
        header = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=header.count)  # the first of those that are equal: a comma
    rows: list[dict[str, str]] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        columns = tuple(name.strip() for name in next((row for row in reader if row), []))
        while len(columns) > 1 and not columns[-1]:  # spreadsheets write cells that were used once
            columns = columns[:-1]
        if not any(columns) or len(set(columns)) != len(columns):
            # What the line says is not quoted: whoever may name a file on a page could read any file with it.
            twice = "a name stands in it twice" if any(columns) else "it is empty"
            raise FileFormatError(
                f"{source}: the first line must name each column once, but {twice}; expected {expected}."
            )
        if len(columns) > MOST_COLUMNS:
            raise FileFormatError(
                f"{source} has {len(columns):,} columns, more than {MOST_COLUMNS:,}; expected {expected}."
            )
        for cells in reader:
            if not cells:
                continue
            if (len(rows) + 1) * len(columns) > MOST_CELLS:
                raise FileFormatError(
                    f"{source} has more than {MOST_CELLS:,} cells. Leave only the columns that are needed, or split it."
                )
            if len(cells) > len(columns) and not any(cells[len(columns) :]):
                cells = cells[: len(columns)]
            if len(cells) > len(columns):
                raise FileFormatError(
                    f"{source}, line {reader.line_num}: {len(cells)} cells for {len(columns)} columns. The first "
                    "line must name all of them, and nothing else."
                )
            cells += [""] * (len(columns) - len(cells))
            rows.append(dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise FileFormatError(f"{source}, line {reader.line_num}: {error}; expected {expected}.") from error
    return Table(columns, rows)


def read_json(path: Path, *, expected: str) -> Any:
    """The value in a JSON file; raises FileFormatError as its parts do."""
    return parse_json(read_content(path, expected=expected), source=path.name, expected=expected)


def read_table(path: Path, *, expected: str) -> Table:
    """The table in a CSV file; raises FileFormatError as its parts do."""
    return parse_table(read_content(path, expected=expected), source=path.name, expected=expected)
