"""The progress of long work, and whether its process is still running."""

import os
import platform
import time
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Protocol

import psutil

# A process on another computer cannot be looked up; without any progress for this long it counts as gone.
SILENT_S = 120.0


class Phase(StrEnum):
    """What a process is doing.

    ``waiting``: the work was requested and no process has begun yet; ``crops``, ``training`` and ``models`` are
    phases of a training. ``prepared``: a run's photos are listed, and workers can begin.
    """

    WAITING = "waiting"
    PREPARED = "prepared"
    STARTING = "starting"
    PHOTOS = "photos"
    EVENTS = "events"
    SCORES = "scores"
    PROJECTIONS = "projections"
    CROPS = "crops"
    TRAINING = "training"
    MODELS = "models"
    DOWNLOAD = "download"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


SHARES, SHARE = 1_000, "thousandth"
"""Total and unit of work whose steps differ in length. Nobody counts thousandths, so they are shown as a percentage."""
ENDS = (Phase.DONE, Phase.FAILED, Phase.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far work is: ``done`` of ``total`` photos; ``seconds_left`` is None while it cannot be estimated.

    ``unit`` says what is counted: the training of an encoder counts crops, also in ``photos_per_s``. The last four
    fields say which process wrote it and when; ``WorkFolder.write_progress`` fills them in.
    """

    phase: Phase = Phase.STARTING
    done: int = 0
    total: int = 0
    photos_per_s: float = 0.0
    seconds_left: float | None = None
    failures: int = 0
    message: str = ""
    unit: str = "photo"
    pid: int = 0
    process_started_at: float = 0.0
    host: str = ""
    heartbeat_at: float = 0.0


def sign_progress(progress: Progress) -> Progress:
    """The progress as written by this process, now."""
    return replace(
        progress,
        pid=os.getpid(),
        process_started_at=psutil.Process().create_time(),
        host=platform.node(),
        heartbeat_at=time.time(),
    )


def to_progress(values: dict[str, Any]) -> Progress:
    """Read progress from its JSON; fields of a newer version are ignored.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: If it is no progress.
    """
    known = {item.name for item in fields(Progress)}
    return Progress(**{**{k: v for k, v in values.items() if k in known}, "phase": Phase(values["phase"])})


def is_last_word(progress: Progress | None, *, pid: int) -> bool:
    """Whether the process has written that its work has ended; if it still runs, it only tidies up."""
    return progress is not None and progress.phase in ENDS and progress.pid == pid


class Signed(Protocol):
    """Something that a process wrote with its number, its computer and the time."""

    @property
    def pid(self) -> int: ...
    @property
    def process_started_at(self) -> float: ...
    @property
    def host(self) -> str: ...
    @property
    def heartbeat_at(self) -> float: ...


def is_alive(progress: Signed) -> bool:
    """Whether the process that wrote it is still running."""
    if progress.host != platform.node():
        return abs(time.time() - progress.heartbeat_at) < SILENT_S  # the clock may be set back
    try:
        process = psutil.Process(progress.pid)
        # Process ids are reused after a while; the start time tells two processes apart.
        same = abs(process.create_time() - progress.process_started_at) < 2.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
