"""Says how far a piece of work is, a few times a second, and hears when it is to stop."""

import time
from collections.abc import Callable
from dataclasses import replace

from core.work.folder import WorkFolder
from core.work.progress import Phase, Progress

TELL_EVERY_S = 0.5


class Cancelled(Exception):
    """Somebody asked the work to stop; what was finished is kept."""


class Meter:
    """Measures rate and time left of one step of a work after the other, and writes them down.

    ``on_progress`` hears what is written, such as the progress line of a terminal.
    """

    def __init__(self, work: WorkFolder, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
        self._work = work
        self._on_progress = on_progress
        self._last = Progress()
        self._first: tuple[float, int] | None = None
        self._told = float("-inf")

    def begin(self, phase: Phase, *, total: int = 0, unit: str = "photo", message: str = "") -> None:
        """Begin with a step of ``total`` units; the rate is measured anew.

        Raises:
            Cancelled: If somebody asked the work to stop.
        """
        self._first, self._told = None, float("-inf")
        failures = self._last.failures
        self.tell(Progress(phase=phase, total=total, unit=unit, message=message, failures=failures))
        self.check()

    def __call__(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Say that ``done`` units are done.

        The first call sets the clock, since before it a model may have been loaded: the rate is of those after it.

        Raises:
            Cancelled: If somebody asked the work to stop.
        """
        total = self._last.total if total is None else total
        message = self._last.message if message is None else message
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S or done >= total:
            self._first = self._first or (now, done)
            rate = (done - self._first[1]) / max(now - self._first[0], 1e-9)
            left = (total - done) / rate if rate > 0 else None
            self._told = now
            self.tell(
                replace(self._last, done=done, total=total, message=message, photos_per_s=rate, seconds_left=left)
            )
        self.check()

    def tell(self, progress: Progress) -> None:
        """Write this down as it is."""
        self._last = progress
        self._work.write_progress(progress)
        self._on_progress(progress)

    def end(self, phase: Phase, message: str = "") -> None:
        """Write down how the work ended, over what is known of its last step."""
        done = self._last.total if phase is Phase.DONE else self._last.done
        self.tell(replace(self._last, phase=phase, done=done, message=message, seconds_left=None))

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked the work to stop, for a library that has its own way of stopping."""
        return self._work.cancel_requested

    def check(self) -> None:
        """Raise Cancelled if somebody asked the work to stop."""
        if self._work.cancel_requested:
            raise Cancelled
