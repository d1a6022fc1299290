"""Starts, follows and cancels a computation that the Explore page waits for."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.errors import AnomalureError
from core.maps.exploration import PRESETS_JOB, Exploration
from core.maps.making import TREE_WORDS
from core.maps.projection import Projection, ProjectionKind
from core.study.project import Project
from core.work.progress import Progress
from core.work.repeated import RepeatedWork
from models.jobs.maps import MapsRequest, listens, make_request
from ui.shared.messages import notice
from ui.shared.project_place import open_project
from ui.shared.words import escape_markdown, say_duration
from ui.work import start

POLL_S = 1.0
DRAWN_AFTER_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Waited:
    """A computation of a run, in a process of its own.

    Attributes:
        work: Its folder.
        title: Its name on the page.
        start: Starts or restarts it.
        is_there: Whether there is something new to show, so that the page should be redrawn.
    """

    work: RepeatedWork
    title: str
    start: Callable[[], None]
    is_there: Callable[[], bool]

    def start_unless_tried(self) -> None:
        """Start it, unless it failed or was cancelled: then only the user restarts it.

        Raises:
            AnomalureError: If the run does not allow it.
        """
        if not self.work.was_tried:
            self.start()


def wait_for_map(
    project: Project, exploration: Exploration, projection: Projection, *, is_there: Callable[[], bool]
) -> Waited:
    """The computation of a map; a preset is computed together with the other presets."""
    work = exploration.work(exploration.job_of(projection))
    return Waited(
        work=work, title=projection.label, start=lambda: start_map(project, exploration, projection), is_there=is_there
    )


def start_map(project: Project, exploration: Exploration, projection: Projection) -> None:
    """Start the computation of a map, unless it is finished or under way.

    Raises:
        AnomalureError: If the run or the parameters do not allow it; nothing is started then.
    """
    exploration.check(projection)
    job = exploration.job_of(projection)
    if not exploration.has(projection) and not exploration.work(job).is_running:
        request = make_request(exploration, None if job == PRESETS_JOB else projection)
        is_odd = job == projection.key and projection.kind is ProjectionKind.TSNE
        start.start(project, request, use_spare=exploration.run.run_id if is_odd else None)


def wait_for_tree(project: Project, exploration: Exploration, min_samples: int) -> Waited:
    """The computation of the tree of clusters of the embeddings."""
    return Waited(
        work=exploration.work(exploration.tree_job(min_samples)),
        title=TREE_WORDS,
        start=lambda: start_tree(project, exploration, min_samples),
        is_there=lambda: exploration.has_tree(min_samples=min_samples),
    )


def start_tree(project: Project, exploration: Exploration, min_samples: int) -> None:
    """Start the computation of the tree of clusters of the embeddings, unless it is finished or under way.

    Raises:
        AnomalureError: If the run does not allow it; nothing is started then.
    """
    work = exploration.work(exploration.tree_job(min_samples))
    if not exploration.has_tree(min_samples=min_samples) and not work.is_running:
        start.start(project, make_request(exploration, min_samples=min_samples))


def keep_ready(project: Project, exploration: Exploration) -> None:
    """Keep a process ready for the next t-SNE of a run: importing the libraries takes longer than its first steps."""
    start.keep_ready(project, MapsRequest.kind, name=exploration.run.run_id)


def keep_ready_soon(project: Project, exploration: Exploration) -> None:
    """As ``keep_ready``, once the page is drawn: until then the process would take the browser's processor."""
    later = threading.Timer(DRAWN_AFTER_S, keep_ready, args=(project, exploration))
    later.daemon = True
    later.start()


@st.fragment(run_every=POLL_S)
def follow(waited: Waited, *, narrow: bool) -> None:
    """Show the progress; the page is redrawn when the computation has something to show."""
    if waited.is_there():
        st.rerun()
    work = waited.work
    progress = work.read_progress() or Progress()
    if work.was_tried:
        st.warning(escape_markdown(progress.message) or "This was interrupted.", icon=":material/error:")
        st.button(
            "Try again",
            key=f"explore-again-{work.name}",
            icon=":material/refresh:",
            on_click=_start_again,
            args=(waited,),
        )
        return
    left = f" · {say_duration(progress.seconds_left)} left" if progress.seconds_left else ""
    share = progress.done / progress.total if progress.total else 0.0
    bar, button = st.columns([9, 4 if narrow else 2], vertical_alignment="center")
    bar.progress(min(max(share, 0.0), 1.0), text=f"**{escape_markdown(progress.message or waited.title)}**{left}")
    button.button(
        "Cancel",
        key=f"explore-stop-{work.name}",
        icon=":material/stop_circle:",
        width="stretch",
        on_click=start.stop,
        args=(open_project(), work),
        kwargs={"at_once": not listens(work)},
    )


def _start_again(waited: Waited) -> None:
    try:
        waited.start()
    except (AnomalureError, OSError) as error:
        notice(f"It could not be started: {error}")
