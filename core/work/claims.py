"""Claims: files that say who is doing something just now, on disks of networks whose locks cannot be relied on.

A claim is made by creating a file that was not there, and is kept alive by writing the time into it. It only saves work
that would be done twice. Nothing may be wrong if two processes hold the same claim for a while: a network can hide a
beat, and a process that was asleep wakes up after another has taken its place.
"""

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import psutil

from core.disk.files import read_whole, write_whole
from core.disk.json import from_json, to_json
from core.work.progress import is_alive

BEAT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who does it.

    Attributes:
        token: Tells this claim from every other.
        worker: Whose claim it is, in words, such as ``2/50``.
        host: The computer.
        pid: Its process there.
        process_started_at: When that began, since numbers of processes are used again.
        since: When it was claimed, in seconds since 1970.
        heartbeat_at: When it was last said to be alive.
        tries: How many have claimed it one after another, this one included, because those before went silent.
    """

    token: str
    worker: str
    host: str
    pid: int
    process_started_at: float
    since: float
    heartbeat_at: float
    tries: int = 1

    @property
    def holder(self) -> str:
        """For example ``worker 2/50, process 4711 on node-07``."""
        return f"worker {self.worker}, process {self.pid} on {self.host}"


def take_claim(path: Path, worker: str) -> Claim | None:
    """Claim it; None if a living process has it. A claim whose process is gone is taken over."""
    now = time.time()
    mine = Claim(
        token=uuid4().hex,
        worker=worker,
        host=platform.node(),
        pid=os.getpid(),
        process_started_at=psutil.Process().create_time(),
        since=now,
        heartbeat_at=now,
    )
    try:
        with path.open("xb") as file:
            file.write(to_json(mine))
        return mine
    except FileExistsError:
        before = read_claim(path)
    if before is None or is_alive(before):
        return None
    mine = replace(mine, tries=before.tries + 1)
    write_whole(path, to_json(mine))
    now_there = read_claim(path)  # of two that take it over at once, the later one has it
    return mine if now_there is not None and now_there.token == mine.token else None


def read_claim(path: Path) -> Claim | None:
    """The claim; None if there is none. One that cannot be read is of nobody known, who wrote it when the file says."""
    for _ in range(2):
        try:
            return from_json(read_whole(path), Claim)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            try:  # it is being created just now, or its writer was killed in that moment
                written_at = path.stat().st_mtime
            except OSError:
                continue
            return Claim(
                token="", worker="?", host="?", pid=0, process_started_at=0, since=written_at, heartbeat_at=written_at
            )
    return None


def is_held(path: Path) -> bool:
    """Whether a living process has claimed it."""
    claim = read_claim(path)
    return claim is not None and is_alive(claim)


class ClaimKeeper:
    """Keeps one claim alive from a thread while it is held, and gives it back."""

    def __init__(self, path: Path, claim: Claim) -> None:
        self._path, self._claim = path, claim
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="claim", daemon=True)

    def __enter__(self) -> "ClaimKeeper":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._is_mine():
            self._path.unlink(missing_ok=True)

    def _is_mine(self) -> bool:
        there = read_claim(self._path)
        return there is not None and there.token == self._claim.token

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            with suppress(OSError):  # a network that is away for a moment: the next beat says the same
                if not self._is_mine():
                    return
                write_whole(self._path, to_json(replace(self._claim, heartbeat_at=time.time())))


@contextmanager
def holding(path: Path, worker: str) -> Iterator[Claim | None]:
    """Within it the claim is held and kept alive; None if a living process has it."""
    claim = take_claim(path, worker)
    if claim is None:
        yield None
        return
    with ClaimKeeper(path, claim):
        yield claim
