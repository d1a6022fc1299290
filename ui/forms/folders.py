"""The folders of this computer and the number of photos in them, so that nobody has to type a path."""

import os
import string
import time
from dataclasses import dataclass
from pathlib import Path

from core.disk.names import expand_home, is_text

MOST_ENTRIES = 5_000
MOST_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class PhotoCount:
    """How many photos lie in a folder and its sub-folders; ``complete`` is False if the count stopped at its limit."""

    n: int
    complete: bool

    def __str__(self) -> str:
        if self.complete:
            return "no photos" if self.n == 0 else "1 photo" if self.n == 1 else f"{self.n:,} photos"
        return f"{self.n:,}+ photos" if self.n else "large folder"


@dataclass(frozen=True, slots=True)
class SubFolder:
    """A folder in a listing."""

    path: Path
    photos: PhotoCount


def read_path(text: str) -> Path | None:
    """The path that a typed or pasted text means; ``~`` is understood. None if it is empty.

    Spaces and quotes around it are taken off only if there is nothing of the whole name.
    """
    if not text.strip():
        return None
    plain = text.strip()
    inside = plain[1:-1] if len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "\"'" else plain
    forms = [text, plain, inside, inside.strip(), plain.strip("\"'").strip()]
    paths = [expand_home(form) for form in dict.fromkeys(forms) if form]
    return next((path for path in paths if is_there(path)), paths[-1]) if forms[-1] else None


def explain_folder(text: str) -> str:
    """Why this text is not a folder that can be read, as a sentence; empty if it is one."""
    try:
        folder = read_path(text)
        if folder is None:
            return "Choose the folder that holds your photos."
        if not folder.exists():
            return f"There is no folder {folder}. Check the spelling, or find it under Choose on this computer."
        if not folder.is_dir():
            return f"{folder} is a file. Choose the folder that holds it."
        with os.scandir(folder):
            pass
    except PermissionError:
        return f"This computer does not let you read {text.strip()}. Choose another folder, or ask for access."
    except (OSError, ValueError, RuntimeError):
        return f"{text.strip()!r} is not a path that this computer understands. Use Choose on this computer."
    return ""


def list_places() -> list[tuple[str, Path]]:
    """Where browsing can start: the home folder, its usual picture folders, drives, the whole computer."""
    home = Path.home()
    places = [("Home", home)]
    places += [(name, home / name) for name in ("Pictures", "Desktop", "Documents") if (home / name).is_dir()]
    if os.name == "nt":
        drives = [Path(f"{letter}:\\") for letter in string.ascii_uppercase]
        places += [(str(drive), drive) for drive in drives if drive.exists()]
    else:
        mounts = [Path("/media") / home.name, Path("/run/media") / home.name, Path("/Volumes")]
        for mount in mounts:
            try:
                places += [
                    (drive.name, drive) for drive in sorted(mount.iterdir()) if is_text(drive.name) and drive.is_dir()
                ]
            except OSError:
                continue  # no drives are plugged in here
        places.append(("Computer", Path("/")))
    return places


def count_photos(
    folder: Path, *, suffixes: frozenset[str], most_entries: int = MOST_ENTRIES, most_seconds: float = MOST_SECONDS
) -> PhotoCount:
    """Count the photos in a folder and its sub-folders. Stop at a limit, because a person waits for the number."""
    until = time.monotonic() + most_seconds
    n_photos = n_entries = 0
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    n_entries += 1
                    if n_entries > most_entries or time.monotonic() > until:
                        return PhotoCount(n_photos, False)
                    if entry.name.startswith("."):
                        continue
                    if os.path.splitext(entry.name)[1].lower() in suffixes:
                        n_photos += 1
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
        except OSError:
            continue  # a folder that cannot be read has no photos for us
    return PhotoCount(n_photos, True)


def list_subfolders(folder: Path, *, suffixes: frozenset[str], most_seconds: float = 1.0) -> list[SubFolder]:
    """The folders in a folder by name, each with a bounded count of its photos; without hidden folders."""
    try:
        with os.scandir(folder) as entries:
            paths = [Path(entry.path) for entry in entries if not entry.name.startswith((".", "$")) and entry.is_dir()]
    except OSError:
        return []
    paths.sort(key=lambda path: path.name.casefold())
    share = max(most_seconds / max(len(paths), 1), 0.002)
    return [SubFolder(path, count_photos(path, suffixes=suffixes, most_seconds=share)) for path in paths]


def is_there(path: Path) -> bool:
    """Whether a path that somebody typed is a file or folder here."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
