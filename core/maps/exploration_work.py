"""How far a computation of an exploration is, as its process writes it and others read it, and how it is stopped."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from core.disk.files import read_whole, write_whole
from core.work.progress import Phase, Progress, sign_progress, to_progress


class Cancelled(Exception):
    """Somebody asked the computation to stop; what was finished is kept."""


class WorkStatus(StrEnum):
    """How a projection stands."""

    MISSING = "missing"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class WorkState:
    """How far the computation of a projection is.

    Attributes:
        status: ``interrupted``: its process went away without an end.
        share: How much is done, 0 to 1.
        seconds_left: None while nobody can tell.
        message: What is done just now, or what went wrong, in a sentence.
    """

    status: WorkStatus
    share: float = 0.0
    seconds_left: float | None = None
    message: str = ""


class Report:
    """Says how far a computation is, and hears when it is to stop."""

    def __init__(self, path: Path, cancel: Path, on_progress: Callable[[Progress], None] | None) -> None:
        self._path, self._cancel, self._on_progress = path, cancel, on_progress
        self._started = time.monotonic()
        self._last = Progress(phase=Phase.PROJECTIONS, total=1000)
        self._write(self._last)

    def __call__(self, share: float, message: str) -> None:
        if self._cancel.is_file():
            raise Cancelled
        taken = time.monotonic() - self._started
        left = taken * (1 - share) / share if share > 0.02 else None
        self._write(replace(self._last, done=round(1000 * share), message=message, seconds_left=left))

    def end(self, phase: Phase, message: str) -> None:
        done = 1000 if phase is Phase.DONE else self._last.done
        self._write(replace(self._last, phase=phase, done=done, message=message, seconds_left=None))

    def _write(self, progress: Progress) -> None:
        self._last = progress
        write_whole(self._path, (json.dumps(asdict(sign_progress(progress))) + "\n").encode())
        if self._on_progress is not None:
            self._on_progress(progress)


def read_progress(path: Path) -> Progress | None:
    try:
        return to_progress(json.loads(read_whole(path)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
