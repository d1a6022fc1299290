"""The Suggestions page as a whole: the search with its progress, and what it found."""

import streamlit as st

from core.errors import AnomalureError
from core.runs.folder import RunFolder
from core.study.project import Project
from core.work.folder import Status
from models.jobs.suggestions import SuggestionsRequest, open_work
from models.suggestions.of_run import Suggestions, read_suggestions
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown
from ui.suggestions.board import show_board
from ui.work import start
from ui.work.panel import Panel, is_running
from ui.work.waiting import show_no_run, show_waiting

PANEL = Panel(
    kind=SuggestionsRequest.kind,
    what="search",
    key=Key.SUGGESTIONS_WATCHED,
    preparing="reading the crops",
    stopping="Stopping.",
    title=lambda work: f"Labels of {work.path.parent.name}",
)


def show_suggestions(project: Project, run: RunFolder | None) -> None:
    """Draw it for a run; None: there is none yet."""
    if run is None:
        show_no_run(project)
        return
    if not run.is_scored():
        show_waiting(run)
        return
    work = open_work(project.path / SuggestionsRequest(run=run.run_id).work_id)
    if is_running(work):
        PANEL.show(project, work)
        return
    if work.path.is_dir() and work.status is not Status.DONE:
        PANEL.show_end(project, work)
    try:
        suggestions = read_suggestions(project, run)
    except AnomalureError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        _show_start(project, run, "Look again", is_first=True)
        return
    if suggestions is None:
        st.info(
            "The species that a file, a classifier or the name of a group gives to a crop can be wrong. Here each is "
            "compared with the crops that look most alike, and the labels that disagree are listed, to be mended or "
            "confirmed. For 100,000 crops this takes about a minute.",
            icon=":material/rule:",
        )
        _show_start(project, run, "Look for doubtful labels", is_first=True)
        return
    said, again = st.columns([8, 2], vertical_alignment="center")
    said.markdown(_say_found(suggestions))
    with again:
        _show_start(project, run, "Look again", is_first=False)
    if not suggestions.n_labelled:
        st.info(
            "No crop of this run has a species yet. Name its groups on Groups, or run the photos with a file of boxes "
            "or of classifications that gives species. Then look again.",
            icon=":material/label:",
        )
    elif suggestions.n_alone == suggestions.n_labelled:
        st.info(
            "No crop could be compared. It takes crops of two species, each from two events or more. Name more groups "
            "on Groups, or decide about crops on Review. Then look again.",
            icon=":material/label:",
        )
    elif not suggestions.found:
        st.success("No label disagrees with the crops that look alike.", icon=":material/task_alt:")
    else:
        show_board(project, run, suggestions)


def _say_found(suggestions: Suggestions) -> str:
    found = len(suggestions.found)
    look = "looks" if found == 1 else "look"
    said = f"**{count(found, 'crop')}** of {suggestions.n_labelled:,} with a species {look} more like another species."
    if suggestions.n_looked_at:
        is_or_are = "is" if suggestions.n_looked_at == 1 else "are"
        said += f" {count(suggestions.n_looked_at, 'crop')} that a person looked at {is_or_are} not listed."
    if suggestions.n_alone:
        alone = count(suggestions.n_alone, "crop")
        said += f" {alone} could not be compared, because no other event shows the same species, or another one."
    if suggestions.n_coarse:
        coarse = count(suggestions.n_coarse, "crop")
        said += f" {coarse} of which the classifier only knows a coarser group could not be compared."
    return said


def _show_start(project: Project, run: RunFolder, label: str, *, is_first: bool) -> None:
    if st.button(
        label,
        key="suggestions-start",
        icon=":material/rule:" if is_first else ":material/refresh:",
        type="primary" if is_first else "secondary",
        width="content" if is_first else "stretch",
        help="Compare the labels anew, with the verdicts given meanwhile.",
    ):
        try:
            start.start(project, SuggestionsRequest(run=run.run_id))
        except (AnomalureError, OSError) as error:
            st.error(escape_markdown(f"The search could not start: {error}"), icon=":material/error:")
            return
        st.rerun()
