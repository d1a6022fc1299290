"""Which piece of long work a page follows until somebody puts its panel away, and what stands there meanwhile."""

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from core.work.folder import Status, WorkFolder
from ui.shared.state import Key
from ui.work.processes import OwnProcesses
from ui.work.words import FINISHING


class Watched:
    """That of one kind of work."""

    def __init__(self, key: Key) -> None:
        """``key``: under which the session remembers its name."""
        self._key = key

    def find(self, newest_first: Iterable[tuple[str, Status]]) -> str:
        """The one started or resumed here, else the newest of these that goes on; empty without any."""
        watched = str(st.session_state.get(self._key, ""))
        if watched:
            return watched
        running = next((name for name, status in newest_first if status is Status.RUNNING), "")
        if running:
            self.follow(running)  # whoever saw it go on wants to see its end too
        return running

    def follow(self, name: str) -> None:
        """Follow this one from now on."""
        st.session_state[self._key] = name

    def put_away(self) -> None:
        """Close the panel; the work itself goes on."""
        st.session_state.pop(self._key, None)


def show_outside_work(
    processes: OwnProcesses, project: Path, name: str, work: WorkFolder | None, *, preparing: str, key: str
) -> bool:
    """Draw that a process gets ready, which can be cancelled, or only tidies up; False while it is at its work.

    ``preparing`` says what it does until it has made its folder ``work``; ``key`` is that of the button Cancel.
    """
    if work is not None and processes.is_ending(project, name, work.read_progress()):
        st.progress(1.0, text=FINISHING)
        return True
    if work is not None and work.status is Status.RUNNING:
        return False
    st.progress(0.0, text=f"**Getting ready** · {preparing}")
    if processes.is_alive(project, name):
        st.button("Cancel", key=key, icon=":material/stop_circle:", on_click=processes.stop, args=(project, name))
    return True
