"""Follow a run that goes on: started here, in another tab or from the command line."""

import streamlit as st

from core.runs.folder import RunFolder, Status
from core.study.project import Project
from ui.run.progress import POLL_S, show_ended, show_running
from ui.shared.messages import notice, plain_errors
from ui.shared.routes import REVIEW, link_button
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown
from ui.work.run_process import RUNS, RunRequest, start_run
from ui.work.watched import Watched, show_outside_work

WATCHED = Watched(Key.WATCHED_RUN)


def find_watched(project: Project) -> str:
    """The run to follow: the one started or resumed here, else the newest that goes on; empty without any."""
    return WATCHED.find((run.run_id, run.status) for run in project.runs())


def resume_run(project: Project, run: RunFolder) -> None:
    """Go on with a run, in a process of its own."""
    try:
        start_run(RunRequest(project=project.path, name=run.run_id, resume=run.run_id))
    except OSError as error:
        notice(f"The run could not be resumed: {error}.")
    else:
        WATCHED.follow(run.run_id)


def _find(project: Project, run_id: str) -> RunFolder | None:
    path = project.runs_dir / run_id
    return RunFolder(path) if (path / "run.json").is_file() else None


def show_watched(project: Project, run_id: str) -> None:
    """The panel of one run: its bar while it goes on, what became of it afterwards."""
    run = _find(project, run_id)
    name = run.info.name if run is not None and not run.problem else run_id
    with st.container(border=True):
        st.subheader(escape_markdown(name), anchor=False)
        if run is not None and not run.problem:
            st.caption(escape_markdown(run.info.folder))
        if RUNS.goes_on(project.path, run_id, run):
            _follow(project, run_id)
        elif run is None:
            _show_not_started(project, run_id)
        else:
            _show_end(project, run)


@st.fragment(run_every=POLL_S)
def _follow(project: Project, run_id: str) -> None:
    run = _find(project, run_id)
    if not RUNS.goes_on(project.path, run_id, run):
        st.rerun()
    preparing = "reading the folder and loading the models"
    if show_outside_work(RUNS, project.path, run_id, run, preparing=preparing, key=f"stop-{run_id}"):
        return
    assert run is not None  # it is at its work
    show_running(run)


def _show_not_started(project: Project, run_id: str) -> None:
    said = RUNS.read_words(project.path, run_id)
    if said:
        st.error(f"The run could not start. {escape_markdown(said.splitlines()[-1])}", icon=":material/error:")
        with st.expander("All that it said"):
            st.code(said, language=None)
    else:
        st.error(f"There is no run {escape_markdown(run_id)}.", icon=":material/error:")
    st.button("Close", key="close-watched", on_click=WATCHED.put_away)


def _show_end(project: Project, run: RunFolder) -> None:
    with plain_errors():
        status = run.status
        n_flagged = project.review_queue(run, limit=0).n_flagged if run.tables("scores") else None
        show_ended(run, status, n_flagged=n_flagged, on_resume=lambda: resume_run(project, run))
        if status in (Status.FAILED, Status.INTERRUPTED) and RUNS.has_ended(project.path, run.run_id, badly=True):
            said = RUNS.read_words(project.path, run.run_id)
            if said:
                with st.expander("All that it said"):
                    st.code(said, language=None)
        with st.container(horizontal=True):
            if n_flagged is not None:
                link_button(
                    f"Review {count(n_flagged, 'flagged crop')}" if n_flagged else "To Review: nothing is flagged",
                    REVIEW,
                    key=f"review-{run.run_id}",
                    icon=":material/fact_check:",
                    run=run.run_id,
                )
            st.button("Close", key="close-watched", on_click=WATCHED.put_away)
