"""Which piece of long work a page follows, here or in another tab, until somebody puts its panel away."""

from collections.abc import Iterable

import streamlit as st

from core.work_folder import RunStatus
from ui.state import Key


class Watched:
    """That of one kind of work."""

    def __init__(self, key: Key) -> None:
        """``key``: under which the session remembers its name."""
        self._key = key

    def find(self, newest_first: Iterable[tuple[str, RunStatus]]) -> str:
        """The one started or resumed here, else the newest of these that goes on; empty without any."""
        watched = str(st.session_state.get(self._key, ""))
        if watched:
            return watched
        running = next((name for name, status in newest_first if status is RunStatus.RUNNING), "")
        if running:
            self.follow(running)  # whoever saw it go on wants to see its end too
        return running

    def follow(self, name: str) -> None:
        """Follow this one from now on."""
        st.session_state[self._key] = name

    def put_away(self) -> None:
        """Close the panel; the work itself goes on."""
        st.session_state.pop(self._key, None)
