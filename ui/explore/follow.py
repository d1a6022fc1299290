"""How far a computation is that the page waits for, with a way to stop it, and to start it again."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.errors import AnomalureError
from core.maps.exploration import Exploration
from core.maps.exploration_work import WorkStatus
from ui.shared.messages import notice
from ui.shared.words import escape_markdown, say_duration
from ui.work.map_process import is_starting, stop

POLL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Work:
    """A computation of a run, in a process of its own.

    Attributes:
        job: Its name, as ``Exploration.job_state`` takes it.
        title: What it is, in words.
        start: Starts it again.
        is_there: Whether there is something new to draw the page for.
    """

    exploration: Exploration
    job: str
    title: str
    start: Callable[[], object]
    is_there: Callable[[], bool]

    def start_unless_tried(self) -> None:
        """Start it; one that failed or was cancelled is started again only when somebody asks for it.

        Raises:
            AnomalureError: If the run does not allow it.
        """
        if self.exploration.job_state(self.job).status in (WorkStatus.MISSING, WorkStatus.READY):
            self.start()


@st.fragment(run_every=POLL_S)
def follow(work: Work, *, narrow: bool) -> None:
    """How far it is; draws the page anew when it has got what the page waits for."""
    if work.is_there():
        st.rerun()
    state = work.exploration.job_state(work.job)
    going = is_starting(work.exploration, work.job) or state.status is WorkStatus.RUNNING
    if not going and state.status in (WorkStatus.FAILED, WorkStatus.CANCELLED, WorkStatus.INTERRUPTED):
        st.warning(escape_markdown(state.message) or "This was cut short.", icon=":material/error:")
        st.button(
            "Try again", key=f"explore-again-{work.job}", icon=":material/refresh:", on_click=_start_again, args=(work,)
        )
        return
    left = f" · {say_duration(state.seconds_left)} left" if state.seconds_left else ""
    bar, button = st.columns([9, 4 if narrow else 2], vertical_alignment="center")
    bar.progress(min(max(state.share, 0.0), 1.0), text=f"**{escape_markdown(state.message or work.title)}**{left}")
    button.button(
        "Cancel",
        key=f"explore-stop-{work.job}",
        icon=":material/stop_circle:",
        width="stretch",
        on_click=stop,
        args=(work.exploration, work.job),
    )


def _start_again(work: Work) -> None:
    try:
        work.start()
    except (AnomalureError, OSError) as error:
        notice(f"It could not be started: {error}")
