"""The name of the photo that a row of a table is about, with the folders that tell it apart."""

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from core.formats.account import FOLDER, PHOTO
from core.formats.photo_names import is_address, read_name
from core.formats.tables.columns import LabelColumns, fold_column, read_cell
from core.photos.matching import count_to_telling, normalise_name

Take = Callable[[dict[str, str], Iterable[str], str], str]
"""Reads the first of some cells that holds something, and notes what it was used as."""
_MAYBE_FOLDERS = ("path", "filepath", "imagepath", "absolutepath")
"""Columns of some tables that hold the folder without the file."""


def read_path(row: dict[str, str], columns: LabelColumns, take: Take, *, several_roots: bool) -> tuple[str, int, str]:
    """The photo's name with all that tells it apart, how many of its folders are sure, and its path at an address."""
    written = take(row, [columns.file], PHOTO)
    address = read_name(written) if is_address(written) else ""
    name = read_name(written)
    plain = normalise_name(name)
    if not plain:
        return "", 0, ""
    last = PurePosixPath(plain).name.casefold()
    for column in columns.paths:
        cell = read_cell(row, [column])
        path = normalise_name(read_name(cell)) if cell else ""
        if PurePosixPath(path).name.casefold() != last:
            continue
        if is_address(cell):
            address = path
        elif path.count("/") > plain.count("/"):
            name = plain = path
        take(row, [column], PHOTO)
    for column in (*columns.folders, *(one for one in columns.paths if fold_column(one) in _MAYBE_FOLDERS)):
        cell = read_cell(row, [column])
        if column in columns.paths and (is_address(cell) or PurePosixPath(normalise_name(cell)).suffix):
            continue
        folder = normalise_name(cell)
        if not folder or folder == ".":
            continue
        take(row, [column], FOLDER)
        if PurePosixPath(folder).name.casefold() == last:
            return folder, 0, address
        n_sure = _count_sure(cell, folder, read_cell(row, columns.stations))
        if not f"/{plain}".casefold().startswith(f"/{folder}/".casefold()):
            name = f"{folder}/{plain}"
        root = normalise_name(read_cell(row, columns.roots))
        if several_roots and root:
            take(row, columns.roots, FOLDER)
            return f"{root}/{name}", n_sure + 1 + root.count("/"), address
        return name, n_sure, address
    return name, 0, address


def _count_sure(written: str, folder: str, station: str) -> int:
    """How many of the folders must be those of the photo.

    All of a folder inside the study's. Of a whole path only those from the station's on, because the study may have
    been moved; else those from the lowest one on that tells cameras apart.
    """
    parts = folder.split("/")
    if not (written.startswith(("/", "\\")) or ":" in parts[0]):
        return len(parts)
    names = [part.casefold() for part in parts]
    if station and station.casefold() in names:
        return len(parts) - max(i for i, part in enumerate(names) if part == station.casefold())
    return count_to_telling(parts)
