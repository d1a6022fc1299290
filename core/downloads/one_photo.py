"""Downloads one photo: complete and checked, or not there at all."""

import time
from collections.abc import Callable
from pathlib import Path

import requests
import urllib3
from PIL import Image, UnidentifiedImageError

from core.disk.files import replace_file, temporary_beside
from core.downloads.asking import HEADERS, DownloadFailed, Patience, refuse_status, say_failure

MOST_BYTES = 500_000_000
_PIECE = 1 << 17
NO_PICTURE = "what the server sent is no picture"
_CHECKED_PX = 64


def download_photo(
    session: requests.Session,
    address: str,
    path: Path,
    *,
    patience: Patience,
    wait: Callable[[float], object] = time.sleep,
    check: Callable[[], None] = lambda: None,
) -> int:
    """Put the photo at ``address`` at ``path``, whose folder is made; returns its bytes.

    Args:
        wait: Called with the seconds of a pause between two tries.
        check: Called between pieces and pauses; what it raises ends the download, and nothing is left of it.

    Raises:
        DownloadFailed: If it cannot be had, or is no complete picture.
        OSError: If it cannot be written.
    """
    pause = patience.first_pause_s
    for number in range(1, patience.tries + 1):
        check()
        try:
            return _try(session, address, path, patience=patience, check=check)
        except DownloadFailed as failure:
            if not failure.try_again:
                raise
            if number == patience.tries:
                raise DownloadFailed(f"{failure} (tried {number} times)") from failure
            wait(min(max(pause, failure.after_s), patience.longest_pause_s))
            pause *= 2
    raise AssertionError("a photo is tried at least once")


def find_damage(path: Path) -> str:
    """What keeps a file from being read as a picture to its end; empty if nothing does."""
    try:
        with Image.open(path) as picture:
            picture.draft("RGB", (_CHECKED_PX, _CHECKED_PX))  # reads all of a JPEG, and computes little
            picture.load()
    except (UnidentifiedImageError, ImportError):  # Ultralytics, once it is loaded, tries a package for HEIC first
        return NO_PICTURE
    except Image.DecompressionBombError:
        return "it has too many pixels"
    except (OSError, ValueError, SyntaxError, MemoryError):
        return "the picture is not complete"
    return ""


def _try(session: requests.Session, address: str, path: Path, *, patience: Patience, check: Callable[[], None]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        n_bytes = _receive(session, address, temporary, patience=patience, check=check)
        if damage := find_damage(temporary):
            raise DownloadFailed(damage, try_again=damage != NO_PICTURE)
        replace_file(temporary, path)
        return n_bytes
    finally:
        temporary.unlink(missing_ok=True)


def _receive(
    session: requests.Session, address: str, temporary: Path, *, patience: Patience, check: Callable[[], None]
) -> int:
    until = time.monotonic() + patience.longest_s
    try:
        with session.get(
            address, stream=True, timeout=(patience.connect_s, patience.silence_s), headers=HEADERS
        ) as answer:
            refuse_status(answer)
            n_bytes = 0
            pieces = answer.iter_content(_PIECE)
            with temporary.open("xb") as file:
                while piece := next(pieces, b""):
                    check()
                    n_bytes += len(piece)
                    if n_bytes > MOST_BYTES:
                        raise DownloadFailed(f"it is larger than {MOST_BYTES // 1_000_000} MB")
                    if time.monotonic() > until:
                        raise DownloadFailed(f"it took longer than {patience.longest_s:g} seconds", try_again=True)
                    file.write(piece)
            return n_bytes
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
        # An address that is wrong stays wrong; a connection may come back.
        raise DownloadFailed(say_failure(error), try_again=not isinstance(error, ValueError)) from error
