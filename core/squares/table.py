"""The table of squares: ``file_name, row, column, r, discolor_ratio``, as the published data has it."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from core.errors import AnomalureError, FileFormatError
from core.formats.csv import read_csv_rows, write_csv
from core.squares.square import Square

COLUMNS = ("file_name", "row", "column", "r", "discolor_ratio")


def write_squares(squares: Iterable[Square], path: Path) -> None:
    """Write the table.

    Raises:
        AnomalureError: If it cannot be written.
    """
    write_csv(map(asdict, squares), path, columns=COLUMNS)


def read_squares(path: Path) -> dict[str, Square]:
    """The squares of a table, by file name.

    Raises:
        FileFormatError: If it is no such table, or a row is not a square, or a photo has two rows.
    """
    squares: dict[str, Square] = {}
    for number, row in enumerate(read_csv_rows(path), start=2):
        square = _read_row(row, f"{path}, row {number}")
        if square.file_name in squares:
            raise FileFormatError(f"{path} names {square.file_name} twice. Each photo has one square: delete a row.")
        squares[square.file_name] = square
    if not squares:
        raise FileFormatError(f"{path} has no rows. Expected one for each photo, with {', '.join(COLUMNS)}.")
    return squares


def match_squares(squares: dict[str, Square], file_names: Iterable[str], *, table: Path) -> tuple[list[Square], int]:
    """The squares of these photos, in their order, and how many photos have no row.

    Raises:
        AnomalureError: If none of the photos has a row.
    """
    names = list(file_names)
    found = [squares[name] for name in names if name in squares]
    if not found:
        raise AnomalureError(
            f"No photo of the folder has a row in {table}. Its names are such as {next(iter(squares))}, those of the "
            f"folder such as {names[0]}. Give the folder that the table was made with."
        )
    return found, len(names) - len(found)


def _read_row(row: dict[str, str], where: str) -> Square:
    missing = [column for column in COLUMNS if not row.get(column)]
    if missing:
        raise FileFormatError(f"{where} has no {' and no '.join(missing)}. Expected {', '.join(COLUMNS)}.")
    try:
        row_px, column_px, r = (int(float(row[name])) for name in COLUMNS[1:4])
        square = Square(row["file_name"], row_px, column_px, r, float(row[COLUMNS[4]]))
    except (ValueError, OverflowError) as error:
        raise FileFormatError(f"{where} holds something other than numbers ({error}).") from error
    if square.r < 1 or square.row < 0 or square.column < 0 or not 0 < square.discolor_ratio < float("inf"):
        raise FileFormatError(
            f"{where} is not a square: r must be 1 or more, row and column 0 or more, the ratio over 0."
        )
    return square
