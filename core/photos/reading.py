"""Finds the photos of a folder, and reads one with everything that is known about it."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.disk.inside import LeadsOut, inside
from core.disk.names import check_name_is_text, is_text, show_name
from core.errors import AnomalureError, PhotoFileUnreadable, PhotoUnreadable
from core.photos.decoding import MEGA, decode_photo, measure_megapixels, read_facts
from core.photos.reduction import ChooseShrink, keep_all
from core.records import LoadedPhoto, Photo, hash_content

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
# Folders that systems and network drives make by themselves; they hold thumbnails and deleted files.
SYSTEM_FOLDERS = frozenset({"@eadir", "$recycle.bin", "system volume information", "__macosx", "lost+found"})
# More than any uncompressed picture needs per pixel, so a larger file is no photo of the allowed size.
MOST_BYTES_PER_PIXEL = 8
WINDOWS_PATH_LIMIT = 240
MOST_NAMED = 200

_VIDEOS = "3gp asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts vob webm wmv"
# Pictures that are not read: of phones and the web, and raw data of cameras.
_OTHER_PICTURES = (
    "avif bmp gif heic heics heif hif jfif jp2 jpe jxl psd 3fr arw cr2 cr3 crw dcr dng erf iiq kdc mef mos mrw nef nrw "
    "orf pef raf raw rw2 rwl sr2 srf srw x3f"
)
_MAY_SHOW_ANIMALS = frozenset(f".{name}" for name in f"{_VIDEOS} {_OTHER_PICTURES}".split(" "))
_SEVERAL = {
    "file without extension": "files without extension",
    "name that is not valid text": "names that are not valid text",
    **{one: f"{one}s" for kind in ("hidden", "unreadable") for one in (f"{kind} file", f"{kind} folder")},
    **{one: f"{one}s" for one in ("broken link", "special file")},
}
_UNREAD = frozenset({"unreadable folder", "unreadable file", "broken link", "name that is not valid text"})

_NUMBER = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class Listing:
    """The photos below a folder.

    ``file_names`` are relative to ``folder`` with forward slashes, in natural order (``IMG_2`` before ``IMG_10``).
    ``passed_over`` counts the skipped files by file name extension (``.mp4``) or by reason (``hidden file``), and
    ``passed_over_names`` has the first of their names.
    """

    folder: Path
    file_names: tuple[str, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict)
    passed_over_names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.file_names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.file_names)

    def describe_passed_over(self) -> str:
        """For example ``12 .mp4, 1 unreadable folder``; empty when nothing was passed over."""
        return describe_counts(self.passed_over)


class _PassedOver:
    """Counts what is passed over, and keeps the first names."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.names: dict[str, list[str]] = {}

    def add(self, kind: str, name: str) -> None:
        self.counts[kind] += 1
        names = self.names.setdefault(kind, [])
        if len(names) < MOST_NAMED:
            names.append(show_name(name))


def describe_counts(counts: Mapping[str, int]) -> str:
    """The most frequent first, for example ``12 .mp4, 1 unreadable folder``."""
    by_number = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {what if count == 1 else _SEVERAL.get(what, what)}" for what, count in by_number)


def leaves_a_gap(kind: str) -> bool:
    """Whether files that were passed over for this reason may show animals: videos, other pictures, unread folders."""
    return kind in _MAY_SHOW_ANIMALS or kind in _UNREAD


def find_photos(folder: Path) -> Listing:
    """List the photos below a folder: jpg, png, webp and tiff in any case, folders in folders.

    Links are followed; a folder that can be reached by two ways is listed once. Hidden files and folders are not
    taken, nor are names that are not valid text (they could not be stored).

    Raises:
        AnomalureError: If the folder is missing, is a file, cannot be read, goes away meanwhile, or holds no photo.
    """
    listing = list_photos(folder)
    if not listing.file_names:
        others = listing.describe_passed_over()
        raise AnomalureError(
            f"There is no photo (jpg, png, webp or tiff) in {folder} or the folders in it"
            + (f"; passed over: {others}." if others else ": it is empty.")
        )
    return listing


def list_photos(folder: Path) -> Listing:
    """As ``find_photos``, for a folder that may hold no photo yet."""
    check_name_is_text(folder.absolute(), what="folder")
    if not folder.exists():
        raise AnomalureError(
            f"There is no folder {folder}. Check the spelling, and that the disk or card is connected."
        )
    if not folder.is_dir():
        raise AnomalureError(f"{folder} is a file. Expected the folder that holds the photos.")
    passed_over = _PassedOver()
    found: list[str] = []
    seen = {_identify(folder)}
    waiting, linked = [(folder, "")], list[tuple[Path, str]]()
    while waiting or linked:
        # Links come last, so that a folder keeps the name of its real place.
        here, prefix = waiting.pop() if waiting else linked.pop(0)
        if prefix:
            identity = _identify(here)
            if identity in seen:
                continue
            seen.add(identity)
        try:
            with os.scandir(reach(here)) as scan:
                entries = sorted(scan, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            if not prefix:
                raise AnomalureError(f"The folder {folder} cannot be read: {error.strerror or error}.") from error
            passed_over.add("unreadable folder", prefix.rstrip("/"))
            continue
        for entry in entries:
            kind = _name_kind(entry)
            if kind == "photo":
                found.append(prefix + entry.name)
            elif kind in ("folder", "linked folder"):
                (waiting if kind == "folder" else linked).append((here / entry.name, f"{prefix}{entry.name}/"))
            else:
                passed_over.add(kind, prefix + entry.name)
    if "unreadable folder" in passed_over.counts:
        _check_still_there(folder)
    return Listing(folder, tuple(sorted(found, key=natural_key)), dict(passed_over.counts), passed_over.names)


def _check_still_there(folder: Path) -> None:
    """If the disk went away while the folder was listed, all of the folders that were left seem unreadable."""
    try:
        with os.scandir(reach(folder)):
            pass
    except OSError as error:
        raise AnomalureError(
            f"The folder {folder} went away while it was listed: {error.strerror or error}. Connect its disk or "
            "network drive again."
        ) from error


def natural_key(file_name: str) -> tuple[list[str | int], str]:
    """Sorts folder by folder, numbers by value, letters regardless of case; unlike names are never equal."""
    # With the lowest sign between folders, "a/x" comes before "a-b/x", as "a" comes before "a-b".
    pieces: list[str | int] = list(_NUMBER.split(file_name.casefold().replace("/", "\0")))  # text, number, text, ...
    pieces[1::2] = map(int, pieces[1::2])
    return pieces, file_name


def read_photo(
    folder: Path, file_name: str, *, deployment: str, max_megapixels: float, choose_shrink: ChooseShrink = keep_all
) -> LoadedPhoto:
    """Read, hash and decode one photo.

    Args:
        folder: The folder that was listed.
        file_name: The photo's name in it, with forward slashes.
        deployment: Goes into the record as it is.
        max_megapixels: Larger pictures are refused before they are unpacked.
        choose_shrink: How far an intact JPEG may be reduced.

    Raises:
        PhotoUnreadable: If it cannot be read or decoded; the text is the reason, without the file's name.
    """
    content = _read_content(folder / file_name, most_bytes=int(max_megapixels * MEGA * MOST_BYTES_PER_PIXEL))
    decoded = decode_photo(content, max_megapixels=max_megapixels, choose_shrink=choose_shrink)
    facts = decoded.facts
    photo = Photo(
        photo_id=hash_content(content),
        file_name=file_name,
        deployment=deployment,
        width_px=decoded.width_px,
        height_px=decoded.height_px,
        size_bytes=len(content),
        captured_at=facts.captured_at,
        camera_make=facts.make,
        camera_model=facts.model,
        camera_serial=facts.serial,
        note=decoded.note,
    )
    is_reduced = decoded.shrink > 1
    return LoadedPhoto(photo, decoded.pixels, decoded.shrink, content if is_reduced else b"")


def measure_photo(folder: Path, file_name: str, *, choose_shrink: ChooseShrink = keep_all) -> float:
    """The megapixels that a photo will have in memory by its header, before it is read; 0 if none can be read."""
    try:
        if not stat.S_ISREG(os.stat(reach(folder / file_name)).st_mode):
            return 0.0
        with open(reach(folder / file_name), "rb") as file:
            return measure_megapixels(file, choose_shrink=choose_shrink)
    except OSError:
        return 0.0


def read_captured_at(folder: Path, file_name: str) -> datetime | None:
    """When a photo was taken, as ``read_photo`` says, without decoding it; None if that is not known."""
    try:
        if not stat.S_ISREG(os.stat(reach(folder / file_name)).st_mode):
            return None
        with open(reach(folder / file_name), "rb") as file:
            return read_facts(file).captured_at
    except OSError:
        return None


def find_photo_file(project: Path, folder: Path, file_name: str) -> Path:
    """The file of a photo that a run names, for showing or packing it.

    A run may come from somebody else, so the name has to be that of a photo inside the run's folder. Links are
    followed in folders of the user's own; in those that came with the project they must not lead out of it.

    Raises:
        LeadsOut: If it leads out of the folder, or is no photo's name.
    """
    named = Path(file_name)
    leads_out = ".." in named.parts or named.is_absolute() or bool(named.drive) or "\0" in file_name
    if leads_out or named.suffix.lower() not in PHOTO_SUFFIXES:
        raise LeadsOut(f"{file_name[:200]!r} is not the name of a photo in {folder}, so it is not read.")
    return inside(folder, file_name) if _is_in(folder, project) else folder / file_name


def _is_in(folder: Path, project: Path) -> bool:
    home = os.path.realpath(project)
    try:
        return os.path.commonpath((home, os.path.realpath(folder))) == home
    except ValueError:  # another drive
        return False


def reach(path: Path) -> str:
    """The path in a form that can be opened: Windows needs a mark on long ones."""
    return lengthen_windows_path(os.path.abspath(path)) if os.name == "nt" else os.fspath(path)


def lengthen_windows_path(path: str) -> str:
    """An absolute Windows path; a long one gets the mark that allows more than 260 characters."""
    if len(path) < WINDOWS_PATH_LIMIT or path.startswith("\\\\?\\"):
        return path
    return f"\\\\?\\UNC\\{path[2:]}" if path.startswith("\\\\") else f"\\\\?\\{path}"


def _read_content(path: Path, *, most_bytes: int) -> bytes:
    try:
        about = os.stat(reach(path))
        if stat.S_ISDIR(about.st_mode):
            raise PhotoUnreadable("It is a folder, not a file.")
        if not stat.S_ISREG(about.st_mode):  # reading a pipe would wait for ever
            raise PhotoUnreadable("It is not an ordinary file.")
        if about.st_size > most_bytes:
            raise PhotoUnreadable(
                f"The file has {about.st_size / MEGA:,.0f} MB, more than any picture that max_megapixels allows."
            )
        with open(reach(path), "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise PhotoFileUnreadable("The file has disappeared since the folder was listed.") from error
    except PermissionError as error:
        raise PhotoFileUnreadable("You have no permission to read the file.") from error
    except OSError as error:
        raise PhotoFileUnreadable(f"The file cannot be read: {error.strerror or error}.") from error


def _identify(folder: Path) -> tuple[int, int] | str:
    try:
        about = os.stat(reach(folder))
    except OSError:
        return str(folder)
    return (about.st_dev, about.st_ino) if about.st_ino else os.path.realpath(folder)


def _name_kind(entry: os.DirEntry[str]) -> str:
    """``photo``, ``folder``, ``linked folder``, or the name under which it is counted."""
    name = entry.name
    if not is_text(name):
        return "name that is not valid text"
    try:
        is_folder = entry.is_dir()
        if name.startswith(".") or (is_folder and name.lower() in SYSTEM_FOLDERS):
            return "hidden folder" if is_folder else "hidden file"
        if is_folder:
            return "linked folder" if entry.is_symlink() else "folder"
        if not entry.is_file():
            return "broken link" if entry.is_symlink() else "special file"
    except OSError:
        return "unreadable file"
    suffix = os.path.splitext(name)[1].lower()
    if suffix in PHOTO_SUFFIXES:
        return "photo"
    return suffix or "file without extension"
