"""Labels in a table: a row for each photo or box, as Timelapse, camtrapR, Wildlife Insights and others write them."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from core.disk.text import Table, parse_table, read_content
from core.errors import FileFormatError
from core.formats.account import BOX, COUNT, KIND, MOST_ANIMALS, SPECIES, TIME, Problems, Reading, has_something
from core.formats.labelled import (
    CORNERS,
    RELATIVE_FRAME,
    SEVERAL_OF_ONE_NAME,
    Label,
    LabelFile,
    LabelledPhoto,
    are_shares,
    make_label_file,
    may_be_corners,
    may_be_several,
    read_box,
    read_confidence,
)
from core.formats.photo_names import ChosenName, WrittenName, is_address, tell_apart
from core.formats.tables.cells import has_decimal_commas, join_date_and_clock, read_number, read_times
from core.formats.tables.columns import (
    Cells,
    LabelColumns,
    corner_and_size,
    find_columns,
    find_unused_times,
    has_file_column,
    read_cell,
    split_box_cell,
)
from core.formats.tables.doubts import (
    NO,
    YES,
    Names,
    choose_file_column,
    compare_contents,
    compare_times,
    find_kinds,
    find_splits,
    find_twins,
    prefer_names,
    refuse_colours,
    refuse_numbered,
    warn_of_boxes,
    warn_of_lists,
    warn_of_opinions,
    warn_of_prediction,
    warn_of_same_names,
)
from core.formats.tables.paths import Take, read_path
from core.photos.matching import normalise_name
from core.records import PERSON, Box
from core.species import (
    EMPTY,
    fold_name,
    is_empty_name,
    is_person_name,
    is_thing_name,
    name_taxon,
    read_species,
    split_species,
)

FORMAT_NAME = "CSV"
_EXPECTED = (
    "a CSV with a column file_name (or filepath, File, FileName) and a column species (or label, scientificName, genus)"
)
_HOLDS_DATA = re.compile(r"[\[{]\s*[\[{\"']|[\[{].*[:=]")
_NO_DATE = frozenset({"na", "n/a", "nan", "nat", "none", "null", "-", "unknown", "0000:00:00 00:00:00"})
BROKEN = Box(math.nan, math.nan, math.nan, math.nan)
"""A box that is there and cannot be used."""
_KINDS = {"blank": EMPTY, "empty": EMPTY, "human": PERSON, "person": PERSON, "people": PERSON, "vehicle": "vehicle"}


def read_csv_labels(path: Path) -> LabelFile:
    """The labels of a CSV with a row per photo or box.

    A column of folders (Timelapse ``RelativePath``, camtrapR ``Directory``) belongs to the photo's name. Boxes are in
    pixels, or in shares of the photo if all of them are.

    Raises:
        FileFormatError: If it has no column for file names, or none for species or boxes.
    """
    return parse_csv_labels(read_content(path, expected=_EXPECTED), source=path.name)


def parse_csv_labels(content: bytes, *, source: str) -> LabelFile:
    """As ``read_csv_labels``, from the file's content."""
    table = parse_table(content, source=source, expected=_EXPECTED)
    if has_file_column(table.columns):
        refuse_numbered(table, source=source)
        refuse_colours(table, source=source)
    columns = find_columns(table.columns)
    if columns is None:  # what is in the file is not quoted: it may be no table of labels at all
        lacking = "for the names of photos" if not has_file_column(table.columns) else "for species or boxes"
        raise FileFormatError(f"{source} has no column {lacking}: expected {_EXPECTED}.")
    reading = Reading(things="rows", n_entries=len(table))
    columns = choose_file_column(table, columns, reading, source=source)
    columns = find_splits(table, find_kinds(table, prefer_names(table, columns, reading)))
    warn_of_lists(table, columns.file, reading)
    for column in table.columns:
        reading.see(column, any(has_something(row[column]) for row in table))
    rows = _read_rows(table, columns, reading)
    for name in find_unused_times(table.columns, columns):
        reading.add("columns that may hold times and are not used; call the one with date and time DateTime", name)
        reading.excuse([name])
    used = reading.list_used()
    find_twins(table.columns, used, table, reading)
    warn_of_prediction(columns, table, used, reading)
    name_of = {row.number: row.name for row in rows}
    warn_of_same_names(table, [name_of.get(number, "") for number in range(2, len(table) + 2)], used, reading)
    return make_label_file(_put_together(rows, reading), reading, format_name=FORMAT_NAME)


@dataclass(slots=True)
class _Row:
    """One row: which photo it is about, and what it says of it."""

    number: int
    name: str
    n_sure_folders: int
    media_id: str
    deployment: str
    address: str
    event_id: str
    split: str
    captured_at: datetime | None = None
    has_unread_time: bool = False
    labels: tuple[Label, ...] = ()
    frame: tuple[float, float] | None = None
    is_incomplete: bool = False


def _read_rows(table: Table, columns: LabelColumns, reading: Reading) -> list[_Row]:
    several_roots = len({read_cell(row, columns.roots) for row in table}) > 1
    take = Cells(reading).read
    places = _count_places(table, columns)
    rows: list[_Row] = []
    cells: list[dict[str, str]] = []
    for number, row in enumerate(table, start=2):
        name, n_sure, address = read_path(row, columns, take, several_roots=several_roots)
        if not name:
            reading.add("rows without a file name", f"row {number}", entries=1)
            continue
        deployment = take(row, columns.deployments, "deployment")
        if not deployment:
            stations = [c for c in columns.stations if (cell := read_cell(row, [c])) and not is_address(cell)]
            # Two sites may have a station 1 each.
            above = [c for c in stations[1:2] if places.get(read_cell(row, stations[:1]), 0) > 1]
            parts = (
                take(row, above, "deployment"),
                take(row, stations[:1], "deployment"),
                take(row, columns.cameras, "deployment"),
            )
            deployment = "/".join(dict.fromkeys(part for part in parts if part))
        rows.append(
            _Row(
                number,
                name,
                n_sure,
                take(row, columns.ids, "id of the photo"),
                deployment,
                address,
                take(row, columns.events, "event"),
                take(row, columns.splits, "split"),
            )
        )
        cells.append(row)
    _read_times(rows, cells, columns, reading)
    boxes = _read_boxes(rows, cells, columns, reading)
    confidences = _read_confidences(rows, cells, columns, reading)
    counts = _read_counts(rows, cells, columns, reading)
    read: list[str | None] = []
    names = Names(table, columns)
    for one, of_row, box, sureness, n_animals in zip(rows, cells, boxes, confidences, counts, strict=True):
        named = None if box is BROKEN else _read_species(one, of_row, columns, reading, take, names)
        read.append(None if named is None else (named or [""])[0])
        if named is None:
            one.is_incomplete = True
        elif len(named) > 1 and box is not None:
            reading.add("rows whose box has several species", f"row {one.number}", entries=1)
            one.is_incomplete = True
        elif n_animals == 0 and box is None and any(map(_is_animal, named or [])):
            reading.add("rows that name a species and count no animal", f"row {one.number}: {named[0]}", entries=1)
            one.is_incomplete = True
        elif named or box is not None:
            one.labels = tuple(
                Label(species, box, sureness if box is not None else None, species, count=max(n_animals or 1, 1))
                for species in named or [""]
            )
        else:
            reading.add("rows without a species", f"row {one.number}", entries=1)
    reading.excuse([*columns.species[:1], *columns.ranks, *columns.counts[:1], *columns.blanks[:1], *columns.box])
    numbers = [one.number for one in rows]
    left = set(reading.list_used(but_for=SPECIES))
    read_of = dict(zip(numbers, read, strict=True))
    name_of = dict(zip(numbers, (one.name for one in rows), strict=True))
    by_row = range(2, len(table) + 2)
    warn_of_opinions(
        table,
        [name_of.get(number, "") for number in by_row],
        [read_of.get(number) for number in by_row],
        reading.list_used(),
        reading,
    )
    compare_contents(
        table,
        [read_of.get(number) for number in range(2, len(table) + 2)],
        [*left, *columns.species[:1], *columns.ranks],
        reading,
    )
    return rows


def _count_places(table: Table, columns: LabelColumns) -> dict[str, int]:
    """Of how many places by the second column of stations each name in the first one is."""
    above: dict[str, set[str]] = defaultdict(set)
    if len(columns.stations) > 1:
        for row in table:
            above[read_cell(row, columns.stations[:1])].add(read_cell(row, columns.stations[1:2]))
    return {name: len(places) for name, places in above.items()}


def _read_times(rows: Sequence[_Row], cells: Sequence[dict[str, str]], columns: LabelColumns, reading: Reading) -> None:
    """The time of each row from the first column of times that has any; others fill its gaps."""
    there = [column for column in columns.times if any(_read_date(row, [column]) for row in cells)]
    take = Cells(reading).read
    read: dict[str, list[datetime | None]] = {}
    for column in there or [""]:
        is_first = not read
        dates = (column, *columns.dates) if is_first else (column,)
        written = [_read_date(row, dates) for row in cells]
        texts = [
            join_date_and_clock(date, read_cell(row, columns.clocks), half=read_cell(row, columns.halves))
            if date or is_first
            else ""
            for row, date in zip(cells, written, strict=True)
        ]
        read[column] = read_times(
            texts,
            problems=reading if is_first else Problems(),
            things="rows",
            where=lambda i: f"row {rows[i].number}",
            columns=[column] if column else [*columns.dates, *columns.clocks],
        )
        for one, row, date, text, time in zip(rows, cells, written, texts, read[column], strict=True):
            if one.captured_at is None and time is not None:
                one.captured_at, one.has_unread_time = time, False
                take(row, dates, TIME)
                if text != date:
                    take(row, columns.clocks, TIME)
                    take(row, columns.halves, TIME)
            elif one.captured_at is None and text:
                one.has_unread_time = True
    # What could not be read of them is counted.
    reading.excuse([*there[:1], *(columns.dates if not there else ()), *columns.clocks, *columns.halves])
    if len(read) > 1:
        compare_times(read, reading, rows=[one.number for one in rows], used=there[0])


def _read_date(row: dict[str, str], columns: Iterable[str]) -> str:
    """The first of these cells that holds a date; many programs write NA where there is none."""
    return next((cell for c in columns if (cell := read_cell(row, [c])) and fold_name(cell) not in _NO_DATE), "")


def _read_boxes(
    rows: Sequence[_Row], cells: Sequence[dict[str, str]], columns: LabelColumns, problems: Reading
) -> list[Box | None]:
    written = [
        split_box_cell(read_cell(row, columns.box))
        if columns.box_form == "cell"
        else [read_cell(row, [column]) for column in columns.box]
        for row in cells
    ]
    written = [parts if any(parts) else [] for parts in written]
    commas = columns.box_form != "cell" and has_decimal_commas(part for parts in written for part in parts)
    numbers: list[list[float] | None] = []
    for parts in written:
        read = [read_number(part, decimal_commas=commas) for part in parts]
        plain = [number for number in read if number is not None]
        numbers.append(corner_and_size(plain, columns.box_form) if len(plain) == len(read) == 4 else None)
    read_boxes = [box for box in numbers if box is not None]
    shares = are_shares(read_boxes)
    boxes: list[Box | None] = []
    if read_boxes and not shares:
        sides = [_read_size(row, columns, problems) for row in cells]
        warn_of_boxes(
            read_boxes,
            frames=[max(side) for side in sides if side],
            in_one_cell=columns.box_form == "cell",
            reading=problems,
        )
    elif columns.box_form == "cell" and may_be_corners(read_boxes):
        problems.warn(CORNERS)
    for row, of_row, parts, box in zip(rows, cells, written, numbers, strict=True):
        row.frame = RELATIVE_FRAME if shares else _read_size(of_row, columns, problems)
        if not parts:
            boxes.append(None)
            continue
        for column in columns.box:
            problems.use(column, BOX)
        if box is not None and not shares and 0 < box[2] < 1 and 0 < box[3] < 1:
            problems.add(
                "rows whose box is smaller than a pixel, among others in pixels", f"row {row.number}", entries=1
            )
            boxes.append(BROKEN)
            continue
        read_one = read_box(box, frame=row.frame, problems=problems, where=f"row {row.number}", things="rows")
        boxes.append(BROKEN if read_one is None else read_one)
    return boxes


def _read_size(row: dict[str, str], columns: LabelColumns, reading: Reading) -> tuple[float, float] | None:
    sides = [read_number(Cells(reading).read(row, [column], "size of the photo")) for column in columns.size]
    if len(sides) != 2 or any(side is None or side <= 1 for side in sides):
        return None
    return (float(sides[0] or 0), float(sides[1] or 0))


def _read_confidences(
    rows: Sequence[_Row], cells: Sequence[dict[str, str]], columns: LabelColumns, problems: Reading
) -> list[float | None]:
    """The confidence of each box. Of a row without a box it is not used."""
    take = Cells(problems).read
    texts = [
        take(row, columns.confidences, "confidence of the box")
        if any(read_cell(row, [one]) for one in columns.box)
        else ""
        for row in cells
    ]
    commas = has_decimal_commas(texts)
    numbers = [read_number(text.removesuffix("%"), decimal_commas=commas) if text else None for text in texts]
    given = [number for number in numbers if number is not None]
    in_percent = any(number > 1 for number in given) and all(0 <= number <= 100 for number in given)
    read = []
    for row, text, number in zip(rows, texts, numbers, strict=True):
        percent = in_percent or text.endswith("%")
        sureness = read_confidence(number / 100 if percent and number is not None else number)
        if text and sureness is None:
            problems.add("rows whose confidence is not a number from 0 to 1", f"row {row.number}: {text[:40]}")
        read.append(sureness)
    return read


def _is_animal(name: str) -> bool:
    return not is_empty_name(name) and not is_person_name(name) and not is_thing_name(name)


def _read_counts(
    rows: Sequence[_Row], cells: Sequence[dict[str, str]], columns: LabelColumns, reading: Reading
) -> list[int | None]:
    """How many animals each row is about; ``None`` if it does not say, or if nobody counted in this table."""
    texts = [read_cell(row, columns.counts) for row in cells]
    numbers = [read_number(text) if text else None for text in texts]
    if not any(numbers):  # the counters of a form that nobody touched are 0
        return [None] * len(cells)
    counts: list[int | None] = []
    for one, row, text, number in zip(rows, cells, texts, numbers, strict=True):
        is_count = number is not None and number >= 0 and number == int(number)
        if is_count:
            Cells(reading).read(row, columns.counts, COUNT)
        elif text:
            reading.add("rows whose count is not a whole number, taken as 1", f"row {one.number}: {text[:40]}")
        counts.append(min(int(number), MOST_ANIMALS) if is_count and number is not None else None)
    return counts


def _read_species(
    row: _Row, cells: dict[str, str], columns: LabelColumns, reading: Reading, take: Take, names: Names
) -> list[str] | None:
    """The species of a row, each once; ``None`` if it contradicts itself, which is counted."""
    named: list[str] = []
    data = next((column for column in columns.species if _HOLDS_DATA.match(read_cell(cells, [column]))), "")
    if data:
        reading.add("rows whose species is no name but a list or an object", f"row {row.number}", entries=1)
        return None
    for column in columns.species:
        parts = [one for part in split_species(read_cell(cells, [column])) for one in names.take_apart(part)]
        if not named and any(names.is_number(part) for part in parts if part):
            reading.add("rows whose species is a number, among others with names", f"row {row.number}", entries=1)
            return None
        if not named and any(map(names.may_be_several, parts)):
            reading.add("rows whose species may be several in one name", f"row {row.number}: {parts[0][:40]}")
        read = [reading.name(part, read_species(part)) for part in parts if part] if not named else []
        named = named or [name for name in dict.fromkeys(read) if name]
        if read and (named or any(parts)):
            take(cells, [column], SPECIES)
        if named:
            break
    if not named and columns.ranks:
        ranks = [read_cell(cells, [column]) for column in columns.ranks]
        species = name_taxon(ranks, common_name=read_cell(cells, columns.common_names))
        if any(ranks):
            for column in columns.ranks:
                take(cells, [column], SPECIES)
        elif species:
            take(cells, columns.common_names, SPECIES)
        named = [species] if species else []
        lowest = ranks[-2:] if all(ranks[-2:]) else [rank for rank in ranks if rank][-1:]
        reading.name(" ".join(lowest) or read_cell(cells, columns.common_names), species)
    kind = take(cells, columns.kinds, KIND).casefold()
    of_kind = _KINDS.get(kind, "")
    blank = read_cell(cells, columns.blanks)
    is_blank = blank.casefold() in YES or is_empty_name(blank) or of_kind == EMPTY
    if blank.casefold() in YES or blank.casefold() in NO or is_empty_name(blank):
        take(cells, columns.blanks, KIND)
    elif blank:
        reading.add("rows whose flag of empty photos is neither yes nor no", f"row {row.number}: {blank[:40]}")
    animals = [name for name in named if not is_empty_name(name)]
    if animals and (is_blank or len(animals) < len(named)):
        reading.add("rows that are called empty and name a species", f"row {row.number}: {animals[0]}", entries=1)
        return None
    if of_kind and of_kind != EMPTY and any(not is_person_name(one) and not is_thing_name(one) for one in named):
        reading.add(f"rows of {kind} that name another species", f"row {row.number}: {named[0]}", entries=1)
        return None
    if is_blank:
        return [EMPTY]
    return named or ([of_kind] if of_kind else [])


def _put_together(rows: Iterable[_Row], problems: Problems) -> list[LabelledPhoto]:
    """The rows by the photo that they are about."""
    by_photo: dict[WrittenName, list[_Row]] = defaultdict(list)
    for row in rows:
        # A path tells photos apart by itself. Of bare names, every camera has the same.
        is_path = "/" in normalise_name(row.name)
        by_photo[
            WrittenName(row.name)
            if is_path
            else WrittenName(row.name, row.deployment, row.media_id, "" if row.media_id else row.address)
        ].append(row)
    written = [replace(one, media_id=some[0].media_id, address=some[0].address) for one, some in by_photo.items()]
    photos = []
    for chosen, some in zip(tell_apart(written), by_photo.values(), strict=True):
        first, n_read = f"{some[0].name}, row {some[0].number}", sum(bool(row.labels) for row in some)
        if chosen is None:
            problems.add("photos whose name other photos of the file have, too", first, entries=n_read)
        elif may_be_several(chosen.file_name, [(row.captured_at, row.event_id, "") for row in some]):
            problems.add(SEVERAL_OF_ONE_NAME, first, entries=n_read)
            photos.append(LabelledPhoto(chosen.file_name, is_incomplete=True, is_several=True))
        else:
            photos.append(_make_photo(chosen, some))
    return photos


def _make_photo(chosen: ChosenName, rows: Sequence[_Row]) -> LabelledPhoto:
    first = rows[0]
    return LabelledPhoto(
        chosen.file_name,
        tuple(label for row in rows for label in row.labels),
        deployment=first.deployment,
        captured_at=next((row.captured_at for row in rows if row.captured_at is not None), None),
        event_id=first.event_id,
        split=first.split,
        frame=next((row.frame for row in rows if row.frame is not None), None),
        other_names=chosen.other_names,
        n_sure_folders=max(first.n_sure_folders, chosen.n_sure_folders),
        is_incomplete=any(row.is_incomplete for row in rows),
        has_unread_time=all(row.captured_at is None for row in rows) and any(row.has_unread_time for row in rows),
    )
