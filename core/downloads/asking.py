"""How servers are asked for files: how often, how long they may be silent, and what their answers mean."""

from collections.abc import Collection
from dataclasses import dataclass

import requests

from core.version import VERSION

TRIES = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
CONNECT_S, SILENCE_S, LONGEST_S = 10.0, 30.0, 600.0
"""How long a server may take to answer, be silent, and send one photo."""
# Without an encoding the length that the server names is that of the file.
HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"Anomalure/{VERSION}"}
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class DownloadFailed(Exception):
    """Why a file could not be had. ``try_again``: it may work later, not before ``after_s`` seconds."""

    def __init__(self, why: str, *, try_again: bool = False, after_s: float = 0.0) -> None:
        super().__init__(why)
        self.try_again, self.after_s = try_again, after_s


@dataclass(frozen=True)
class Patience:
    """How often a photo or file is tried, and the times in seconds that are waited for; pauses double."""

    tries: int = TRIES
    first_pause_s: float = FIRST_PAUSE_S
    longest_pause_s: float = LONGEST_PAUSE_S
    connect_s: float = CONNECT_S
    silence_s: float = SILENCE_S
    longest_s: float = LONGEST_S


def refuse_status(answer: requests.Response, *, wanted: Collection[int] = (200,)) -> None:
    """Raise DownloadFailed unless the server answered with a wanted status."""
    if answer.status_code in wanted:
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


def say_failure(error: Exception) -> str:
    """Why a server could not be asked, or broke off."""
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not valid"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the server broke off"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "the server could not be reached, or broke off"
    return f"the address cannot be asked ({str(error)[:120]})"
