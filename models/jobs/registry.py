"""The kinds of long work: each is a file of this folder, found by its name.

A file of a kind defines ``REQUEST``, the class of its request (``core.work.request.Request``), and
``do(project, work, meter)``, which does what the request in the folder ``work`` asks for and gives back what came of
it, fit for JSON. It imports nothing heavy at its top: pages import it to make requests.
"""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

import models.jobs
from core.errors import AnomalureError
from core.study.project import Project
from core.work.doing import do_work
from core.work.folder import WorkFolder
from core.work.progress import Progress

_NOT_KINDS = {"registry"}


def list_kinds() -> list[str]:
    """The names of all kinds of work."""
    return sorted(one.name for one in pkgutil.iter_modules(models.jobs.__path__) if one.name not in _NOT_KINDS)


def load_kind(kind: str) -> ModuleType:
    """The file of a kind.

    Raises:
        AnomalureError: If there is no such kind.
    """
    if kind not in list_kinds():
        raise AnomalureError(f"There is no kind of work called {kind!r}. There are: {', '.join(list_kinds())}.")
    return importlib.import_module(f"models.jobs.{kind}")


def find_work(project: Project, work_id: str) -> tuple[ModuleType, WorkFolder]:
    """The work of this id: the path of its folder inside the project, such as ``runs/spring``.

    Raises:
        AnomalureError: If there is none.
    """
    parts = PurePosixPath(work_id).parts
    path = project.path.joinpath(*parts)
    if not parts or ".." in parts or PurePosixPath(work_id).is_absolute() or not path.is_dir():
        raise AnomalureError(f"There is no work {work_id!r} in {project.path}. An id is such as runs/NAME.")
    kinds = [load_kind(kind) for kind in list_kinds()]
    named = WorkFolder(path).kind
    for kind in kinds:
        # Folders of versions without kinds are known by where they lie.
        if kind.REQUEST.kind == named or (not named and kind.REQUEST.room == parts[0] and len(parts) == 2):
            return kind, kind.open_work(path) if hasattr(kind, "open_work") else WorkFolder(path)
    raise AnomalureError(f"{path} holds no work that this version of Anomalure knows how to do.")


def do(project: Project, work_id: str, *, on_progress: Callable[[Progress], None] = lambda progress: None) -> Any:
    """Do a work that was asked for, or go on with it.

    Raises:
        Cancelled: If somebody asked it to stop.
        AnomalureError: If there is no such work, or it cannot be done.
    """
    kind, work = find_work(project, work_id)
    return do_work(work, lambda meter: kind.do(project, work, meter), on_progress=on_progress)
