"""Retrainings of a project on disk: how far each is, whether to stop, and what came of it."""

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.disk.files import TEMPORARY_SUFFIX, read_whole, write_whole
from core.work.progress import Phase, Progress, is_alive, sign_progress, to_progress

FOLDER = "retrainings"
LOCK_NAME = "retrain.lock"
SCRATCH = ".retraining-"


class RetrainingCancelled(Exception):
    """Somebody asked the retraining to stop; no bundle was made."""


class RetrainingStatus(StrEnum):
    """How a retraining stands: ``interrupted`` is one whose process went away without an end."""

    NONE = "none"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class RetrainingState:
    """How far a retraining is: ``done`` of ``total`` steps, ``message`` says what is done now, or what went wrong."""

    status: RetrainingStatus
    done: int = 0
    total: int = 0
    message: str = ""


class Retraining:
    """The retraining that makes (or made) the bundle of this name: its files in ``retrainings/`` of the project."""

    def __init__(self, project: Path, name: str) -> None:
        self.name = name
        self._project = project
        self.folder = project / FOLDER
        self.report_path = self.folder / f"{name}.json"
        self._progress_path = self.folder / f"{name}.progress"
        self._cancel_path = self.folder / f"{name}.cancel"

    # For the process that does it

    def begin(self) -> None:
        """Start, with the lock held: what a kill left of earlier ones is swept away."""
        for left in self._project.glob(f"{SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in (self._project / "bundles").glob(f".{self.name}.*{TEMPORARY_SUFFIX}"):
            shutil.rmtree(left, ignore_errors=True)
        # One that came while this process was starting is meant for it; an older one is not.
        if self._cancel_path.is_file() and time.time() - self._cancel_path.stat().st_mtime > 60:
            self._cancel_path.unlink(missing_ok=True)
        self.say(0, 1, "Starting")

    def say(self, done: int, total: int, message: str) -> None:
        """Write down how far it is."""
        self._write(Progress(phase=Phase.SCORES, done=done, total=total, message=message))

    def check_cancelled(self) -> None:
        """Raise RetrainingCancelled if somebody asked for it."""
        if self._cancel_path.is_file():
            raise RetrainingCancelled("The retraining was cancelled; no bundle was made.")

    def end(self, error: BaseException | None) -> None:
        """Write down how it ended."""
        self._cancel_path.unlink(missing_ok=True)
        cancelled = isinstance(error, RetrainingCancelled | KeyboardInterrupt)
        phase = Phase.DONE if error is None else Phase.CANCELLED if cancelled else Phase.FAILED
        was = self._read() or Progress()
        self._write(replace(was, phase=phase, message="" if error is None else str(error)))

    def write_report(self, report: dict[str, Any]) -> None:
        """Keep what came of it."""
        write_whole(self.report_path, (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode(), durable=True)

    # For everybody

    def request_cancel(self) -> None:
        """Ask it to stop at its next step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._cancel_path, b"")

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._cancel_path.is_file()

    def state(self) -> RetrainingState:
        """How it stands."""
        progress = self._read()
        if progress is None:
            return RetrainingState(RetrainingStatus.NONE)
        ended = {
            Phase.DONE: RetrainingStatus.DONE,
            Phase.FAILED: RetrainingStatus.FAILED,
            Phase.CANCELLED: RetrainingStatus.CANCELLED,
        }
        alive = RetrainingStatus.RUNNING if is_alive(progress) else RetrainingStatus.INTERRUPTED
        return RetrainingState(ended.get(progress.phase, alive), progress.done, progress.total, progress.message)

    def read_report(self) -> dict[str, Any] | None:
        """What came of it; None if it did not get so far."""
        try:
            report = json.loads(read_whole(self.report_path))
        except (OSError, ValueError):
            return None
        return report if isinstance(report, dict) else None

    def _write(self, progress: Progress) -> None:
        write_whole(self._progress_path, json.dumps(asdict(sign_progress(progress))).encode())

    def _read(self) -> Progress | None:
        try:
            return to_progress(json.loads(read_whole(self._progress_path)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def find_running(project: Path) -> str:
    """The name of the retraining that goes on in a project; empty without one."""
    for path in sorted((project / FOLDER).glob("*.progress")):
        if Retraining(project, path.stem).state().status is RetrainingStatus.RUNNING:
            return path.stem
    return ""


def count_trained(project: Path, bundle: str) -> int:
    """Sequence of the last verdict that a bundle's making knew; 0 if it was not made by a retraining."""
    report = Retraining(project, bundle).read_report() if bundle else None
    after = (report or {}).get("after_verdict", 0)
    return after if isinstance(after, int) else 0
