"""The errors that a user can cause; their text is shown as it is, without a traceback."""

import difflib
from collections.abc import Iterable


class AnomalureError(Exception):
    """An error that a user can correct. The text says what was expected, what came and what to do."""


class WrongUsage(AnomalureError):
    """Options or settings are missing, contradict each other, or have values that they cannot have."""


class FileFormatError(AnomalureError):
    """A file of labels, boxes or settings is not what it should be."""


class PhotoUnreadable(AnomalureError):
    """A photo cannot be decoded; the run records a Failure and continues."""


class PhotoFileUnreadable(PhotoUnreadable):
    """A photo's file cannot be read at all: it is gone, locked, or its disk is."""


class PhotoChanged(PhotoUnreadable):
    """A photo's file holds another picture than the one that was looked at, so that nothing said of that one fits."""


class FolderGone(AnomalureError):
    """The folder of photos is gone, as when a card is pulled out. The work stops and can be resumed."""


CONSENT_OPTION = "--allow-code"
"""The option with which a user agrees that code from a file is run; it stands in every ``ConsentNeeded``."""


class ConsentNeeded(AnomalureError):
    """Loading this file would run code from it, and the user has not agreed to that."""


class BundleError(AnomalureError):
    """A bundle is missing, half made, or does not fit what it is used for."""


class NewerVersion(AnomalureError):
    """A project was last used with a newer version of Anomalure, whose files this one could spoil."""


class NotNow(AnomalureError):
    """Something cannot be read or written at the moment; the same may succeed later, so nothing may be given up."""


class CannotBegin(AnomalureError):
    """Long work cannot be begun, because nothing can be written in the project."""


class Overtaken(AnomalureError):
    """Somebody else has decided about the same crops meanwhile; nothing was kept."""


class StoreBusy(NotNow):
    """Another process has locked the project's database for too long."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`` Did you mean spring?``, with the blank before it; empty if nothing known is spelled nearly so."""
    by_look = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(given.casefold(), by_look, n=1)
    return f" Did you mean {by_look[close[0]]}?" if close else ""


TOO_LITTLE_MEMORY = (
    "There is too little memory for this: the system gave no more to this process. Close other programs, or raise the "
    "limit that was set for it (ulimit -v, or that of a container or a queue)."
)
_OF_MEMORY = (
    "failed to map segment",
    "cannot allocate memory",
    "bad_alloc",
    "can't start new thread",
    "not enough memory",
    "out of memory",
    "openblas",
)


def is_of_memory(error: BaseException) -> bool:
    """Whether an error comes from a lack of memory, which libraries say in many ways."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or any(words in str(seen).casefold() for words in _OF_MEMORY):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
