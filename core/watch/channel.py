"""Ways to tell of what came: a file, a web address, a mailbox. What could not be told stays in the ledger."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.errors import AnomalureError
from core.watch.ledger import Ledger

FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 3_600.0
MOST_ROUNDS = 20
"""So often a channel is asked in a row, before the watcher looks at the folder again."""

Row = Mapping[str, Any]


class NotSent(AnomalureError):
    """Something could not be told. ``after_s``: how long the other side asked to wait; 0 if it did not say."""

    def __init__(self, why: str, *, after_s: float = 0.0) -> None:
        super().__init__(why)
        self.after_s = after_s


class Channel(Protocol):
    """One way to tell.

    Attributes:
        name: Under which the ledger keeps what it has to tell; the same after a restart.
        at_once: Rows that one ``send`` takes at most.
        every_s: Shortest time between two sends, so that a mailbox is not flooded.
    """

    name: str
    at_once: int
    every_s: float

    def wants(self, row: Row) -> bool:
        """Whether it has to tell this row."""

    def send(self, rows: Sequence[Row]) -> None:
        """Tell these rows. When it returns they are told.

        Raises:
            NotSent: If they are not, or nobody knows; they are told again later, with the same ids.
        """


@dataclass(slots=True)
class _Trouble:
    tries: int = 0
    next_at: float = 0.0
    why: str = ""


class Outbox:
    """Tells what the ledger holds, channel by channel, with growing pauses where something is in the way.

    Args:
        ledger: What has to be told.
        channels: To whom.
        clock: Seconds of a clock that nobody sets.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        channels: Sequence[Channel],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.channels = tuple(channels)
        self._ledger = ledger
        self._clock = clock
        self._now = now
        self._trouble = {channel.name: _Trouble() for channel in channels}

    @property
    def problems(self) -> dict[str, str]:
        """What is in the way, by channel."""
        return {name: trouble.why for name, trouble in self._trouble.items() if trouble.why}

    def deliver(self) -> int:
        """Tell what is due; the number of rows that were told."""
        return sum(self._deliver(channel) for channel in self.channels)

    def _deliver(self, channel: Channel) -> int:
        trouble, told = self._trouble[channel.name], 0
        for _ in range(MOST_ROUNDS):
            if self._clock() < trouble.next_at or not self._is_time(channel):
                break
            rows = self._ledger.list_unsent(channel.name, most=channel.at_once)
            if not rows:
                break
            try:
                channel.send([row for _, row in rows])
            except NotSent as error:
                trouble.tries += 1
                pause = min(FIRST_PAUSE_S * 2 ** min(trouble.tries - 1, 30), LONGEST_PAUSE_S)
                trouble.next_at = self._clock() + max(pause, min(error.after_s, LONGEST_PAUSE_S))
                trouble.why = str(error)
                break
            trouble.tries, trouble.why = 0, ""
            self._ledger.note_sent(channel.name, [nth for nth, _ in rows])
            told += len(rows)
        return told

    def _is_time(self, channel: Channel) -> bool:
        since = self._now() - self._ledger.last_sent_at(channel.name)
        return not 0 <= since < channel.every_s  # the clock may have been set back since


def plain_row(row: Row) -> dict[str, Any]:
    """The row as JSON has it: no number is NaN or infinite."""
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
