"""What in a table of labels could mean two things: refused by name, or warned of with the rule that was used."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath

from core.disk.text import Table
from core.errors import FileFormatError
from core.formats.account import Reading, has_something, may_name_species
from core.formats.photo_names import read_name
from core.formats.tables.columns import LabelColumns, find_file_columns, fold_column, read_cell
from core.photos.matching import normalise_name
from core.species import fold_name, is_empty_name, read_species

_NUMBERED = re.compile(r"(species|taxon|animal|class|label|category|scientificname|commonname)(\d)")
_PHOTO_NAME = re.compile(
    r".+\.(jpe?g?|png|tiff?|webp|bmp|gif|hei[cf]|cr[23]|nef|arw|dng|raf|orf|mp4|avi|mov)", re.I | re.S
)
_LOOKED_AT_ROWS = 1_000
_FEW_SECONDS = 24 * 3600


def choose_file_column(table: Table, columns: LabelColumns, reading: Reading, *, source: str) -> LabelColumns:
    """The columns with the one for photos whose cells look like names of photos.

    Raises:
        FileFormatError: If two columns look like that and name different photos.
    """
    looked_at = table.rows[:_LOOKED_AT_ROWS]
    likely = [
        column
        for column in find_file_columns(table.columns)
        if any(_ends_like_photo(read_cell(row, [column])) for row in looked_at)
    ]
    if not likely:
        return columns
    file = likely[0]
    for other in likely[1:]:
        for number, row in enumerate(looked_at, start=2):
            names = [_last(read_cell(row, [column])) for column in (file, other)]
            if not all(map(_ends_like_photo, names)) or names[0] == names[1]:
                continue
            if fold_column(file) == "filename":
                reading.warn(
                    f"the columns “{file}” and “{other}” name different photos (the first: row {number}, {names[0]} "
                    f"and {names[1]}); {file} was used"
                )
                break
            raise FileFormatError(
                f"{source} has two columns that name photos, {file} and {other}, and they differ (row {number}). "
                "Delete the one that is not meant, or call the one that is meant file_name."
            )
    if file == columns.file:
        return columns
    return replace(
        columns,
        file=file,
        folders=tuple(one for one in columns.folders if one != file),
        paths=tuple(one for one in columns.paths if one != file),
    )


def refuse_numbered(table: Table, *, source: str) -> None:
    """Refuse columns such as Species0 and Species1, of which each may be an animal of the photo or another opinion.

    Raises:
        FileFormatError: If several such columns, or one beside a column without a number, hold names.
    """
    by_stem: dict[str, list[str]] = {}
    for column in table.columns:
        match = _NUMBERED.fullmatch(fold_column(column))
        stem = match[1] if match else fold_column(column)
        if any(is_name(read_cell(row, [column])) for row in table.rows):
            by_stem.setdefault(stem, []).append(column)
    for some in by_stem.values():
        if len(some) > 1 and any(_NUMBERED.fullmatch(fold_column(column)) for column in some):
            raise FileFormatError(
                f"{source} has several columns of species, {', '.join(some)}: they can be several animals of one photo "
                "or several opinions about one animal. Join the animals of a photo in one column called species, with "
                f"semicolons between them (deer;fox), or keep only the column that is meant and call it species."
            )


def is_name(cell: str) -> bool:
    """Whether a cell holds a name, not nothing, a flag or a number."""
    return has_something(cell) and any(sign.isalpha() for sign in cell) and cell.casefold() not in ("true", "yes", "x")


def compare_species(table: Table, species: Sequence[str | None], used: Sequence[str], reading: Reading) -> None:
    """Warn of columns that name other species than those that were read.

    A column of common names says the same as one of scientific names as long as each name goes with one name there.

    Args:
        table: The table.
        species: What was read of each row; empty if nothing, ``None`` if the row was left out.
        used: The columns that were used for something else than the species of most rows, which are not compared.
        reading: Notes the warnings.
    """
    for column in table.columns:
        if column in used or not may_name_species(column):
            continue
        reading.excuse([column])
        partner: dict[str, str] = {}
        for number, (row, name) in enumerate(zip(table.rows, species, strict=True), start=2):
            cell = read_cell(row, [column])
            if name is None or not is_name(cell) or not read_species(cell):
                continue
            known = partner.setdefault(fold_name(name), fold_name(cell))
            if not name and not is_empty_name(cell):
                reading.warn(
                    f"the column “{column}” names species in rows in which none was read (the first: row {number}, "
                    f"{cell[:40]})"
                )
                break
            if known != fold_name(cell) or (is_empty_name(name) != is_empty_name(read_species(cell))):
                reading.warn(
                    f"the column “{column}” does not agree with the species that were read (the first: row {number}, "
                    f"{name} was read, {cell[:40]} stands there); it was not used"
                )
                break


def compare_times(
    read: Mapping[str, Sequence[datetime | None]], reading: Reading, *, rows: Sequence[int], used: str
) -> None:
    """Warn of columns with other times than the one that was used: by more than a day in any row."""
    for column, times in read.items():
        if column == used:
            continue
        for number, ours, theirs in zip(rows, read[used], times, strict=True):
            if ours is not None and theirs is not None and abs((ours - theirs).total_seconds()) > _FEW_SECONDS:
                reading.warn(
                    f"the columns “{used}” and “{column}” hold times that differ by more than a day (the first: row "
                    f"{number}); {used} was used. Delete it, or call the other one DateTime, if that is wrong"
                )
                break


def find_twins(columns: Sequence[str], used: Sequence[str], table: Table, reading: Reading) -> None:
    """Warn of columns whose name differs from that of a used one in capitals and signs only, and whose cells differ."""
    by_name = {fold_column(column): column for column in reversed(columns) if column in used}
    for column in columns:
        twin = by_name.get(fold_column(column))
        if twin is None or twin == column:
            continue
        if any(read_cell(row, [column]) not in ("", read_cell(row, [twin])) for row in table.rows):
            reading.warn(f"the columns “{twin}” and “{column}” are called alike and differ; {twin} was used")


def _ends_like_photo(name: str) -> bool:
    return _PHOTO_NAME.fullmatch(_last(name)) is not None


def _last(cell: str) -> str:
    return PurePosixPath(normalise_name(read_name(cell))).name.casefold()
