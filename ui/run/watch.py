"""Follow a run: started here, in another tab or from the command line."""

from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.review.queue import ReviewQueue
from core.runs.folder import RunFolder, Status
from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.progress import ENDS
from models.jobs.run import RunRequest
from ui.run.account import show_account
from ui.run.workers import show_workers
from ui.shared.routes import GROUPS, REVIEW, link_button
from ui.shared.state import Key
from ui.shared.words import count
from ui.work.panel import Panel


def show_watched(project: Project, name: str) -> None:
    """The panel of one run: its progress while it is running, its result afterwards."""
    run = RunFolder(project.runs_dir / name)
    PANEL.show(project, run, caption=find_folder(run))


def find_folder(run: RunFolder) -> str:
    """The folder of photos of a run, or of the request for one; empty if it cannot be read."""
    try:
        return run.info.folder if run.is_made else str(run.read_request(RunRequest).folder)
    except AnomalureError:
        return ""


def _say_kept(work: WorkFolder) -> str:
    run = RunFolder(Path(work.path))
    if not run.is_made:
        return ""
    n_kept = count_kept(run)
    if not n_kept:
        return "Nothing was finished yet."
    return f"What was finished is kept: {n_kept:,} of {count(run.n_files, 'photo')}."


def count_kept(run: RunFolder) -> int:
    """The photos that a run which ended too early has on disk. What a killed process said last is more than that."""
    progress = run.read_progress()
    if run.written.exists:  # its workers write no progress
        return run.counts().photos
    return progress.done if progress is not None and progress.phase in ENDS else run.counts().photos


def _say_so_far(work: WorkFolder) -> str:
    run = RunFolder(Path(work.path))
    if not run.is_made:
        return ""
    return f"Kept so far: {run.counts().photos:,} of {count(run.n_files, 'photo')}."


def _show_result(project: Project, work: WorkFolder) -> None:
    run = RunFolder(Path(work.path))
    if not run.is_made:
        return
    queue = project.review_queue(run, limit=0) if run.is_scored() else None
    n_flagged = None if queue is None else queue.n_flagged
    is_done = run.status is Status.DONE
    show_account(run, n_flagged=n_flagged, is_done=is_done)
    n_unread = sum(len(run.unread_files(shard)) for shard in run.done_shards()) if is_done else 0
    if n_unread:
        st.button(
            f"Try {count(n_unread, 'file')} again",
            key=f"again-{run.run_id}",
            icon=":material/refresh:",
            on_click=PANEL.resume,
            args=(project, run),
            help="Reads the files that could not be read, for example because a disk was not connected.",
        )
    if queue is None:
        return
    is_first_look = not run.info.bundle
    with st.container(horizontal=True):
        if is_first_look:
            link_button(
                "Name the groups", GROUPS, key=f"groups-{run.run_id}", icon=":material/workspaces:", run=run.run_id
            )
        link_button(
            _say_review(queue),
            REVIEW,
            key=f"review-{run.run_id}",
            icon=":material/fact_check:",
            run=run.run_id,
            is_first=not is_first_look,
        )


def _say_review(queue: ReviewQueue) -> str:
    n_open = queue.n_selected - queue.n_decided
    if n_open:
        return f"Review {count(n_open, 'flagged crop')}"
    return "To Review: every flagged crop is decided" if queue.n_flagged else "To Review: nothing is flagged"


PANEL = Panel(
    kind=RunRequest.kind,
    what="run",
    key=Key.WATCHED_RUN,
    preparing="reading the folder and loading the models",
    stopping="Stopping after the current photos.",
    say_so_far=_say_so_far,
    say_kept=_say_kept,
    show_result=_show_result,
    show_workers=show_workers,
)
