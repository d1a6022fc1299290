"""How a watch stands: a file that pages read while the watcher works."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.disk.files import read_whole, write_whole
from core.disk.json import from_json, to_json

STATE = "state.json"


@dataclass(frozen=True, kw_only=True)
class WatchState:
    """What a watch has done, what waits and what is in the way.

    Attributes:
        folder: The watched folder.
        run: The run that grows; empty before the first photo.
        photos: Photos that were done.
        copies: Photos that were left out because another has the same content.
        events: Rows of digests: events, and late photos of events.
        lost: Photos that went away or were overwritten before they were looked at.
        lost_names: The last of them.
        arriving: Files that are still being written, or whose end is missing.
        arriving_names: The first of them.
        waiting: Photos that wait for the end of their event.
        passed_over: Files that are no photos, by extension or reason.
        unsent: Rows that a channel has not told yet.
        problem: What the watch waits for, in a sentence; empty if nothing.
        channel_problems: Why a channel could not tell, by channel.
        last: The newest rows, newest first.
    """

    folder: str
    run: str = ""
    photos: int = 0
    copies: int = 0
    events: int = 0
    lost: int = 0
    lost_names: list[str] = field(default_factory=list)
    arriving: int = 0
    arriving_names: list[str] = field(default_factory=list)
    waiting: int = 0
    passed_over: dict[str, int] = field(default_factory=dict)
    unsent: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    channel_problems: dict[str, str] = field(default_factory=dict)
    last: list[dict[str, Any]] = field(default_factory=list)

    def describe(self) -> str:
        """For example ``12 photos of 3 events done, 1 arriving, 2 wait for the end of their event``."""
        if self.problem:
            return self.problem
        parts = [f"{self.photos:,} photo{_s(self.photos)} of {self.events:,} event{_s(self.events)} done"]
        if self.arriving:
            parts.append(f"{self.arriving:,} arriving")
        if self.waiting:
            parts.append(f"{self.waiting:,} wait{'s' if self.waiting == 1 else ''} for the end of their event")
        if self.copies:
            parts.append(f"{self.copies:,} cop{'y' if self.copies == 1 else 'ies'}")
        if self.lost:
            parts.append(f"{self.lost:,} went away before they were looked at")
        if n_unsent := sum(self.unsent.values()):
            parts.append(f"{n_unsent:,} message{_s(n_unsent)} not sent yet")
        return ", ".join(parts)

    def to_values(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def write_state(folder: Path, state: WatchState) -> None:
    """Keep it in the watch's folder."""
    write_whole(folder / STATE, to_json(state))


def read_state(folder: Path) -> WatchState | None:
    """How the watch stood last; None if it has not said so, or the file is damaged."""
    try:
        return from_json(read_whole(folder / STATE), WatchState)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _s(n: int) -> str:
    return "" if n == 1 else "s"
