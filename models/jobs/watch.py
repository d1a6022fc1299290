"""A watch: run what arrives in a folder, event by event, and tell of what is odd."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import AnomalureError
from core.study.project import Project
from core.watch.channel import Channel
from core.watch.ledger import LEDGER
from core.watch.state import WatchState
from core.work.doing import do_work
from core.work.folder import Status, WorkFolder
from core.work.meter import Cancelled, Meter
from core.work.progress import Phase, Progress
from models.engines.downloads import telling
from models.watching.growing import Parts, open_parts
from models.watching.request import WatchRequest

REQUEST = WatchRequest


class WatchFolder(WorkFolder):
    """The folder of a watch. It never ends for good: also one that ended well can be begun again."""

    what = "watch"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.channels: Sequence[Channel] = ()
        self.once = False

    @property
    def was_begun(self) -> bool:
        """Whether a process has watched before."""
        return (self.path / LEDGER).is_file()

    def check_resumable(self) -> None:
        """As for any work, except that a watch that has done what was there can go on."""
        if self.status is not Status.DONE:
            super().check_resumable()


open_work = WatchFolder


def check(project: Project, request: WatchRequest) -> None:
    """Refuse what can be seen to be wrong before anything is loaded.

    Raises:
        AnomalureError: If a number is out of range, or the folder cannot be watched.
    """
    request.check()
    if not request.folder.is_dir():
        what = "is a file" if request.folder.exists() else "is not there"
        raise AnomalureError(
            f"The folder {request.folder} {what}. Give the folder in which photos arrive; once a watch has begun it "
            "waits for a folder that goes away."
        )
    folder, home = request.folder.resolve(), project.path.resolve()
    if folder == home or home in folder.parents or folder in home.parents:
        raise AnomalureError(
            f"The project {project.path} and the watched folder {request.folder} must not be inside each other: the "
            "watch would look at the pictures that it makes itself."
        )


def do(project: Project, work: WatchFolder, meter: Meter) -> dict[str, Any]:
    """Watch until somebody stops it; with ``work.once``, until what is there is done.

    Raises:
        AnomalureError: If it was started to tell others, and this process does not know whom.
        Cancelled: If somebody asked it to stop.
    """
    request = work.read_request(WatchRequest)
    if request.tells and not work.channels:
        raise AnomalureError(
            f"The watch {work.name} tells others, and addresses and passwords are not kept in the project. Start it "
            "again with the command that it was started with: it goes on where it was."
        )
    return watch(project, work, meter, open_parts=lambda: open_parts(project, request, allow_code=work.allow_code))


def watch(project: Project, work: WatchFolder, meter: Meter, *, open_parts: Callable[[], Parts]) -> dict[str, Any]:
    """As ``do``, with the parts that look through the photos handed in."""
    from models.watching.watcher import watch_folder

    request = work.read_request(WatchRequest)
    state = watch_folder(
        project, work.path, request, meter, open_parts=open_parts, channels=work.channels, once=work.once
    )
    result = describe(work.name, state)
    work.write_result(result)
    return result


def describe(name: str, state: WatchState | None) -> dict[str, Any]:
    """The result of a watch as JSON values."""
    return {"watch": name, **(state.to_values() if state is not None else {})}


def is_flawed(result: Mapping[str, Any]) -> bool:
    """Whether something could not be told, or is not complete yet, or went away before it was looked at."""
    return bool(result.get("channel_problems") or result.get("arriving") or result.get("lost"))


def find_name(project: Project, folder: Path) -> str:
    """The name of the watch of this folder, or a new one after the folder's name."""
    for work in WatchFolder.list_all(project.path / WatchRequest.room):
        if not work.problem and work.read_request(WatchRequest).folder == folder:
            return work.name
    slug = re.sub(r"[^\w]+", "-", folder.name).strip("-_")[:40] or "watch"
    return project.suggest_name(slug, project.path / WatchRequest.room, project.runs_dir)


def begin(project: Project, request: WatchRequest) -> WatchFolder:
    """Ask for a watch, or for one that was there before to go on, with what is asked for now.

    Raises:
        AnomalureError: If it is under way, watches another folder, or cannot be begun.
    """
    from models.jobs import registry

    work = WatchFolder(project.path / request.work_id)
    if not work.was_begun:
        asked = registry.ask(project, request)
        return WatchFolder(asked.path)
    request.check()
    before = work.read_request(WatchRequest)
    if before.folder != request.folder:
        raise AnomalureError(
            f"The watch {request.name} watches {before.folder}. Give this one another name with --name."
        )
    work.check_resumable()
    with work.locked():
        work.write_request(replace(request, created_at=before.created_at))
    work.wait_for_process()
    return work


def watch_at_once(
    project: Project,
    request: WatchRequest,
    *,
    channels: Sequence[Channel] = (),
    once: bool = False,
    allow_code: bool = False,
    open_parts: Callable[[], Parts] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Watch in this process. If it cannot begin for the first time, nothing is left behind.

    Args:
        project: The study.
        request: What to watch.
        channels: Whom to tell.
        once: End when what is there is done.
        allow_code: Whether the user agrees that a model file runs code when it is loaded.
        open_parts: Loads what looks through the photos; None: as the request says.
        on_progress: Gets every progress that is written.

    Raises:
        Cancelled: If somebody asked it to stop.
        AnomalureError: As ``begin`` and ``do``.
    """
    work = begin(project, request)
    work.channels, work.once = channels, once
    work.allow_code, work.is_asked_here = allow_code, True
    has_begun = work.was_begun

    def start(meter: Meter) -> dict[str, Any]:
        with telling(lambda message: meter.tell(replace(meter.last, message=message)), meter.check):
            return (
                do(project, work, meter) if open_parts is None else watch(project, work, meter, open_parts=open_parts)
            )

    def follow(progress: Progress) -> None:
        nonlocal has_begun
        has_begun = has_begun or progress.phase is Phase.PHOTOS
        on_progress(progress)

    try:
        return do_work(work, start, on_progress=follow)
    except Cancelled:
        raise
    except BaseException:
        if not has_begun:
            shutil.rmtree(work.path, ignore_errors=True)
        raise
