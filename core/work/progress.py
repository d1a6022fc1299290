"""How far a process of a run or a training is, and whether it still lives."""

import os
import platform
import time
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

import psutil

# A worker on another computer cannot be asked for its process; this long without a word means that it is gone.
SILENT_S = 120.0


class Phase(StrEnum):
    """Where a worker is.

    ``waiting``: the work is asked for and no process has begun yet; ``crops``, ``training`` and ``models`` are a
    training's.
    """

    WAITING = "waiting"
    STARTING = "starting"
    PHOTOS = "photos"
    EVENTS = "events"
    SCORES = "scores"
    PROJECTIONS = "projections"
    CROPS = "crops"
    TRAINING = "training"
    MODELS = "models"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS = (Phase.DONE, Phase.FAILED, Phase.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is. ``done`` of ``total`` photos; ``seconds_left`` is None while nobody can tell.

    A training's encoder is told in crops, not photos: ``photos_per_s`` too, and ``unit`` says so.
    The last four fields say who wrote it and when; ``WorkFolder.write_progress`` fills them in.
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
    """The progress with who says it, and when: this process, now."""
    return replace(
        progress,
        pid=os.getpid(),
        process_started_at=psutil.Process().create_time(),
        host=platform.node(),
        heartbeat_at=time.time(),
    )


def to_progress(values: dict[str, Any]) -> Progress:
    """Progress from its JSON; fields of a newer version are left out.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: If it is something else.
    """
    known = {item.name for item in fields(Progress)}
    return Progress(**{**{k: v for k, v in values.items() if k in known}, "phase": Phase(values["phase"])})


def is_last_word(progress: Progress | None, *, pid: int) -> bool:
    """Whether this process has written that its work has ended: if it is still there, it only tidies up."""
    return progress is not None and progress.phase in ENDS and progress.pid == pid


def is_alive(progress: Progress) -> bool:
    """Whether the process that signed it is still there."""
    if progress.host != platform.node():
        return time.time() - progress.heartbeat_at < SILENT_S
    try:
        process = psutil.Process(progress.pid)
        # A process number is used again after a while; the start time tells the two apart.
        same = abs(process.create_time() - progress.process_started_at) < 2.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
