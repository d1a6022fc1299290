"""The run that Review and Export look at, from the list, a link or a selection."""

from contextlib import suppress
from datetime import UTC, datetime

import streamlit as st

from core.errors import AnomalureError
from core.runs.folder import RunFolder
from core.runs.small_detector import warn_of_detector
from core.study.project import Project
from ui.shared.state import Key

FIRST_ORDER = "score"


def start_over() -> None:
    """Start a new list: crops decided so far leave the list of undecided ones."""
    st.session_state[Key.SHOWN_SINCE] = datetime.now(UTC)


def _change_run() -> None:
    """Another run has other species, cameras, days and reviewers."""
    for key in (Key.SPECIES, Key.CAMERA, Key.GUESS, Key.DECIDED_BY, Key.SELECTION):
        st.session_state[key] = None
    for key in (Key.DAYS, Key.SCORE_RANGE):
        st.session_state.pop(key, None)
    start_over()


def change_selection() -> None:
    """A selection has an order of its own, and it is not looked for among the crops that are kept apart."""
    st.session_state.pop(Key.ONLY_APART, None)
    st.session_state[Key.ORDER] = "given" if st.session_state.get(Key.SELECTION) else FIRST_ORDER
    start_over()


def choose_run(project: Project) -> RunFolder | None:
    """The run to look at, the newest finished one at first; None without any run that can be read."""
    runs = {run.run_id: run for run in project.runs() if not run.problem}
    if not runs:
        return None
    first = project.latest_run()
    index = list(runs).index(first.run_id) if first is not None and first.run_id in runs else 0

    asked = st.query_params.get(Key.SELECTION)
    if asked and asked != st.session_state.get(Key.SELECTION_IN_ADDRESS):
        with suppress(AnomalureError):  # a missing selection counts as none
            st.session_state[Key.RUN] = project.selection(asked).run_id
            st.session_state[Key.SELECTION] = st.session_state[Key.SELECTION_ARRIVED] = asked
            change_selection()

    # The address of the page holds the options of the list, so each is the run's id, which never changes.
    run_id = st.selectbox("Run", list(runs), index=index, key=Key.RUN, bind="query-params", on_change=_change_run)
    st.session_state[Key.RUN_SEEN] = run_id
    return runs.get(run_id)


def warn_of_small_detector(run: RunFolder) -> None:
    """One line under the title of a run of real photos whose boxes come from the detector of the drawn ones."""
    if warn_of_detector(run.info.detector, run.tables("photos")):
        st.caption(
            ":orange[:material/warning:] The boxes come from the small detector that was made for drawn photos, which "
            "misses many animals. See this run on the **Run** page for what to do."
        )


def shown_since() -> datetime:
    """The time since which decided crops keep their rank in the list."""
    if Key.SHOWN_SINCE not in st.session_state:
        start_over()
    since: datetime = st.session_state[Key.SHOWN_SINCE]
    return since
