"""Exports as a CSV table that Excel on Windows opens with its umlauts and other letters as they are."""

from collections.abc import Iterable
from pathlib import Path

from core.export.formats.csv import choose_columns
from core.export.formats.format import Format, Source, Written
from core.formats.csv import write_csv
from core.formats.exported import Row


def write(rows: Iterable[Row], path: Path, source: Source) -> Written:
    """Write the table, with the mark by which Excel knows UTF-8."""
    return Written(write_csv(rows, path, columns=choose_columns(source), for_excel=True))


FORMAT = Format(
    name="csv-excel",
    label="CSV for Excel",
    about="The same table with a byte order mark, so that Excel on Windows shows letters such as ü as they are. For R "
    "and Python choose the CSV table.",
    file_name="crops-excel.csv",
    write=write,
    by_photo=False,
    picture_kinds=frozenset({"crops", "photos"}),
)
