"""What arrives in a watched folder: a photo counts once it no longer grows and can be opened to its end."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from core.errors import AnomalureError, FolderGone, PhotoFileUnreadable, PhotoUnreadable
from core.photos.deployments import DeploymentNamer
from core.photos.reading import Listing, list_photos, reach, read_photo
from core.photos.reduction import reduce_to_longest
from core.records import Photo
from core.watch.ledger import FileState, Ledger

LOOKED_AT_PX = 64
"""A photo is decoded as small as it can be: only its end matters here."""
READ_AT_ONCE_S = 5.0
"""After so long the watcher does what is finished, before it reads further photos of a large copy."""
_UNFINISHED = re.compile(r"\.(part|partial|filepart|tmp|temp|crdownload|uploading|\!?ut|swp)(\.|$)|^~", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A photo that is there as a whole. ``photo`` is None if it cannot be read: the run then says why.

    ``since`` is when it was noticed as complete, in seconds of the watcher's own clock, which nobody can set.
    """

    file_name: str
    state: FileState
    since: float
    deployment: str
    photo: Photo | None


@dataclass(slots=True)
class Seen:
    """What one look at the folder found; ``growing`` are photos that are still being written, or just came."""

    listing: Listing
    growing: list[str] = field(default_factory=list)
    copies: int = 0
    gone: list[str] = field(default_factory=list)


class Arrivals:
    """Looks at a folder again and again. What it knows of files that are not done yet is not kept over a restart.

    Args:
        folder: The watched folder.
        ledger: What was done and told before.
        namer: Names the cameras.
        settle_s: A file counts as written if its size and time have not changed for so long.
        give_up_s: A picture whose end is missing is taken as it is after so long without a change.
        max_megapixels: As for a run.
        clock: Seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        *,
        namer: DeploymentNamer,
        settle_s: float,
        give_up_s: float,
        max_megapixels: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._ledger = ledger
        self._namer = namer
        self._settle_s = settle_s
        self._give_up_s = give_up_s
        self._max_megapixels = max_megapixels
        self._clock = clock
        self._noticed: dict[str, tuple[FileState, float]] = {}
        self._incomplete: dict[str, FileState] = {}
        self.waiting: dict[str, Arrived] = {}

    def look(self) -> Seen:
        """List the folder, and read what no longer changes.

        Raises:
            FolderGone: If the folder is not there just now.
        """
        seen = Seen(list_watched(self.folder))
        states: dict[str, FileState] = {}
        for name in seen.listing.file_names:
            if is_unfinished_name(name):
                continue
            state = _read_state(self.folder / name)
            if state is not None:
                states[name] = state
        self._forget_gone(states, seen)
        began = self._clock()
        for name, state in states.items():
            known = self.waiting.get(name)
            if (known is not None and known.state == state) or self._ledger.knows(name, state):
                continue
            now = self._clock()
            before, since = self._noticed.get(name, (None, now))
            if before != state:
                self._noticed[name] = (state, now)
                since = now
            is_settled = now - since >= self._settle_s and now - began <= READ_AT_ONCE_S
            if not (is_settled and self._take(name, state, since=since, seen=seen)):
                seen.growing.append(name)
        return seen

    def take_out(self, file_names: list[str]) -> None:
        """These are being done: they no longer wait."""
        for name in file_names:
            self.waiting.pop(name, None)
            self._noticed.pop(name, None)
            self._incomplete.pop(name, None)

    def _take(self, name: str, state: FileState, *, since: float, seen: Seen) -> bool:
        """Let a photo wait for the end of its event, if it is complete; whether it needs no further look."""
        is_old = self._clock() - since >= self._give_up_s or time.time() - state.mtime_ns / 1e9 >= self._give_up_s
        if self._incomplete.get(name) == state and not is_old:
            return False
        photo: Photo | None = None
        try:
            photo = read_photo(
                self.folder,
                name,
                deployment=self._namer.name(name),
                max_megapixels=self._max_megapixels,
                choose_shrink=reduce_to_longest(LOOKED_AT_PX),
            ).photo
            is_complete = not photo.note
        except PhotoFileUnreadable:
            if _read_state(self.folder / name) is None:
                return False  # it went away just now
            is_complete = False
        except PhotoUnreadable:
            is_complete = False
        if _read_state(self.folder / name) != state:
            return False  # it changed while it was read
        if not is_complete and not is_old:
            self._incomplete[name] = state
            return False
        before = self.waiting.get(name)
        is_other = before is not None and before.photo is not None and before.photo.photo_id != _name_content(photo)
        if is_other:
            self._let_go(name, "replaced", seen)
        if photo is not None and self._is_copy(name, state, photo, seen):
            return True
        self.waiting[name] = Arrived(name, state, self._clock(), self._namer.name(name), photo)
        return True

    def _is_copy(self, name: str, state: FileState, photo: Photo, seen: Seen) -> bool:
        first = self._ledger.find_content(photo.photo_id)
        if first is None:
            same = (one for one in self.waiting.values() if one.photo is not None and one.photo != photo)
            first = next((one.file_name for one in same if one.photo and one.photo.photo_id == photo.photo_id), None)
            if first == name:
                return False
        if first is None:
            return False
        self.waiting.pop(name, None)
        if first == name:  # the same file, which was only touched
            self._ledger.note_touched(name, state)
        else:
            self._ledger.note_copy(name, state, photo_id=photo.photo_id, of=first)
            seen.copies += 1
        return True

    def _forget_gone(self, states: dict[str, FileState], seen: Seen) -> None:
        for name in [name for name in self.waiting if name not in states]:
            self._let_go(name, "deleted", seen)
        for known in (self._noticed, self._incomplete):
            for name in [name for name in known if name not in states]:
                del known[name]

    def _let_go(self, name: str, why: str, seen: Seen) -> None:
        one = self.waiting.pop(name)
        seen.gone.append(name)
        self._ledger.note_loss(name, why)
        if one.photo is not None:  # a copy of it that is still there takes its place
            self._ledger.forget_copies(one.photo.photo_id)


def list_watched(folder: Path) -> Listing:
    """The photos of the folder, which may be none.

    Raises:
        FolderGone: If it is not there, or not readable.
    """
    try:
        with os.scandir(reach(folder)):
            pass
        return list_photos(folder)
    except (OSError, AnomalureError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise FolderGone(f"The folder {folder} is not there just now ({why.rstrip('.')}).") from error


def is_unfinished_name(file_name: str) -> bool:
    """Whether a program that copies gives such a name to a file that it has not finished: ``IMG_1.part.jpg``."""
    return bool(_UNFINISHED.search(PurePosixPath(file_name).name))


def _name_content(photo: Photo | None) -> str:
    return photo.photo_id if photo is not None else ""


def _read_state(path: Path) -> FileState | None:
    try:
        about = os.stat(reach(path))
    except OSError:
        return None
    return FileState(about.st_size, about.st_mtime_ns)
