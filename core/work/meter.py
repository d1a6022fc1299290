"""Writes the progress of work a few times a second, and notices when somebody asks it to stop."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from core.work.folder import WorkFolder
from core.work.progress import Phase, Progress

TELL_EVERY_S = 0.5
RATE_WINDOW_S = 30.0
"""The rate is measured over the last seconds, so that it follows a slow disk or a busy machine."""


class Cancelled(Exception):
    """Somebody asked the work to stop; what was finished is kept."""


class Meter:
    """Measures the rate and the time left of each step of work, and writes them to the progress.

    ``on_progress`` gets each progress that is written, for the progress line in a terminal.
    """

    def __init__(self, work: WorkFolder, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
        self._work = work
        self._on_progress = on_progress
        self._last = Progress()
        self._marks: deque[tuple[float, int]] = deque()
        self._told = float("-inf")

    def begin(
        self, phase: Phase, *, done: int = 0, total: int = 0, unit: str = "photo", message: str = "", failures: int = -1
    ) -> None:
        """Begin a step of ``total`` units, of which ``done`` are already done; the rate is measured anew.

        ``failures`` is their number so far; -1: as many as in the step before.

        Raises:
            Cancelled: If somebody asked the work to stop.
        """
        self._marks.clear()
        self._told = float("-inf")
        failures = self._last.failures if failures < 0 else failures
        self.tell(Progress(phase=phase, done=done, total=total, unit=unit, message=message, failures=failures))
        self.check()

    def __call__(
        self, done: int, total: int | None = None, message: str | None = None, *, failures: int | None = None
    ) -> None:
        """Report that ``done`` units are done.

        The clock starts with the first call, because a model may have been loaded before it.

        Raises:
            Cancelled: If somebody asked the work to stop.
        """
        now = time.monotonic()
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > RATE_WINDOW_S:
            self._marks.popleft()
        last = replace(
            self._last,
            done=done,
            total=self._last.total if total is None else total,
            message=self._last.message if message is None else message,
            failures=self._last.failures if failures is None else failures,
        )
        if now - self._told >= TELL_EVERY_S or done >= last.total:
            since, before = self._marks[0]
            rate = (done - before) / (now - since) if now > since else 0.0
            left = (last.total - done) / rate if rate > 0 else None
            self._told = now
            last = replace(last, photos_per_s=rate, seconds_left=left)
            self.tell(last)
        self._last = last
        self.check()

    def tell(self, progress: Progress) -> None:
        """Write this progress unchanged."""
        self._last = progress
        self._work.write_progress(progress)
        self._on_progress(progress)

    @property
    def has_begun(self) -> bool:
        """Whether more was done than to start."""
        return self._last.phase is not Phase.STARTING

    def end(self, phase: Phase, message: str = "") -> None:
        """Write how the work ended; everything else stays as in its last step."""
        done = self._last.total if phase is Phase.DONE else self._last.done
        self.tell(replace(self._last, phase=phase, done=done, message=message, seconds_left=None))

    @property
    def last(self) -> Progress:
        """The progress of the current step."""
        return self._last

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked the work to stop, for a library that has to be stopped in its own way."""
        return self._work.cancel_requested

    def check(self) -> None:
        """Raise Cancelled if somebody asked the work to stop."""
        if self._work.cancel_requested:
            raise Cancelled
