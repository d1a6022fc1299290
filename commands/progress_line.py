"""A progress line in the terminal: a bar where it can be drawn, else a plain line now and then."""

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from core.work.progress import SHARE

if TYPE_CHECKING:
    from tqdm import tqdm

PLAIN_EVERY_S = 10.0
USUAL_SIZE = (80, 24)
SHARES = f"{SHARE}s"
SHARES_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"


class ProgressLine:
    """A line on stderr with a rate and the time left, as a context manager.

    A file or a pipe, such as the output window of an editor, gets a plain line every ten seconds, which costs a log
    little. ``quiet`` leaves these out, where something else shows the progress.
    """

    def __init__(self, unit: str, *, quiet: bool = False) -> None:
        self._unit = unit
        self._phase = self._message = ""
        self._began_at = self._told_at = time.monotonic()
        self._quiet = quiet
        self._bar = _make_bar(unit) if sys.stderr.isatty() else None

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, total: int) -> None:
        """Draw it at ``done`` of ``total``."""
        if self._bar is None:
            self._tell_plainly(done, total)
            return
        self._bar.total = total
        if done < self._bar.n:
            self._bar.reset(total)
        self._bar.update(done - self._bar.n)

    def show_progress(self, progress: Any) -> None:
        """Draw a run's or a training's progress; a new step or message is shown at once."""
        self._unit = f"{progress.unit}s"
        is_new = (str(progress.phase), progress.message) != (self._phase, self._message)
        self._phase, self._message = str(progress.phase), progress.message
        said = ": ".join(filter(None, (self._phase, self._message.rstrip("."))))
        if self._bar is None:
            if is_new:
                self._told_at = float("-inf")
            self._tell_plainly(progress.done, progress.total, said)
            return
        self._bar.unit = f" {self._unit}"
        self._bar.bar_format = SHARES_FORMAT if self._unit == SHARES else None
        self._bar.set_description_str(said, refresh=False)
        self.show(progress.done, progress.total)
        if is_new:
            self._bar.refresh()

    def _tell_plainly(self, done: int, total: int, said: str = "") -> None:
        now = time.monotonic()
        if self._quiet or now - self._told_at < PLAIN_EVERY_S:
            return
        self._told_at = now
        counted = ""
        if total:
            counted = f"{done / total:.0%}" if self._unit == SHARES else f"{done:,} of {total:,} {self._unit}"
        line = ", ".join(filter(None, (said, counted)))
        if line:
            print(f"{line} ({now - self._began_at:.0f} s)", file=sys.stderr, flush=True)


def _make_bar(unit: str) -> "tqdm[Any]":
    from tqdm import tqdm

    # A terminal that does not know its size says 0 x 0, and a bar of that width is nothing.
    knows_size = all(_read_size())
    n_columns, n_rows = (None, None) if knows_size else USUAL_SIZE
    return tqdm(
        unit=f" {unit}",
        bar_format=SHARES_FORMAT if unit == SHARES else None,
        file=sys.stderr,
        dynamic_ncols=knows_size,
        ncols=n_columns,
        nrows=n_rows,
        mininterval=0.3,
    )


def _read_size() -> tuple[int, int]:
    try:
        return os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return 0, 0
