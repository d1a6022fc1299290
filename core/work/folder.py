"""The folder of a piece of long work: its request, progress, cancel, lock, curve and result, and its status."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import psutil

from core.disk.files import TEMPORARY_SUFFIX, read_whole, write_whole
from core.disk.json import from_json, from_values, parse_values, to_json, to_values
from core.disk.locks import FileLock, LockHeld
from core.disk.names import is_text, show_name
from core.errors import CONSENT_OPTION, AnomalureError, NewerVersion
from core.version import is_newer
from core.work.progress import ENDS, Phase, Progress, is_alive, sign_progress, to_progress
from core.work.request import Request

REQUEST = "request.json"
PROGRESS = "progress.json"
CANCEL = "cancel"
LOCK = "worker.lock"
ASKING = ".asking.lock"
ASKING_PATIENCE_S = 10.0
CURVE = "curve.json"
RESULT = "result.json"
START_PATIENCE_S = 60.0
"""If a process has not written its first progress within this time, it did not start."""

R = TypeVar("R", bound=Request)
Point = TypeVar("Point")


class Status(StrEnum):
    """How work is. ``prepared``: workers can begin; ``interrupted``: the process stopped without writing an end;
    ``broken``: it cannot be read."""

    PREPARED = "prepared"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BROKEN = "broken"


class WorkFolder:
    """One piece of work: a run, a training, an export, a map. Making the object reads nothing from the disk.

    Attributes:
        what: What messages call work of this kind.
        old_request_file: The file in which earlier versions wrote the request; empty: the same file.
        result_file: The file of the result, once there is one.
        path: The folder.
        allow_code: Whether the user who started this process agreed that a model file may run code when it is loaded.
            It is never written to the disk, because a project may come from somebody else.
        is_asked_here: Whether this process wrote the request. One that lay in the project may be somebody else's.
    """

    what: ClassVar[str] = "work"
    old_request_file: ClassVar[str] = ""
    result_file: ClassVar[str] = RESULT

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.allow_code = False
        self.is_asked_here = False

    @property
    def name(self) -> str:
        """The folder's name, which is also the name of the result."""
        return self.path.name

    @property
    def problem(self) -> str:
        """Why the folder cannot be used, in a sentence; empty if it can."""
        try:
            self.read_request(Request)
        except AnomalureError as error:
            return str(error)
        return ""

    # The request

    def ask(self, request: Request) -> None:
        """Write a new request. It replaces work of the same name that left nothing to resume.

        Raises:
            AnomalureError: If there is work of that name that must not be replaced.
        """
        self._to_content(request)  # what cannot be written is said before a folder is made
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._asking():
            if self.path.exists():
                self.check_replaceable()
                with self.locked():
                    pass  # nobody works on it, whatever its progress looks like from here
                shutil.rmtree(self.path)
            self.path.mkdir()
            self.write_request(request)
            self.wait_for_process()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One at a time asks for work: of two requests of one name, the later would take the place of the first."""
        try:
            with FileLock(self.path.parent / ASKING, patience_s=ASKING_PATIENCE_S):
                yield
        except LockHeld as held:
            raise AnomalureError(
                f"Process {held.holder} is asking for work in {self.path.parent}, and has not finished within "
                f"{ASKING_PATIENCE_S:g} seconds. Try again."
            ) from held

    def write_request(self, request: Request) -> None:
        """Replace the request, for example once it is known which choice ``auto`` stands for."""
        write_whole(self.path / REQUEST, self._to_content(request), durable=True)

    def _to_content(self, request: Request) -> bytes:
        values = to_values(request)
        try:
            return to_json({"kind": request.kind, **values})
        except UnicodeEncodeError as error:
            bad = next((str(value) for value in values.values() if not is_text(str(value))), self.name)
            raise AnomalureError(
                f"{show_name(bad)} is not valid text: a name in it was written in another encoding. Rename it, then "
                "try again."
            ) from error

    def wait_for_process(self) -> None:
        """Note that a process is about to begin or to resume the work. An earlier request to cancel is forgotten.

        Raises:
            AnomalureError: If a process works on it, whatever the progress looks like from here.
        """
        with self.locked():
            (self.path / CANCEL).unlink(missing_ok=True)
            self.write_progress(Progress(phase=Phase.WAITING))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within it no other process works on it, and only who works on it may write how it ends.

        Raises:
            AnomalureError: If another process works on it.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(FileLock(self.path / LOCK))
            except LockHeld as held:
                raise AnomalureError(
                    f"{self.what.capitalize()} {self.name} is being worked on by process {held.holder}. "
                    "Wait until it ends, or cancel it."
                ) from held
            yield

    def read_request(self, what: type[R]) -> R:
        """The request.

        Raises:
            AnomalureError: If it cannot be read.
        """
        place = self.path / REQUEST
        if self.old_request_file and not place.is_file():
            place = self.path / self.old_request_file
        try:
            values = parse_values(read_whole(place))
            if is_newer(values.get("code_version")):  # what it does not know it would do otherwise than was asked
                raise NewerVersion(
                    f"The {self.what} {self.name} was asked for with a newer version of Anomalure "
                    f"({values['code_version'][:40]}). Nothing was changed. Update Anomalure."
                )
            return from_values({**what.upgrade(values), "name": self.name}, what)
        except NewerVersion:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, AnomalureError) as error:
            raise AnomalureError(
                f"The {self.what} {self.name} cannot be read: {place} is not what Anomalure wrote ({error}). "
                "Delete its folder and start it again."
            ) from error

    @property
    def created_at(self) -> datetime:
        """When the work was asked for, in UTC.

        Raises:
            AnomalureError: If the request cannot be read.
        """
        return self.read_request(Request).created_at

    @property
    def kind(self) -> str:
        """The kind of work that the request names; empty if there is none, or a version without kinds wrote it."""
        try:
            return str(parse_values(read_whole(self.path / REQUEST)).get("kind", ""))
        except (OSError, ValueError, AttributeError):
            return ""

    def check_replaceable(self) -> None:
        """Raise an AnomalureError if a new request must not take this work's place."""
        status = self.status
        if status is Status.RUNNING:
            raise AnomalureError(
                f"A {self.what} named {self.name} is under way. Wait until it ends, or choose another name."
            )
        if status is Status.DONE:
            raise AnomalureError(f"There is a {self.what} named {self.name} already. Choose another name.")
        if self.can_resume:
            raise AnomalureError(
                f"There is an unfinished {self.what} named {self.name}. Resume it ({self.resume_words}), or choose "
                "another name."
            )

    def check_resumable(self) -> None:
        """Raise an AnomalureError if there is nothing to resume: it is done, under way, or cannot be read."""
        status = self.status
        if status is Status.BROKEN:
            raise AnomalureError(self.problem)
        if status in (Status.DONE, Status.RUNNING):
            how = "done; there is nothing to resume" if status is Status.DONE else "under way already"
            raise AnomalureError(f"The {self.what} {self.name} is {how}.")

    @property
    def can_resume(self) -> bool:
        """Whether unfinished work has made something from which it can be resumed."""
        own = {REQUEST, self.old_request_file, PROGRESS, CANCEL, LOCK, ASKING}
        return self.status is not Status.DONE and any(
            one.name not in own and not one.name.endswith(TEMPORARY_SUFFIX) for one in self.path.glob("*")
        )

    @property
    def resume_words(self) -> str:
        """What resumes it on the command line; kinds whose command has an option for it say so."""
        return f"cli.py work {self.path.parent.name}/{self.name}"

    @property
    def may_ask_for_code(self) -> bool:
        """Whether to resume it may need the user's consent to run code from a model file, as its start did."""
        progress = self.read_progress()
        if progress is not None and CONSENT_OPTION in progress.message:
            return True
        try:
            values = parse_values(read_whole(self.path / REQUEST))
            return any(str(value).lower().endswith(".pt") for value in values.values())
        except (OSError, ValueError, AttributeError, RecursionError):
            return False

    # The progress

    def write_progress(self, progress: Progress) -> None:
        """Write how far this process is. Readers see either the old progress or the new, never a part."""
        write_whole(self.path / PROGRESS, to_json(asdict(sign_progress(progress))))

    def read_progress(self) -> Progress | None:
        """The last progress, or None if no process has worked on it, or its file is damaged."""
        try:
            return to_progress(parse_values(read_whole(self.path / PROGRESS)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @property
    def status(self) -> Status:
        """The status of the work now."""
        if self.problem:
            return Status.BROKEN
        progress = self.read_progress()
        if progress is None:
            return Status.INTERRUPTED
        if progress.phase in (*ENDS, Phase.PREPARED):
            return Status(progress.phase.value)
        if progress.phase is Phase.WAITING:
            is_running = abs(time.time() - progress.heartbeat_at) < START_PATIENCE_S  # the clock may be set back
        else:
            is_running = is_alive(progress)
        if is_running:
            return Status.RUNNING
        # A process that was killed because of a cancel could not write so itself.
        return Status.CANCELLED if self.cancel_requested else Status.INTERRUPTED

    # Cancel

    def request_cancel(self) -> None:
        """Ask the process to stop after its current step; it also holds for a process that is still starting."""
        write_whole(self.path / CANCEL, b"")

    @property
    def cancel_requested(self) -> bool:
        """Whether someone asked it to stop."""
        return (self.path / CANCEL).is_file()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Lock the folder while working on it. Temporary files of a killed process are removed first.

        A cancel that came while this process was starting is meant for it and stays. A cancel that was meant for an
        earlier process is forgotten.

        Raises:
            AnomalureError: If another process works on it.
        """
        with self.locked():
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
        """Replace the curve by the whole curve so far, one dataclass per point."""
        write_whole(self.path / CURVE, to_json(points))

    def read_curve(self, point: type[Point]) -> list[Point]:
        """The curve so far; empty before its first point."""
        try:
            return from_json(read_whole(self.path / CURVE), list[point])  # type: ignore[valid-type]
        except (OSError, ValueError):
            return []

    def write_result(self, values: Mapping[str, Any]) -> None:
        """Write the result, which must be valid JSON; it is written last."""
        write_whole(self.path / self.result_file, to_json(values), durable=True)

    def read_result(self) -> dict[str, Any]:
        """The result; empty before the end."""
        try:
            values = parse_values(read_whole(self.path / self.result_file))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    # All of them

    @classmethod
    def list_all(cls, folder: Path) -> list[Self]:
        """All work in a folder of the project, newest first; work that cannot be read comes last, by name."""
        if not folder.is_dir():
            return []
        found = [cls(path) for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        found = [one for one in found if is_text(one.name)]
        broken = {one.name for one in found if one.problem}
        good = sorted((one for one in found if one.name not in broken), key=lambda one: (one.created_at, one.name))
        return [*reversed(good), *sorted((one for one in found if one.name in broken), key=lambda one: one.name)]
