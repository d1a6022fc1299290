"""Downloads one photo: complete and checked, or not there at all."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3
from PIL import Image, UnidentifiedImageError

from core.disk.files import replace_file, temporary_beside
from core.version import VERSION

TRIES = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
CONNECT_S, SILENCE_S, LONGEST_S = 10.0, 30.0, 600.0
"""How long a server may take to answer, be silent, and send one photo."""
MOST_BYTES = 500_000_000
_PIECE = 1 << 17
NO_PICTURE = "what the server sent is no picture"
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHECKED_PX = 64


class DownloadFailed(Exception):
    """Why a photo could not be had. ``try_again``: it may work later, not before ``after_s`` seconds."""

    def __init__(self, why: str, *, try_again: bool = False, after_s: float = 0.0) -> None:
        super().__init__(why)
        self.try_again, self.after_s = try_again, after_s


@dataclass(frozen=True)
class Patience:
    """How often a photo is tried, and the times in seconds that are waited for; pauses double."""

    tries: int = TRIES
    first_pause_s: float = FIRST_PAUSE_S
    longest_pause_s: float = LONGEST_PAUSE_S
    connect_s: float = CONNECT_S
    silence_s: float = SILENCE_S
    longest_s: float = LONGEST_S


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
    # Without an encoding the length that the server names is that of the file.
    headers = {"Accept-Encoding": "identity", "User-Agent": f"Anomalure/{VERSION}"}
    try:
        with session.get(
            address, stream=True, timeout=(patience.connect_s, patience.silence_s), headers=headers
        ) as answer:
            _refuse_status(answer)
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
        raise DownloadFailed(_say(error), try_again=not isinstance(error, ValueError)) from error


def _refuse_status(answer: requests.Response) -> None:
    if answer.status_code == 200:
        return
    try:
        after_s = float(answer.headers.get("Retry-After", 0))
    except ValueError:  # a date
        after_s = 0.0
    reason = f" {answer.reason}" if answer.reason else ""
    raise DownloadFailed(
        f"the server answered {answer.status_code}{reason[:80]}",
        try_again=answer.status_code in _TRY_AGAIN,
        after_s=after_s,
    )


def _say(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not valid"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the server broke off"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "the server could not be reached, or broke off"
    return f"the address cannot be asked ({str(error)[:120]})"
