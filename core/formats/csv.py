"""CSV: writes the table of crops for spreadsheets, and reads it back. Labels in tables: tables/labels.py."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from core.disk.text import parse_table, read_content
from core.errors import AnomalureError
from core.formats.exported import EXPORT_COLUMNS, plain_value, set_utc
from core.formats.writing import open_new

# Moments in UTC; other times are those of a camera's clock.
_INSTANTS = ("decided_at",)

# A spreadsheet executes a text that begins like this as a formula, so it gets an apostrophe in front. A text that has
# apostrophes there already gets one more, so that reading it back removes exactly one. Excel passes over a line feed in
# front, and takes the wide forms of East Asian keyboards for the same signs.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def escape_formula(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """Undoes ``escape_formula``."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_csv(
    rows: Iterable[Mapping[str, Any]], path: Path, *, columns: Iterable[str] = EXPORT_COLUMNS, for_excel: bool = False
) -> int:
    """Write rows as a stream. The file appears only when it is complete.

    Args:
        rows: Rows with at least these columns; ``None`` and NaN become empty cells.
        path: The file to write. Its folder must exist.
        columns: The columns in order.
        for_excel: Begin with a byte order mark. Without it Excel takes UTF-8 for the code page of Windows; with it,
            ``read.csv`` of R and ``csv`` of Python take the mark for a part of the first column's name.

    Returns:
        The number of rows.

    Raises:
        AnomalureError: If it cannot be written.
        KeyError: If a row lacks a column.
    """
    columns = tuple(columns)
    count = 0
    with open_new(path, newline="", encoding="utf-8-sig" if for_excel else "utf-8") as file:
        writer = csv.writer(
            file
        )  # lines end with \r\n as in RFC 4180, because with other endings a lone \r would not be quoted
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_write_cell(row[column], column) for column in columns])
            count += 1
    return count


def write_new_table(rows: Iterable[Mapping[str, Any]], path: Path, *, columns: Iterable[str]) -> None:
    """As ``write_csv``, and its folder is made if it is not there.

    Raises:
        AnomalureError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AnomalureError(f"The table cannot be written to {path} ({error.strerror or error}).") from error
    write_csv(rows, path, columns=columns)


def read_csv_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a table that ``write_csv`` wrote, as text, without the added apostrophes.

    Raises:
        FileFormatError: If the file is not a table.
    """
    for row in parse_table(read_content(path, expected="a CSV"), source=path.name, expected="a CSV"):
        yield {column: unescape_formula(text) for column, text in row.items()}


def _write_cell(value: Any, column: str) -> Any:
    value = plain_value(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return escape_formula(value)
    if isinstance(value, datetime):
        return (set_utc(value) if column in _INSTANTS else value).isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
