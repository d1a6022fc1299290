"""The Review page while there is nothing to review: says why, and what to do next."""

import streamlit as st

from core.runs.folder import Progress, RunFolder, Status
from core.study.project import Project
from ui.shared.routes import RUN, link_button
from ui.shared.words import count, escape_markdown
from ui.work.words import say_progress

POLL_S = 2.0


def show_no_run(project: Project) -> None:
    """Shown for a project without a run that can be read."""
    broken = [run for run in project.runs() if run.problem]
    if broken:
        st.warning(
            f"{len(broken)} run{'s' * (len(broken) > 1)} of this project cannot be read. The Run page says why.",
            icon=":material/error:",
        )
    gone = project.find_gone_runs() if not broken else []
    if gone:
        st.warning(
            escape_markdown(
                f"This project had {count(len(gone), 'run')}: {', '.join(gone[:5])}{' …' * (len(gone) > 5)}. "
                f"{'Its folder is' if len(gone) == 1 else 'Their folders are'} no longer in {project.runs_dir}. Put "
                f"{'it' if len(gone) == 1 else 'them'} back, or run the photos again: decisions are kept and found "
                "again by the photos."
            ),
            icon=":material/folder_off:",
        )
    st.info(
        f"There is no run {'here' if gone else 'yet'}. Run Anomalure on a folder of photos first. Then its crops are "
        "shown here, most anomalous first.",
        icon=":material/photo_library:",
    )
    link_button("Choose a folder", RUN, key="to-run", icon=":material/play_circle:")


def show_waiting(run: RunFolder) -> None:
    """Shown for a run without scores, which is under way or ended too early."""
    status = run.status
    if status is Status.RUNNING:
        _show_under_way(run)
        return
    if status is Status.DONE:
        st.info(
            "This run has no crop: none of its files could be used. The Run page lists them with the reason.",
            icon=":material/spa:",
        )
    else:
        message = (run.read_progress() or Progress()).message
        st.warning(
            escape_markdown(
                "This run ended before its crops were scored. Resume it on the Run page; what was "
                f"finished is kept. {message}".strip()
            ),
            icon=":material/pause_circle:",
        )
    link_button("Go to Run", RUN, key="to-run", icon=":material/play_circle:")


@st.fragment(run_every=POLL_S)
def _show_under_way(run: RunFolder) -> None:
    if run.status is not Status.RUNNING:
        st.rerun()
    progress = run.read_progress() or Progress()
    st.info(
        "This run is under way. Its crops are shown here as soon as they are scored.", icon=":material/hourglass_top:"
    )
    st.progress(min(progress.done / progress.total, 1.0) if progress.total else 0.0, text=say_progress(progress))
