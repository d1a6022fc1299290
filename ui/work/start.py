"""Starts long work as a process of its own that outlives the page, and notices its end.

The request is written first; the process is ``cli.py work ID``. Every tab reads its progress from
its folder.
"""

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from core.errors import AnomalureError
from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.progress import ENDS, Phase, Progress, is_last_word
from core.work.request import Request
from models.jobs import registry
from ui.work.processes import CLI, read_tail, start_detached

MOST_SPARES = 2
"""Number of processes that wait with their libraries loaded: one for each run that can be compared."""

_started: dict[Path, subprocess.Popen[bytes]] = {}
_spares: dict[tuple[Path, str, str], subprocess.Popen[bytes]] = {}


def start(project: Project, request: Request, *, allow_code: bool = False, use_spare: str | None = None) -> WorkFolder:
    """Write the request and start a process that does it; returns at once.

    Args:
        project: The study.
        request: The request.
        allow_code: Whether the user agrees that a model file runs code when it is loaded.
        use_spare: Use the waiting process that ``keep_ready`` started under this name, if there is one.

    Raises:
        AnomalureError: If the name cannot be used or is taken; nothing is started then.
        OSError: If the process cannot be started; the work then has failed.
    """
    work = registry.ask(project, request)
    _begin(project, work, request.work_id, allow_code=allow_code, use_spare=use_spare)
    return work


def resume(project: Project, work_id: str, *, allow_code: bool = False) -> WorkFolder:
    """Start a process that resumes work which ended too early; returns at once.

    Raises:
        AnomalureError: If there is no such work, or it is under way.
        OSError: If the process cannot be started.
    """
    work = registry.ask_to_resume(project, work_id)
    _begin(project, work, work_id, allow_code=allow_code)
    return work


def is_alive(work: WorkFolder) -> bool:
    """Whether a process of this dashboard is doing this work; it may not have written anything yet."""
    process = _started.get(work.path)
    return process is not None and process.poll() is None


def is_ending(work: WorkFolder) -> bool:
    """Whether its process has written its end, and only tidies up."""
    return is_alive(work) and is_last_word(work.read_progress(), pid=_started[work.path].pid)


def stop(project: Project, work: WorkFolder, *, at_once: bool = False) -> None:
    """Ask work to stop after its current step.

    A process of this dashboard that is still starting is killed, because it may wait for a download. With ``at_once``
    it is killed in any case, for work that cannot stop while it computes.
    """
    registry.stop(project, work)
    progress = work.read_progress()
    is_starting = progress is not None and progress.phase in (Phase.WAITING, Phase.STARTING)
    if (at_once or is_starting) and is_alive(work):
        _started[work.path].terminate()


def log_of(project: Path, work_id: str) -> Path:
    """The file to which the process writes its output."""
    return project / "logs" / f"{work_id.replace('/', '-')}.log"


def read_log(project: Path, work: WorkFolder) -> str:
    """The last lines of the output of the process; empty without any."""
    log = log_of(project, work.path.relative_to(project).as_posix())
    return "" if log.is_symlink() else read_tail(log)  # a link, in a project of others, may lead to any file


def keep_ready(project: Project, kind: str, *, name: str = "") -> None:
    """Keep a process ready for the next work of a kind, with its libraries loaded; does nothing if there is one.

    ``name`` tells several of a kind apart. The process ends when the dashboard ends, when it gets no work for an hour,
    or to make room for others. Without it the next work only starts later, so a failure is no error.
    """
    key = (project.path, kind, name)
    spare = _spares.pop(key, None)
    if spare is None or spare.poll() is not None:
        log = _spare_log(project, kind, name)
        try:
            spare = _spawn(project, ["--wait", kind], log, kind=registry.load_kind(kind), stdin=subprocess.PIPE)
        except OSError:
            return
    _spares[key] = spare
    while len(_spares) > MOST_SPARES:
        unused = _spares.pop(next(iter(_spares)))
        if unused.stdin is not None:
            unused.stdin.close()  # which tells it to end
        threading.Thread(target=unused.wait, daemon=True).start()


def _begin(project: Project, work: WorkFolder, work_id: str, *, allow_code: bool, use_spare: str | None = None) -> None:
    kind, _ = registry.find_work(project, work_id)
    log = log_of(project.path, work_id)
    process = None
    if use_spare is not None and not allow_code:
        process = _spares.pop((project.path, kind.REQUEST.kind, use_spare), None)
        if process is not None and _tell(process, work_id):
            log = _spare_log(project, kind.REQUEST.kind, use_spare)
        else:
            process = None
    if process is None:
        try:
            process = _spawn(project, [work_id, *["--allow-code"] * allow_code], log, kind=kind)
        except OSError as error:
            work.write_progress(Progress(phase=Phase.FAILED, message=f"Its process could not be started: {error}."))
            raise
    _started[work.path] = process
    # A process that nobody waits for stays behind as a zombie, which looks alive.
    threading.Thread(target=_see_end, args=(work, process, log), daemon=True).start()


def _spare_log(project: Project, kind: str, name: str) -> Path:
    return project.path / "logs" / f"next-{kind}{f'-{name}' if name else ''}.log"


def _spawn(
    project: Project, options: list[str], log: Path, *, kind: ModuleType, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    return start_detached(
        [sys.executable, str(CLI), "work", *options, "--project", str(project.path)],
        log,
        environment=getattr(kind, "ENVIRONMENT", None),
        stdin=stdin,
        is_waited_for=getattr(kind, "IS_WAITED_FOR", False),
    )


def _tell(spare: subprocess.Popen[bytes], work_id: str) -> bool:
    if spare.poll() is not None or spare.stdin is None:
        return False
    with suppress(OSError), spare.stdin as stdin:
        stdin.write(f"{work_id}\n".encode())
        return True
    return False


def _see_end(work: WorkFolder, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a process; if it ended without writing so, write it, so that every tab and process sees it."""
    code = process.wait()
    progress = work.read_progress()
    if progress is None or progress.phase in ENDS:
        return
    if progress.phase is not Phase.WAITING and progress.pid != process.pid:
        return  # another process does this work
    if work.cancel_requested:
        end, message = Phase.CANCELLED, "Cancelled."
    elif code < 0 and progress.phase is not Phase.WAITING:
        return  # it was killed, and the status is interrupted
    else:
        said = read_tail(log).splitlines()
        end, message = Phase.FAILED, said[-1] if said else f"Its process ended without a message (code {code})."
    # It may have ended because another process does this work, whose progress must not be written over.
    with suppress(OSError, AnomalureError), work.locked():
        if work.read_progress() == progress:
            work.write_progress(Progress(phase=end, message=message, done=progress.done, total=progress.total))
