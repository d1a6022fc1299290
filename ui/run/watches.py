"""The watches of the project: what came, what waits, whom it could not tell, the last digests, and a button to stop."""

import shlex

import pandas as pd
import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.watch.state import WatchState, read_state
from core.work.folder import Status, WorkFolder
from models.jobs.watch import WatchFolder
from models.watching.request import WatchRequest
from ui.shared.messages import plain_errors
from ui.shared.words import count, escape_markdown
from ui.work import start

POLL_S = 3.0
SHOWN = {
    "camera": "Camera",
    "first_at": "First photo",
    "photos": "Photos",
    "flagged": "Flagged",
    "score": "Score",
    "p_value": "p-value",
    "most_like": "Most like",
    "path": "Most anomalous",
}


def show_watches(project: Project) -> None:
    """A box for each watch; nothing where none was ever started."""
    watches = WatchFolder.list_all(project.path / WatchRequest.room)
    if not watches:
        return
    st.subheader("Watched folders", anchor=False)
    for work in watches:
        with st.container(border=True), plain_errors():
            if work.status is Status.RUNNING:
                _follow(project, work)
            else:
                _show(project, work)


@st.fragment(run_every=POLL_S)
def _follow(project: Project, work: WorkFolder) -> None:
    if work.status is not Status.RUNNING:
        st.rerun()
    _show(project, work)


def _show(project: Project, work: WorkFolder) -> None:
    status, state = work.status, read_state(work.path)
    st.markdown(f"**{escape_markdown(work.name)}** · {escape_markdown(say_watch(work, status, state))}")
    if state is not None:
        st.caption(escape_markdown(state.folder))
        _show_trouble(state)
        if state.last:
            with st.expander(f"The last {count(len(state.last), 'event')}"):
                st.dataframe(make_table(state), hide_index=True, width="stretch")
    if status is Status.RUNNING:
        if work.cancel_requested:
            st.caption("Stopping after the current photos.")
        else:
            st.button(
                "Stop",
                key=f"stop-watch-{work.name}",
                icon=":material/stop_circle:",
                on_click=start.stop,
                args=(project, work),
                help="What was finished is kept. The same command goes on where it was.",
            )
    elif status is not Status.BROKEN:
        st.caption("Its command goes on where it was:")
        words = ["python", "cli.py", "watch", _find_folder(work), "--project", str(project.path)]
        st.code(shlex.join(words), language="bash")


def say_watch(work: WorkFolder, status: Status, state: WatchState | None) -> str:
    """For example ``watching · 12 photos of 3 events done``."""
    if status is Status.BROKEN:
        return work.problem
    progress = work.read_progress()
    how = {Status.RUNNING: "watching", Status.DONE: "did what was there", Status.CANCELLED: "stopped"}.get(
        status, "stopped because of an error" if status is Status.FAILED else "stopped without an end"
    )
    failed = progress.message if status is Status.FAILED and progress is not None else ""
    return " · ".join(filter(None, (how, failed, state.describe() if state is not None else "")))


def make_table(state: WatchState) -> pd.DataFrame:
    """A row an event, newest first."""
    return pd.DataFrame([{title: row.get(name) for name, title in SHOWN.items()} for row in state.last])


def _show_trouble(state: WatchState) -> None:
    for why in state.channel_problems.values():
        st.warning(escape_markdown(why), icon=":material/error:")
    if state.lost:
        names = ", ".join(state.lost_names[:5])
        st.caption(escape_markdown(f"Went away before they were looked at: {names}"))
    if state.arriving_names:
        st.caption(escape_markdown(f"Not complete yet: {', '.join(state.arriving_names[:5])}"))


def _find_folder(work: WorkFolder) -> str:
    try:
        return str(work.read_request(WatchRequest).folder)
    except AnomalureError:
        return "FOLDER"
