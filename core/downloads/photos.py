"""Downloads the photos that a COCO file names into a folder, several at once; what is there already is skipped."""

import errno
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import requests
from PIL import Image

from core.disk.files import remove_leftovers
from core.disk.inside import LeadsOut, inside
from core.downloads.asking import DownloadFailed, Patience
from core.downloads.one_photo import download_photo, find_damage
from core.downloads.wanted import WantedPhoto
from core.errors import AnomalureError
from core.formats.csv import write_csv

AT_ONCE = 8
FAILED_CSV = "failed-downloads.csv"
# Any other error of the disk would meet the next photo, too.
_OF_ONE_NAME = frozenset({errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ})
_AHEAD = 4  # photos that wait for each worker


@dataclass
class Downloaded:
    """What became of the photos: ``done`` were downloaded, ``skipped`` were there, ``failed`` are in ``failures``.

    ``other_size``: their width and height are not those of the file, so boxes may not fit.
    """

    done: int = 0
    skipped: int = 0
    n_bytes: int = 0
    other_size: list[str] = field(default_factory=list)
    failures: list[tuple[WantedPhoto, str]] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many photos could not be had."""
        return len(self.failures)


def download_photos(
    photos: Sequence[WantedPhoto],
    out: Path,
    *,
    at_once: int = AT_ONCE,
    patience: Patience | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Downloaded:
    """Download photos into a folder. A photo is there complete or not at all, so it can be stopped and started again.

    Photos that failed are listed in ``failed-downloads.csv`` of the folder, which is removed when there are none.

    Args:
        photos: From ``read_wanted`` for this folder.
        out: The folder; made if it is missing.
        at_once: How many photos are downloaded at once, at least 1.
        on_progress: Called with the number of photos that are finished and of all.

    Raises:
        AnomalureError: If the folder cannot be written; what was downloaded before stays.
    """
    patience = patience or Patience()
    result = Downloaded()
    stop = threading.Event()
    local = threading.local()

    def check() -> None:
        if stop.is_set():
            raise _Stopped

    def work(photo: WantedPhoto) -> int | None:
        path = inside(out, photo.file_name)
        if path.is_file() and not find_damage(path):
            return None
        if not hasattr(local, "session"):
            local.session = requests.Session()
        return download_photo(local.session, photo.address, path, patience=patience, wait=stop.wait, check=check)

    try:
        out.mkdir(parents=True, exist_ok=True)
        for folder in {(out / photo.file_name).parent for photo in photos}:
            remove_leftovers(folder)
        with ThreadPoolExecutor(at_once, thread_name_prefix="download") as pool:
            try:
                _work_all(pool, work, photos, out, result, ahead=at_once * _AHEAD, on_progress=on_progress)
            finally:
                stop.set()  # the others end at their next piece
        _write_failures(out, result)
    except OSError as error:
        raise AnomalureError(
            f"The photos cannot be written to {out} ({error.strerror or error}). Make room or choose another folder, "
            "then start again: what is there is skipped."
        ) from error
    return result


class _Stopped(Exception):
    """Another photo ended the work."""


def _work_all(
    pool: ThreadPoolExecutor,
    work: Callable[[WantedPhoto], int | None],
    photos: Sequence[WantedPhoto],
    out: Path,
    result: Downloaded,
    *,
    ahead: int,
    on_progress: Callable[[int, int], None],
) -> None:
    left = deque(photos)
    asked: dict[Future[int | None], WantedPhoto] = {}
    n_finished = 0
    while left or asked:
        while left and len(asked) < ahead:
            photo = left.popleft()
            asked[pool.submit(work, photo)] = photo
        for future in wait(asked, return_when=FIRST_COMPLETED).done:
            photo = asked.pop(future)
            try:
                n_bytes = future.result()
            except (DownloadFailed, LeadsOut) as failure:
                result.failures.append((photo, str(failure)))
            except OSError as error:
                if error.errno not in _OF_ONE_NAME:
                    raise
                result.failures.append((photo, f"a file cannot have this name ({error.strerror})"))
            else:
                if n_bytes is None:
                    result.skipped += 1
                else:
                    result.done += 1
                    result.n_bytes += n_bytes
                if not _has_size(out / photo.file_name, photo.frame):
                    result.other_size.append(photo.file_name)
            n_finished += 1
            on_progress(n_finished, len(photos))


def _has_size(path: Path, frame: tuple[float, float] | None) -> bool:
    """Whether a picture has this width and height, upright or as its camera wrote it."""
    if frame is None:
        return True
    with Image.open(path) as picture:
        return frame in (picture.size, picture.size[::-1])


def _write_failures(out: Path, result: Downloaded) -> None:
    path = out / FAILED_CSV
    if not result.failures:
        path.unlink(missing_ok=True)
        return
    rows = ({"file_name": photo.file_name, "address": photo.address, "why": why} for photo, why in result.failures)
    write_csv(rows, path, columns=("file_name", "address", "why"))
