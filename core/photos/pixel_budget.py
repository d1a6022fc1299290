"""Limits how many pixels are unpacked at once, because a compressed picture takes many times its size in memory."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

MEGA = 1_000_000


class PixelBudget:
    """Lets threads unpack pictures of so many megapixels together, in the order in which they ask.

    A picture that is larger than the whole budget is unpacked alone.
    """

    def __init__(self, megapixels: float) -> None:
        self._free = self._most = megapixels * MEGA
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until a picture of so many pixels fits, and keep its share until the block ends."""
        share, ticket = min(pixels, self._most), object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and share <= self._free)
                self._free -= share
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()
