"""The folder of a piece of long work: its request, progress, cancel, lock, curve and result, and how it stands."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import psutil

from core.disk.files import TEMPORARY_SUFFIX, read_whole, write_whole
from core.disk.json import from_json, to_json, to_values
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError
from core.work.progress import ENDS, Phase, Progress, is_alive, sign_progress, to_progress
from core.work.request import Request

REQUEST = "request.json"
PROGRESS = "progress.json"
CANCEL = "cancel"
CURVE = "curve.json"
RESULT = "result.json"
START_PATIENCE_S = 60.0
"""A process that was started says its first word within this time, or it never came."""

R = TypeVar("R", bound=Request)
Point = TypeVar("Point")


class Status(StrEnum):
    """How work stands: ``interrupted`` is work whose process went away without an end; ``broken`` cannot be read."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BROKEN = "broken"


class WorkFolder:
    """One piece of work: a run, a training, an export, a map. Cheap to make: nothing is read before it is asked for.

    Attributes:
        what: How messages call work of this kind.
        path: The folder.
    """

    what: ClassVar[str] = "work"
    result_file: ClassVar[str] = RESULT

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def name(self) -> str:
        """The folder's name, which is that of what comes of it too."""
        return self.path.name

    @property
    def problem(self) -> str:
        """Why the folder cannot be used, in a sentence; empty if it can."""
        return ""

    # What is asked for

    def ask(self, request: Request) -> None:
        """Write a new request down. An earlier request to cancel is forgotten: this one is wanted."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / REQUEST, to_json({"kind": request.kind, **to_values(request)}), durable=True)
        self.wait_for_process()

    def wait_for_process(self) -> None:
        """Note that a process is about to begin, or to go on, with it; forgets an earlier request to cancel."""
        (self.path / CANCEL).unlink(missing_ok=True)
        self.write_progress(Progress(phase=Phase.WAITING))

    def read_request(self, what: type[R]) -> R:
        """What is asked for.

        Raises:
            AnomalureError: If it cannot be read.
        """
        place = self.path / REQUEST
        try:
            return from_json(read_whole(place), what)
        except (OSError, ValueError) as error:
            raise AnomalureError(
                f"The {self.what} {self.name} cannot be read: {place} is not what Anomalure wrote ({error}). "
                "Delete its folder and start it again."
            ) from error

    @property
    def kind(self) -> str:
        """The kind of work that the request names; empty if there is none, or it is of a version without kinds."""
        try:
            return str(json.loads(read_whole(self.path / REQUEST)).get("kind", ""))
        except (OSError, ValueError, AttributeError):
            return ""

    # How far it is

    def write_progress(self, progress: Progress) -> None:
        """Say how far this process is; a reader sees the old or the new, never a part."""
        write_whole(self.path / PROGRESS, to_json(asdict(sign_progress(progress))))

    def read_progress(self) -> Progress | None:
        """The last progress, or None if no process has worked on it, or its file is damaged."""
        try:
            return to_progress(json.loads(read_whole(self.path / PROGRESS)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def status(self) -> Status:
        """How the work stands now."""
        if self.problem:
            return Status.BROKEN
        progress = self.read_progress()
        if progress is None:
            return Status.INTERRUPTED
        if progress.phase in ENDS:
            return Status(progress.phase.value)
        if progress.phase is Phase.WAITING:
            is_running = time.time() - progress.heartbeat_at < START_PATIENCE_S
        else:
            is_running = is_alive(progress)
        if is_running:
            return Status.RUNNING
        # A process that was ended because of a cancel could not say so itself.
        return Status.CANCELLED if self.cancel_requested else Status.INTERRUPTED

    # Cancel

    def request_cancel(self) -> None:
        """Ask the process to stop after what it has in hand, also one that is still starting."""
        write_whole(self.path / CANCEL, b"")

    @property
    def cancel_requested(self) -> bool:
        """Whether someone asked it to stop."""
        return (self.path / CANCEL).is_file()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the folder while working on it; temporary files that a kill left are swept away first.

        A cancel that came after the work was asked for, while this process was starting, is meant for it and stays.
        One that was meant for an earlier process is forgotten.

        Raises:
            AnomalureError: If another process works on it.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(FileLock(self.path / "worker.lock"))
            except LockHeld as held:
                raise AnomalureError(
                    f"{self.what.capitalize()} {self.name} is being worked on by process {held.holder}. "
                    "Wait until it ends, or cancel it."
                ) from held
            before, cancel = self.read_progress(), self.path / CANCEL
            is_waited_for = before is not None and before.phase is Phase.WAITING
            if not is_waited_for and cancel.is_file() and cancel.stat().st_mtime < psutil.Process().create_time():
                cancel.unlink(missing_ok=True)
            for left in self.path.glob(f".*{TEMPORARY_SUFFIX}"):
                left.unlink(missing_ok=True)
            try:
                yield
            finally:
                cancel.unlink(missing_ok=True)

    # Curve and result

    def write_curve(self, points: Sequence[Any]) -> None:
        """The whole curve so far, one dataclass a point, over what was there."""
        write_whole(self.path / CURVE, to_json(points))

    def read_curve(self, point: type[Point]) -> list[Point]:
        """The curve so far; empty before its first point."""
        try:
            return from_json(read_whole(self.path / CURVE), list[point])  # type: ignore[valid-type]
        except (OSError, ValueError):
            return []

    def write_result(self, values: Mapping[str, Any]) -> None:
        """What came of it, fit for JSON; written last."""
        write_whole(self.path / self.result_file, to_json(values), durable=True)

    def read_result(self) -> dict[str, Any]:
        """What came of it; empty before the end."""
        try:
            values = json.loads(read_whole(self.path / self.result_file))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}
