"""What an export would hold, the button that makes it, and the exports that were made."""

import streamlit as st

from core.errors import AnomalureError
from core.export.choice import Export, ExportCounts
from core.export.files import say_left_out
from core.export.formats.format import find_format
from core.export.jobs import ExportJob, list_jobs, make_request
from core.study.project import Project
from core.work.folder import Status
from core.work.progress import Progress
from models.jobs import registry
from ui.export.choice import FORMAT_WORDS, VERDICT_WORDS, Asked
from ui.shared.messages import notice, plain_errors
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown, say_duration, say_time
from ui.work import start

PREVIEW_ROWS = 8
POLL_S = 0.7
SHOWN_AT_FIRST = 5
# So few rows are written before a process would have started.
AT_ONCE_ROWS = 3_000
_SHOWN = {
    "file_name": "File",
    "verdict": "Verdict",
    "species": "Species",
    "most_like": "Taken for",
    "score": "Score",
    "p_value": "p-value",
    "captured_at": "Time",
    "deployment": "Camera",
    "note": "Note",
    "reviewer": "Decided by",
}


def show_preview(project: Project, asked: Asked) -> ExportCounts:
    """How much there is, what is left out, and the first rows."""
    with Export(project, asked.choice) as export:
        counts = export.count()
        rows = export.preview(PREVIEW_ROWS)
    with st.grid(3, min_column_width=90):
        st.metric("Crops", f"{counts.n_crops:,}")
        st.metric("Photos", f"{counts.n_photos:,}")
        st.metric("Events", f"{counts.n_events:,}")
    for sentence in say_left_out(asked.choice, counts):
        st.caption(f":material/info: {escape_markdown(sentence)}.")
    if counts.n_crops:
        rows["verdict"] = rows["verdict"].map(VERDICT_WORDS).fillna("")
        rows["captured_at"] = rows["captured_at"].dt.strftime("%Y-%m-%d %H:%M:%S").fillna("")
        st.dataframe(
            rows[list(_SHOWN)].rename(columns=_SHOWN),
            hide_index=True,
            width="stretch",
            key="export-preview",
            column_config={
                "Score": st.column_config.NumberColumn(format="%.2f"),
                "p-value": st.column_config.NumberColumn(format="%.3g"),
            },
        )
        if counts.n_crops > len(rows):
            st.caption(f"The first {len(rows)} of {counts.n_crops:,}, most anomalous first.")
    else:
        st.info(
            "Nothing matches. Decide about crops on the Review page first, or choose other verdicts.",
            icon=":material/inbox:",
        )
    return counts


def show_make(project: Project, asked: Asked, counts: ExportCounts, *, problem: str = "") -> None:
    """The button that makes the file."""
    if problem:
        st.caption(f":orange[:material/error:] {escape_markdown(problem)}")
    what = f"{FORMAT_WORDS[asked.format]} of {count(counts.n_crops, 'crop')}"
    st.button(
        f"Make {what}",
        key="make-export",
        type="primary",
        icon=":material/ios_share:",
        width="stretch",
        disabled=not counts.n_crops or bool(problem),
        on_click=_make,
        args=(project, asked, counts),
    )
    _show_just_made(project, asked)


def _show_just_made(project: Project, asked: Asked) -> None:
    """What became of the last press of the button, where it was pressed; until something else is asked for."""
    made = st.session_state.get(Key.EXPORT_MADE)
    job = next((one for one in list_jobs(project.path) if one.name == made), None)
    if job is None or (job.request.choice, job.request.format) != (asked.choice, asked.format):
        return
    if job.status is Status.RUNNING:
        st.caption(":material/hourglass_top: It is being made; see **Exports** below.")
    elif job.file is not None:
        st.link_button(
            f"Download {escape_markdown(job.request.file_name)}",
            f"/exports/{job.name}",
            icon=":material/download:",
            width="stretch",
        )


def _make(project: Project, asked: Asked, counts: ExportCounts) -> None:
    try:
        request = make_request(project, asked.choice, format=asked.format, pictures=asked.pictures)
        st.session_state[Key.EXPORT_MADE] = request.name
        if asked.pictures is None and counts.n_crops <= AT_ONCE_ROWS:
            registry.do_at_once(project, request)
        else:
            start.start(project, request)
    except AnomalureError as error:
        notice(f"The export was not made. {error}")
    except OSError as error:
        notice(f"The export could not be started: {error.strerror or error}.")


def show_made(project: Project) -> None:
    """The exports of this project, newest first; redrawn by itself while one is being made."""
    jobs = list(list_jobs(project.path))
    if not jobs:
        return
    st.subheader("Exports", anchor=False)
    going_on = any(job.status is Status.RUNNING for job in jobs[:SHOWN_AT_FIRST])
    st.fragment(_show_jobs, run_every=POLL_S if going_on else None)(project)


def _show_jobs(project: Project) -> None:
    jobs = list(list_jobs(project.path))
    everything = len(jobs) <= SHOWN_AT_FIRST or st.session_state.get("all-exports", False)
    for job in jobs if everything else jobs[:SHOWN_AT_FIRST]:
        with plain_errors(), st.container(border=True):
            _show_job(project, job)
    if len(jobs) > SHOWN_AT_FIRST:
        st.toggle(f"Show all {len(jobs):,} exports", key="all-exports")
    was_going = st.session_state.get("exports_going_on", False)
    is_going = any(job.status is Status.RUNNING for job in jobs[:SHOWN_AT_FIRST])
    st.session_state["exports_going_on"] = is_going
    if was_going and not is_going:
        st.rerun()  # the page stops asking


def _show_job(project: Project, job: ExportJob) -> None:
    status, progress = job.status, job.read_progress() or Progress()
    request, file = job.request, job.file
    title, buttons = st.columns([5, 3], vertical_alignment="center")
    with title:
        st.markdown(f"**{escape_markdown(request.file_name if request.out is None else str(request.out))}**")
        said = [FORMAT_WORDS[request.format], say_time(request.created_at.astimezone())]
        report = job.read_result()
        if status is Status.DONE:
            said.insert(1, count(int(report.get("crops", 0)), "crop"))
            if file is not None:
                said.append(_say_size(file.stat().st_size))
        st.caption(escape_markdown(" · ".join(said)))
    with buttons, st.container(horizontal=True, horizontal_alignment="right", wrap=False):
        if status is Status.RUNNING:
            st.button(
                "Cancel",
                key=f"cancel-{job.name}",
                icon=":material/stop_circle:",
                on_click=start.stop,
                args=(project, job),
            )
        else:
            if file is not None:
                st.link_button("Download", f"/exports/{job.name}", icon=":material/download:", type="primary")
            if status in (Status.FAILED, Status.INTERRUPTED):
                st.button(
                    "Try again",
                    key=f"again-{job.name}",
                    icon=":material/refresh:",
                    on_click=_resume,
                    args=(project, request.work_id),
                )
            st.button("Remove", key=f"remove-{job.name}", icon=":material/delete:", on_click=_remove, args=(job,))
    if status is Status.RUNNING:
        share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
        left = say_duration(progress.seconds_left) if progress.seconds_left is not None else "unknown"
        st.progress(
            share,
            text=f"{progress.done:,} of {progress.total:,} rows and pictures · "
            f"{progress.photos_per_s:,.0f} a second · time left: {left}",
        )
    elif status is Status.CANCELLED:
        st.caption("Stopped; nothing was kept.")
    elif status is not Status.DONE:
        why = progress.message if status is Status.FAILED else "Its process ended before the file was complete."
        st.error(escape_markdown(f"This export was not made. {why}"), icon=":material/error:")
    for sentence in report.get("notes", []):
        st.caption(f":material/info: {escape_markdown(str(sentence))}.")


def _resume(project: Project, work_id: str) -> None:
    try:
        start.resume(project, work_id)
    except (AnomalureError, OSError) as error:
        notice(f"The export could not be started: {error}")


def _remove(job: ExportJob) -> None:
    try:
        job.delete()
    except AnomalureError as error:
        notice(str(error))


def _say_size(n_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes} bytes"


def needs_places(asked: Asked) -> bool:
    """Whether the format wants to know where the cameras stood."""
    return find_format(asked.format).needs_places
