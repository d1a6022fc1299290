"""A progress bar in the terminal."""

import sys
from typing import Any

from tqdm import tqdm


class ProgressLine:
    """A bar on stderr with a rate and the time left, as a context manager."""

    def __init__(self, unit: str) -> None:
        self._bar = tqdm(unit=f" {unit}", file=sys.stderr, disable=None, dynamic_ncols=True, mininterval=0.3)

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def show(self, done: int, total: int) -> None:
        """Draw it at ``done`` of ``total``."""
        self._bar.total = total
        if done < self._bar.n:
            self._bar.reset(total)
        self._bar.update(done - self._bar.n)

    def show_progress(self, progress: Any) -> None:
        """Draw a run's or a training's progress."""
        self._bar.unit = f" {progress.unit}s"
        self._bar.set_description_str(str(progress.phase), refresh=False)
        self.show(progress.done, progress.total)
