"""Guesses on the pages: computed when a run is opened first, and turned on or off for the project."""

from functools import lru_cache
from pathlib import Path

import streamlit as st

from core.runs.folder import RunFolder
from core.store.guesses import choose_guesses, shows_guesses
from core.study.project import Project
from models.guesses.of_run import keep_run_guesses, may_have_guesses
from ui.shared.messages import plain_errors
from ui.shared.state import Key

HELP = (
    "What a crop looks like to a network that knows 1,000 everyday classes, 398 of them animals. It knows neither your "
    "species nor your camera, so it is a guess. In a run with a file of classifications, it is what that classifier "
    "says. It does not change scores, flags or the order."
)


def prepare_guesses(project: Project, run: RunFolder) -> bool:
    """Whether the project shows guesses and the run has them; computes them if they are missing."""
    if not shows_guesses(project.store):
        return False
    with st.spinner("Guessing what the crops look like…"):
        return _keep(str(run.path), run.version)


@lru_cache(maxsize=64)
def _keep(path: str, version: str) -> bool:
    """Once for each state of a run, also where the file cannot be kept."""
    return keep_run_guesses(RunFolder.open(Path(path)))


def choose_shown(project: Project, run: RunFolder) -> None:
    """The switch for guesses; none for runs that cannot have any. The project remembers the choice for everybody."""
    if not may_have_guesses(run):
        return
    st.session_state[Key.SHOW_GUESSES] = shows_guesses(project.store)
    st.toggle("Show guesses", key=Key.SHOW_GUESSES, help=HELP, on_change=_remember, args=(project,))


def _remember(project: Project) -> None:
    with plain_errors():
        choose_guesses(project.store, shown=bool(st.session_state[Key.SHOW_GUESSES]))
        if not st.session_state[Key.SHOW_GUESSES]:
            st.session_state.pop(Key.GUESS, None)
