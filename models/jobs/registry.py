"""The kinds of long work: each is a file of this folder, found by its name.

A file of a kind defines ``REQUEST``, the class of its request (``core.work.request.Request``), and
``do(project, work, meter)``, which does what the request in the folder ``work`` asks for and returns the result, fit
for JSON. It must not import slow libraries at its top, because pages import it to make requests. It may also define

- ``check(project, request)``: refuses a request before it is written, if that can be checked quickly;
- ``open_work(path)``: opens the folder of such work, if it needs a subclass of ``WorkFolder``;
- ``finish(project, work)``: called after the end is written, for tasks that nobody waits for;
- ``is_flawed(result)``: whether the work is done but some photos failed (exit code 3);
- ``load_libraries()``: imports what ``do`` needs, so that a process can wait with it loaded;
- ``ENVIRONMENT``: environment variables of its process, and ``IS_WAITED_FOR``: whether a user waits for the result,
  so that the process keeps its normal priority.
"""

import importlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

import models.jobs
from core.disk.inside import inside
from core.errors import AnomalureError, CannotBegin
from core.registry import find_each
from core.study.project import Project, check_name
from core.team.acting import note, refuse
from core.work.doing import do_work
from core.work.folder import Status, WorkFolder
from core.work.meter import Meter
from core.work.progress import ENDS, Phase, Progress
from core.work.request import Request
from models.engines.downloads import telling


def list_kinds() -> dict[str, type[Request]]:
    """The requests of all kinds of work, by the kind's name."""
    return find_each(models.jobs, "REQUEST")


def load_kind(kind: str) -> ModuleType:
    """The file of a kind.

    Raises:
        AnomalureError: If there is no such kind.
    """
    known = list_kinds()
    if kind not in known:
        raise AnomalureError(f"There is no kind of work called {kind!r}. There are: {', '.join(known)}.")
    return importlib.import_module(f"models.jobs.{kind}")


def find_work(project: Project, work_id: str) -> tuple[ModuleType, WorkFolder]:
    """The work of this id: the path of its folder inside the project, such as ``runs/spring``.

    Raises:
        AnomalureError: If there is none.
    """
    parts = PurePosixPath(work_id).parts
    path = project.path.joinpath(*parts)
    if not parts or ".." in parts or PurePosixPath(work_id).is_absolute() or not path.is_dir():
        raise AnomalureError(f"There is no work {work_id!r} in {project.path}. An id looks like runs/NAME.")
    inside(project.path, PurePosixPath(*parts))
    named = WorkFolder(path).kind
    for name, request in list_kinds().items():
        # Requests of earlier versions name no kind; their folder tells it.
        if request.kind == named or (not named and request.room == parts[0] and len(parts) == 2):
            kind = importlib.import_module(f"models.jobs.{name}")
            return kind, _open(kind, path)
    raise AnomalureError(f"{path} holds no work that this version of Anomalure knows how to do.")


def ask(project: Project, request: Request) -> WorkFolder:
    """Write a request to disk. A process can then do it: ``cli.py work ID``.

    Raises:
        AnomalureError: If the name cannot be used or is taken.
    """
    refuse(project.path, request.needs)
    check_name(request.name, what=request.what)
    kind = load_kind(request.kind)
    if hasattr(kind, "check"):
        kind.check(project, request)
    work = _open(kind, project.path / request.work_id)
    with _explaining(work):
        work.ask(request)
    _note(project, request, work, "began")
    return work


def ask_to_resume(project: Project, work_id: str) -> WorkFolder:
    """Note that work that ended too early is to be resumed. A process can then do it: ``cli.py work ID``.

    Raises:
        AnomalureError: If there is no such work, or it is under way.
    """
    kind, work = find_work(project, work_id)
    refuse(project.path, kind.REQUEST.needs)
    work.check_resumable()
    with _explaining(work):
        work.wait_for_process()
    _note(project, kind.REQUEST, work, "resumed")
    return work


def stop(project: Project, work: WorkFolder) -> None:
    """Ask work to stop after its current step.

    Raises:
        NotAllowed: If whoever acts may not ask for such work.
    """
    kind, _ = find_work(project, work.path.relative_to(project.path).as_posix())
    refuse(project.path, kind.REQUEST.needs)
    work.request_cancel()
    _note(project, kind.REQUEST, work, "stopped")


def _note(project: Project, request: Request | type[Request], work: WorkFolder, did: str) -> None:
    if request.kind != "rank":  # that follows from every few decisions
        note(project.path, f"{did} {request.what}", work.name)


@contextmanager
def _explaining(work: WorkFolder) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotBegin(
            f"The {work.what} cannot be begun, because nothing can be written to {work.path} "
            f"({error.strerror or error}). Make room there, or use a copy of the project that you may write to."
        ) from error


def do(
    project: Project,
    work_id: str,
    *,
    allow_code: bool = False,
    is_asked_here: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Any:
    """Do work that was requested, or resume it.

    Args:
        project: The study.
        work_id: The path of the work's folder inside the project.
        allow_code: Whether the user agrees that a model file runs code when it is loaded.
        is_asked_here: Whether this process wrote the request.
        on_progress: Gets every progress that is written.

    Returns:
        What the kind's own ``do`` returns.

    Raises:
        Cancelled: If somebody asked it to stop.
        AnomalureError: If there is no such work, another process does it, or it cannot be done.
    """
    kind, work = find_work(project, work_id)
    if work.status is Status.DONE:
        work.check_resumable()
    work.allow_code = allow_code
    work.is_asked_here = is_asked_here

    def begin(meter: Meter) -> Any:
        with telling(lambda message: meter.tell(replace(meter.last, message=message)), meter.check):
            return kind.do(project, work, meter)

    return do_work(
        work,
        begin,
        finish=lambda: kind.finish(project, work) if hasattr(kind, "finish") else None,
        on_progress=on_progress,
    )


def do_at_once(
    project: Project,
    request: Request,
    *,
    allow_code: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Any:
    """Request work and do it in this process; if it cannot begin, nothing is left behind.

    Arguments, result and errors are those of ``ask`` and ``do``.
    """
    work = ask(project, request)
    begun = False

    def follow(progress: Progress) -> None:
        nonlocal begun
        begun = begun or progress.phase not in (Phase.STARTING, *ENDS)
        on_progress(progress)

    try:
        return do(project, request.work_id, allow_code=allow_code, is_asked_here=True, on_progress=follow)
    except BaseException:
        if not begun:
            shutil.rmtree(work.path, ignore_errors=True)
        raise


def resume_at_once(
    project: Project,
    work_id: str,
    *,
    allow_code: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Any:
    """Resume work in this process. Arguments, result and errors are those of ``ask_to_resume`` and ``do``."""
    ask_to_resume(project, work_id)
    return do(project, work_id, allow_code=allow_code, on_progress=on_progress)


def is_flawed(project: Project, work_id: str, result: Any) -> bool:
    """Whether work is done but some photos failed."""
    kind, _ = find_work(project, work_id)
    return bool(getattr(kind, "is_flawed", lambda result: False)(result))


def _open(kind: ModuleType, path: Any) -> WorkFolder:
    work: WorkFolder = kind.open_work(path) if hasattr(kind, "open_work") else WorkFolder(path)
    return work
