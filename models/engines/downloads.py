"""Downloads of published weights: said while they are tried, and given up within seconds without a network."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

PATIENCE_S = 5.0
"""How long a server may take to answer. The libraries that download try for minutes."""

log = logging.getLogger(__name__)
_tell: ContextVar[Callable[[str], None]] = ContextVar("tell", default=lambda message: None)
_check: ContextVar[Callable[[], None]] = ContextVar("check", default=lambda: None)


@contextmanager
def telling(tell: Callable[[str], None], check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Inside, ``tell`` gets a sentence when a download is tried, and an empty text after it.

    What ``check`` raises ends a download that can be resumed.
    """
    tokens = _tell.set(tell), _check.set(check)
    try:
        yield
    finally:
        _tell.reset(tokens[0])
        _check.reset(tokens[1])


def tell(message: str) -> None:
    """Say this to whoever waits for the work that downloads."""
    _tell.get()(message)


def check() -> None:
    """Raise what ends the work, if somebody asked it to end."""
    _check.get()()


@contextmanager
def downloading(what: str, address: str) -> Iterator[None]:
    """Say that something is being downloaded, if its server answers.

    Args:
        what: Named to the user.
        address: Any address of the server.

    Raises:
        ConnectionError: If the server does not answer within ``PATIENCE_S``.
    """
    host = urlsplit(address).hostname or address
    _tell.get()(f"Trying to download {what}")
    log.info("Trying to download %s from %s ...", what, host)
    try:
        answers: queue.Queue[str] = queue.Queue()
        # Looking up a name has no timeout of its own, so a thread waits for it.
        threading.Thread(target=lambda: answers.put(_ask(address)), daemon=True).start()
        try:
            problem = answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            problem = f"no answer within {PATIENCE_S:.0f} seconds"
        if problem:
            raise ConnectionError(f"{host}: {problem}")
        yield
    finally:
        _tell.get()("")


def _ask(address: str) -> str:
    """Why the server cannot be reached; empty if it answers. Proxies of the environment are used."""
    try:
        with urlopen(Request(address, method="HEAD"), timeout=PATIENCE_S):
            return ""
    except HTTPError:
        return ""  # an answer; the download itself says what is wrong
    except OSError as error:
        return str(getattr(error, "reason", error))
