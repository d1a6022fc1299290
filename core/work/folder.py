"""The folder of a piece of long work: how far its process is, whether it lives, and a way to ask it to stop."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from core.disk.files import TEMPORARY_SUFFIX, read_whole, write_whole
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError
from core.work.progress import ENDS, Progress, is_alive, sign_progress, to_progress


class RunStatus(StrEnum):
    """How the work stands: ``interrupted``: its worker went away without an end; ``broken`` cannot be read."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BROKEN = "broken"


class WorkFolder:
    """One piece of work, such as a run or a training; ``what`` names its kind in messages."""

    what = "work"

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    def problem(self) -> str:
        """Why the folder cannot be used, in a sentence; empty if it can."""
        return ""

    def write_progress(self, progress: Progress) -> None:
        """Say how far this process is; a reader sees the old or the new, never a part."""
        write_whole(self.path / "progress.json", to_json(asdict(sign_progress(progress))))

    def read_progress(self) -> Progress | None:
        """The last progress, or None if no process has worked on it, or its file is damaged."""
        try:
            return to_progress(json.loads(read_whole(self.path / "progress.json")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def status(self) -> RunStatus:
        """How the work stands now."""
        if self.problem:
            return RunStatus.BROKEN
        progress = self.read_progress()
        if progress is None:
            return RunStatus.INTERRUPTED
        if progress.phase in ENDS:
            return RunStatus(progress.phase.value)
        return RunStatus.RUNNING if is_alive(progress) else RunStatus.INTERRUPTED

    def request_cancel(self) -> None:
        """Ask the process to stop after what it has in hand."""
        write_whole(self.path / "cancel", b"")

    @property
    def cancel_requested(self) -> bool:
        """Whether someone asked it to stop."""
        return (self.path / "cancel").is_file()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the folder while working on it; what a kill left, an old request to cancel too, is swept away first.

        Raises:
            AnomalureError: If another process works on it.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(FileLock(self.path / "worker.lock"))
            except LockHeld as held:
                raise AnomalureError(
                    f"{self.what.capitalize()} {self.path.name} is being worked on by process "
                    f"{held.holder}. Wait until it ends, or cancel it."
                ) from held
            cancel = self.path / "cancel"
            # One that came while this process was starting is meant for it.
            if cancel.is_file() and cancel.stat().st_mtime < psutil.Process().create_time():
                cancel.unlink(missing_ok=True)
            for left in self.path.glob(f".*{TEMPORARY_SUFFIX}"):
                left.unlink(missing_ok=True)
            try:
                yield
            finally:
                cancel.unlink(missing_ok=True)


def to_json(values: Mapping[str, Any]) -> bytes:
    """A small readable file."""
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
