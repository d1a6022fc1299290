"""The earlier runs of the project: how each ended, its account and what can be done next."""

import streamlit as st

from core.runs.folder import Progress, RunFolder, Status
from core.study.project import Project
from ui.run.watch import PANEL
from ui.shared.messages import plain_errors
from ui.shared.words import count, escape_markdown, say_time
from ui.work.words import STATUS_ICONS, STATUS_WORDS

SHOWN_AT_FIRST = 10


def describe_run(run: RunFolder, status: Status) -> str:
    """One line: name, status, photos, failures, when."""
    if status is Status.BROKEN:
        return f"**{escape_markdown(run.run_id)}** · {STATUS_WORDS[status]}"
    progress = run.read_progress() or Progress(total=len(run.file_names))
    photos = count(progress.total, "photo")
    if status is not Status.DONE:
        photos = f"{progress.done:,} of {photos}"
    parts = [f"**{escape_markdown(run.info.name)}**", STATUS_WORDS[status], photos]
    if progress.failures:
        parts.append(count(progress.failures, "failure"))
    parts.append(say_time(run.info.created_at.astimezone()))
    return " · ".join(parts)


def show_past_runs(project: Project, *, leave_out: str = "") -> None:
    """One line per run, newest first."""
    runs = [run for run in project.runs() if run.run_id != leave_out]
    if not runs:
        return
    st.subheader("Earlier runs", anchor=False)
    everything = len(runs) <= SHOWN_AT_FIRST or st.session_state.get("all-runs", False)
    for run in runs if everything else runs[:SHOWN_AT_FIRST]:
        with plain_errors():
            _show_run(project, run)
    if len(runs) > SHOWN_AT_FIRST:
        st.toggle(f"Show all {len(runs):,} runs", key="all-runs")


def _show_run(project: Project, run: RunFolder) -> None:
    status = run.status
    line = st.expander(
        describe_run(run, status), icon=STATUS_ICONS[status], key=f"past-{run.run_id}", on_change="rerun"
    )
    if not line.open:
        return
    with line:
        if status is not Status.BROKEN:
            st.caption(escape_markdown(f"{run.info.folder} · {run.info.bundle or 'first look'} · {run.info.detector}"))
        if status is Status.RUNNING:
            PANEL.show_running(run)
            st.button("Follow", key=f"follow-{run.run_id}", on_click=PANEL.follow, args=(run.run_id,))
        else:
            PANEL.show_end(project, run)
