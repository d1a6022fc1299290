"""What in a table of labels could mean two things: refused by name, or warned of with the rule that was used."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath

from core.disk.text import Table
from core.errors import FileFormatError
from core.formats.account import REJECTED, Reading, has_something, is_harmless, may_name_species, seems_important
from core.formats.labelled import CORNERS, may_be_corners
from core.formats.photo_names import read_name
from core.formats.tables.columns import LabelColumns, find_file_columns, fold_column, read_cell, tidy_cell
from core.photos.matching import normalise_name
from core.species import fold_name, is_empty_name, is_person_name, is_thing_name, read_species, split_species

_NUMBERED = re.compile(r"(species|taxon|animal|class|label|category|scientificname|commonname)(\d|[xy]|left|right)")
_PHOTO_NAME = re.compile(
    r".+\.(jpe?g?|png|tiff?|webp|bmp|gif|hei[cf]|cr[23]|nef|arw|dng|raf|orf|mp4|avi|mov)", re.I | re.S
)
_LOOKED_AT_ROWS = 1_000
_MOST_DIFFERENT = 5_000
YES = frozenset({"true", "1", "yes", "y", "x", "t", "1.0", "wahr", "ja", "oui", "vrai", "sí", "si", "verdadero"})
NO = frozenset({"false", "0", "no", "n", "f", "0.0", "falsch", "nein", "non", "faux", "falso"})
_EMPTY = frozenset({"blank", "empty", "no animal", "no animals", "false trigger", "empty image", "vide", "leer"})
_PEOPLE = frozenset({"human", "person", "people", "humans", "vehicle", "homo sapiens", "humain", "mensch"})
_MAYBE_KINDS = ("type", "phototype", "imagetype", "mediatype", "contents", "imagecontents", "detectiontype", "kind")
_KINDS_OF_PHOTOS = frozenset(
    {"animal", "animals", "wildlife", "blank", "empty", "human", "person", "people", "vehicle", "unknown", "other"}
)
_COLOURS = frozenset({"red", "yellow", "green", "blue", "purple", "orange", "magenta", "gray", "none", "no color"})
_FLAGS = frozenset({"true", "false", "yes", "no", "wahr", "falsch", "vrai", "faux"})
_SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing", "dev"})
_FEW = 3
_LIKELY_PERCENT = 60
_OF_SURENESS = re.compile(r"score|confid|prob|certain")
_PHOTO_ENDING = re.compile(r"\.(?:jpe?g|png|tiff?)", re.I)
_LIST_SIGNS = re.compile(r"[,;|\s]")
_OF_PLACES = re.compile(
    r"folder|ordner|verzeichnis|dossier|carpeta|pasta|card|site|station|plot|camera|trap|location|place"
)
_BETWEEN = re.compile(r"\s*[,&+/]\s*|\s+(?:and|und|et|y|e|plus)\s+")
_AND = re.compile(r"\s*[&+]\s*|\s+(?:and|und|et|plus)\s+")
_GENERAL = frozenset({"animal", "animals", "wildlife", "person", "vehicle", "unknown"})
_OF_PEOPLE = re.compile(
    r"observer|annotat|identified|labell?er|reviewer|user|classified ?by|version|round|expert", re.I
)
_PROGRAMS = frozenset({"machine", "model", "ml", "ai", "computer", "algorithm", "classifier", "computer vision"})
_OF_ANIMALS = re.compile(r"animal|wildlife|fauna|presence")
_OF_CHECKS = re.compile(r"valid|verif|usable|accept|approv|correct|confirm|include|keep")
_FEW_SECONDS = 24 * 3600


class AmbiguousColumns(FileFormatError):
    """A table of labels whose columns could mean two things; the message says which, and what to do."""


def choose_file_column(table: Table, columns: LabelColumns, reading: Reading, *, source: str) -> LabelColumns:
    """The columns with the one for photos whose cells look like names of photos.

    Raises:
        AmbiguousColumns: If two columns look like that and name different photos.
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
            raise AmbiguousColumns(
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
        AmbiguousColumns: If several such columns, or one beside a column without a number, hold names.
    """
    by_stem: dict[str, list[str]] = {}
    for column in table.columns:
        match = _NUMBERED.fullmatch(fold_column(column))
        stem = match[1] if match else fold_column(column)
        if any(is_name(read_cell(row, [column])) for row in table.rows):
            by_stem.setdefault(stem, []).append(column)
    for some in by_stem.values():
        if len(some) > 1 and any(_NUMBERED.fullmatch(fold_column(column)) for column in some):
            raise AmbiguousColumns(
                f"{source} has several columns of species, {', '.join(some)}: they can be several animals of one photo "
                "or several opinions about one animal. Join the animals of a photo in one column called species, with "
                f"semicolons between them (deer;fox), or keep only the column that is meant and call it species."
            )


def refuse_colours(table: Table, *, source: str) -> None:
    """Refuse a table whose only labels are the colours by which programs for photographers mark photos.

    Raises:
        AmbiguousColumns: If its column Label holds colours and another one keywords.
    """
    by_name = {fold_column(column): column for column in table.columns}
    keywords = next((by_name[name] for name in ("keywords", "tags", "subject", "rating") if name in by_name), "")
    cells = {fold_name(cell) for row in table.rows if (cell := read_cell(row, [by_name.get("label", "")]))}
    if keywords and cells and cells <= _COLOURS:
        raise AmbiguousColumns(
            f"{source}: the column {by_name['label']} holds colours, as Lightroom marks photos, and no species. Put "
            "the keyword of the species into a column called species, and delete the column of colours."
        )


def is_name(cell: str) -> bool:
    """Whether a cell holds a name, not nothing, a flag or a number."""
    return has_something(cell) and any(sign.isalpha() for sign in cell) and cell.casefold() not in ("true", "yes", "x")


def prefer_names(table: Table, columns: LabelColumns, reading: Reading) -> LabelColumns:
    """The columns without those of species that hold only numbers, if another one holds names.

    Programs number their classes: ``class`` is 16 where ``name`` is dog.
    """
    named = [column for column in columns.species if _has_letters(table, column)]
    numbered = [column for column in columns.species if column not in named]
    if not any(read_cell(row, numbered) for row in table.rows):
        return columns
    if not named:
        others = [column for column in table.columns if column not in numbered and _has_letters(table, column)]
        by_name = [column for column in others if fold_column(column) == "name"]
        named = by_name or [column for column in others if may_name_species(column) and not is_harmless(column)]
        named = named if len(named) == 1 else []
    if named:
        return replace(columns, species=tuple(named))
    if not columns.ranks:
        reading.warn(
            f"the species in the column “{numbered[0]}” are numbers or flags; write the names of species instead"
        )
    return columns


def _has_letters(table: Table, column: str) -> bool:
    return any(is_word(row[column]) for row in table.rows)


def is_word(cell: str) -> bool:
    """Whether a cell has letters and is no flag such as TRUE."""
    return any(sign.isalpha() for sign in cell) and cell.strip().casefold() not in _FLAGS


def find_splits(table: Table, columns: LabelColumns) -> LabelColumns:
    """The columns with one of nothing but train, validation and test, whatever it is called."""
    if columns.splits:
        return columns
    for column in table.columns:
        cells = {cell.strip().casefold() for cell in {row[column] for row in table.rows} if cell.strip()}
        if len(cells) > 1 and cells <= _SPLITS:
            return replace(columns, splits=(column,))
    return columns


def warn_of_boxes(
    boxes: Sequence[Sequence[float]], *, frames: Sequence[float], in_one_cell: bool, reading: Reading
) -> None:
    """Warn of boxes in pixels that may be percents, and of those in one cell that may be two corners.

    Args:
        boxes: Left, top, width and height.
        frames: The sides of the photos, as far as the table has them.
        in_one_cell: Whether the table does not say by its columns which number is which.
        reading: Notes the warnings.
    """
    if in_one_cell and may_be_corners(boxes):
        reading.warn(CORNERS)
    ends = [side for x, y, width, height in boxes for side in (x + width, y + height)]
    if len(boxes) >= _FEW and _LIKELY_PERCENT < max(ends) <= 100 and all(side > 2 * 100 for side in frames):
        reading.warn("no box reaches over 100: they were read as pixels, and may be percents of the photo")


def warn_of_prediction(columns: LabelColumns, table: Table, used: Sequence[str], reading: Reading) -> None:
    """Warn if species are a program's, and how sure it was of them was not used."""
    if columns.box or not columns.species or not fold_column(columns.species[0]).startswith("predict"):
        return
    for column in table.columns:
        is_sureness = _OF_SURENESS.search(column.casefold()) and column not in used
        if is_sureness and any(read_cell(row, [column]) for row in table.rows):
            reading.warn(
                f"how sure a program was of its species (“{column}”) was not used: unlikely ones count as well"
            )
            return


def warn_of_lists(table: Table, file: str, reading: Reading) -> None:
    """Warn of cells that name several photos, and count those that name none, where others do."""
    n_named = sum(_ends_like_photo(row[file]) for row in table.rows)
    for number, row in enumerate(table.rows, start=2):
        if n_named and row[file].strip() and not _ends_like_photo(row[file]):
            reading.add(
                "rows whose file name has no ending of a picture, as others have", f"row {number}: {row[file][:40]}"
            )
    for number, row in enumerate(table.rows, start=2):
        if len(_PHOTO_ENDING.findall(row[file])) > 1 and _LIST_SIGNS.search(row[file]):
            reading.warn(
                f"the column “{file}” names several photos in one cell (the first: row {number}): none is found so"
            )
            return


def warn_of_same_names(table: Table, names: Sequence[str], used: Sequence[str], reading: Reading) -> None:
    """Warn of rows with one bare name that another column may keep apart, such as the card that a photo is from."""
    for column in table.columns:
        if column in used or not seems_important(column, ()) or not _OF_PLACES.search(column.casefold()):
            continue
        seen: dict[str, str] = {}
        for number, (row, name) in enumerate(zip(table.rows, names, strict=True), start=2):
            cell = read_cell(row, [column])
            if name and "/" not in name and cell and seen.setdefault(name, cell) != cell:
                reading.warn(
                    f"{name} stands in rows that differ in the column “{column}” (the first: row {number}): they were "
                    "taken as one photo. If that column names folders, call it RelativePath; if cameras, deployment"
                )
                break


def warn_of_opinions(
    table: Table, names: Sequence[str], species: Sequence[str | None], used: Sequence[str], reading: Reading
) -> None:
    """Warn of rows about one photo that name different species, if they are of different people or times of looking."""
    rows_of: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        if name and species[i]:
            rows_of.setdefault(name, []).append(i)
    several = {name: rows for name, rows in rows_of.items() if len({species[i] for i in rows}) > 1}
    for column in table.columns:
        if column in used or not _OF_PEOPLE.search(column):
            continue
        for name, rows in several.items():
            if len({cell for i in rows if (cell := read_cell(table.rows[i], [column]))}) > 1:
                reading.warn(
                    f"the rows of {name} name different species and differ in the column “{column}”: if these are "
                    "opinions about one animal, keep the row that counts"
                )
                return


class Names:
    """The names of species that stand alone in the cells of a table."""

    def __init__(self, table: Table, columns: LabelColumns) -> None:
        self._alone = {
            fold_name(tidy_cell(cell))
            for column in columns.species
            for cell in {row[column] for row in table.rows}
            if cell.strip()
        }
        self._has_words = any(map(is_word, self._alone))

    def take_apart(self, name: str) -> list[str]:
        """The names in ``deer, fox`` or ``deer & fox``, if all of them also stand alone in the table."""
        parts = [part.strip() for part in _BETWEEN.split(name) if part.strip()]
        return parts if len(parts) > 1 and all(fold_name(part) in self._alone for part in parts) else [name]

    def may_be_several(self, name: str) -> bool:
        """Whether one of the names in ``deer & badger`` also stands alone."""
        parts = [part.strip() for part in _AND.split(name) if part.strip()]
        return len(parts) > 1 and any(fold_name(part) in self._alone for part in parts)

    def is_number(self, name: str) -> bool:
        """Whether it is a number or a flag in a column of names."""
        return self._has_words and not is_word(name) and fold_name(name) not in ("x",)


def find_kinds(table: Table, columns: LabelColumns) -> LabelColumns:
    """The columns with one that says of each photo whether it is blank, of an animal or of people, and nothing else.

    Many tables have such a column, and ``Type`` may be of anything.
    """
    if columns.kinds:
        return columns
    for column in table.columns:
        if fold_column(column) not in _MAYBE_KINDS:
            continue
        cells = {fold_name(cell) for cell in {row[column] for row in table.rows} if cell.strip()}
        if cells and cells <= _KINDS_OF_PHOTOS and cells & (_EMPTY | _PEOPLE):
            return replace(columns, kinds=(column,))
    return columns


def compare_contents(table: Table, species: Sequence[str | None], used: Sequence[str], reading: Reading) -> None:
    """Warn of columns that say something else than what was read of their rows, whatever they are called.

    A column that holds some of the species that were read is in the same words, and must say the same in each row. One
    that names species by its own name, and holds others, may be in another language: each name there must go with one
    name here. A column with blank, human or vehicle in it is about what is on the photos.

    Args:
        table: The table.
        species: What was read of each row; empty if nothing, ``None`` if the row was left out.
        used: The columns that were used for something else than the species of most rows, which are not compared.
        reading: Notes the warnings.
    """
    words = {fold_name(name) for name in set(species) if name and not is_empty_name(name) and not is_person_name(name)}
    words -= _GENERAL
    for column in table.columns:
        pairs = None if column in used or is_harmless(column) else _pair_up(table, column, species)
        if not pairs:
            continue
        if may_name_species(column) and any(is_name(cell) for _, cell in pairs):
            reading.excuse([column])
        for find in (_find_flag, _find_kind, _find_other_species, _find_rejected):
            said = find(column, pairs, words)
            if said:
                reading.warn(said)
                reading.excuse([column])
                break


Pairs = Mapping[tuple[str, str], int]
"""What was read of a row and what stands in a cell of it, with the number of the first row with both."""


def _pair_up(table: Table, column: str, species: Sequence[str | None]) -> Pairs | None:
    pairs: dict[tuple[str, str], int] = {}
    cells: set[str] = set()
    for number, (row, name) in enumerate(zip(table.rows, species, strict=True), start=2):
        cell = row[column]
        if name is None or not cell or (name, cell) in pairs:
            continue
        pairs[name, cell] = number
        cells.add(cell)
        if len(cells) > _MOST_DIFFERENT:
            return None  # names of files, notes, numbers
    return {(name, tidy): number for (name, cell), number in pairs.items() if (tidy := tidy_cell(cell))}


def _find_flag(column: str, pairs: Pairs, words: set[str]) -> str:
    """Whether a column such as Animal says no where an animal was read, or yes where none was."""
    if not _OF_ANIMALS.search(column.casefold()) or not {cell.casefold() for _, cell in pairs} <= YES | NO:
        return ""
    for (name, cell), number in pairs.items():
        is_animal = bool(name) and not is_empty_name(name) and not is_person_name(name)
        if is_animal != (cell.casefold() in YES):
            what = f"{name} was read" if name else "no species was read"
            return f"the column “{column}” says {cell} in row {number}, in which {what}; it was not used"
    return ""


def _find_kind(column: str, pairs: Pairs, words: set[str]) -> str:
    """Whether a column says blank or human of a row that was read as something else."""
    if any(fold_name(cell) in _PROGRAMS for _, cell in pairs):
        return ""
    for (name, cell), number in pairs.items():
        kind = fold_name(cell)
        is_other = (kind in _EMPTY and not is_empty_name(name)) or (
            kind in _PEOPLE and not is_person_name(name) and not is_thing_name(name)
        )
        if is_other:
            what = f"{name} was read" if name else "nothing was read"
            return f"the column “{column}” says {cell} in row {number}, in which {what}; it was not used"
    return ""


def _find_other_species(column: str, pairs: Pairs, words: set[str]) -> str:
    named = {
        (name, cell): {fold_name(part) for part in split_species(cell) if read_species(part)} - _GENERAL
        for name, cell in pairs
        if is_name(cell)
    }
    is_same_words = any(parts & words for parts in named.values())
    if not is_same_words and not may_name_species(column):
        return ""
    partner: dict[str, set[str]] = {}
    for (name, cell), parts in named.items():
        if not parts:
            continue
        number = pairs[name, cell]
        if not name and not all(map(is_empty_name, parts)):
            return (
                f"the column “{column}” names species in rows in which none was read (the first: row {number}, "
                f"{cell[:40]})"
            )
        ours = {fold_name(name)} if is_same_words else partner.setdefault(fold_name(name), parts)
        are_empty = all(map(is_empty_name, parts))
        if are_empty != is_empty_name(name) or (not are_empty and ours != parts and not _are_people(name, parts)):
            return (
                f"the column “{column}” does not agree with the species that were read (the first: row {number}, "
                f"{name} was read, {cell[:40]} stands there); it was not used"
            )
    return ""


def _are_people(name: str, parts: set[str]) -> bool:
    return is_person_name(name) and all(map(is_person_name, parts))


def _find_rejected(column: str, pairs: Pairs, words: set[str]) -> str:
    cells = {cell.casefold() for _, cell in pairs}
    refused = cells & REJECTED
    if not refused and _OF_CHECKS.search(column.casefold()) and cells & YES and cells & NO:
        refused = cells & NO
    if not refused:
        return ""
    number = min(number for (_, cell), number in pairs.items() if cell.casefold() in refused)
    return (
        f"the column “{column}” says {min(refused)} in some rows (the first: row {number}), and these were used as well"
    )


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
