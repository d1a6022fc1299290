"""A run while it goes on and when it has ended: progress, cancel, resume, its account and its failures."""

from collections.abc import Callable

import streamlit as st

from core.runs.folder import Progress, RunFolder, Status
from ui.shared.csv_download import make_csv
from ui.shared.words import count, escape_markdown
from ui.work.words import PHASE_WORDS, say_progress

POLL_S = 1.0
RESUMABLE = {Status.CANCELLED, Status.INTERRUPTED, Status.FAILED}
MOST_FAILURES_SHOWN = 500


def show_running(run: RunFolder) -> None:
    """The bar of a run that goes on, and its Cancel."""
    progress = run.read_progress() or Progress()
    share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
    st.progress(share, text=f"**{PHASE_WORDS[progress.phase]}** · {say_progress(progress)}")
    if progress.message:
        st.caption(escape_markdown(progress.message))
    if run.cancel_requested:
        st.caption("Stopping after the photos in hand; what is finished is kept.")
    else:
        st.button(
            "Cancel",
            key=f"cancel-{run.run_id}",
            icon=":material/stop_circle:",
            on_click=run.request_cancel,
            help="What is finished is kept, and the run can be resumed.",
        )


def show_ended(run: RunFolder, status: Status, *, n_flagged: int | None, on_resume: Callable[[], None]) -> None:
    """What became of a run that has ended, and what can be done next."""
    progress = run.read_progress() or Progress()
    if status is Status.DONE:
        counts = run.counts()
        text = f"Done: {count(counts.photos, 'photo')}, {count(counts.crops, 'crop')} looked at."
        (st.warning if counts.failures else st.success)(
            text + (f" {count(counts.failures, 'file')} could not be used." if counts.failures else ""),
            icon=":material/task_alt:",
        )
    elif status is Status.BROKEN:
        st.error(escape_markdown(run.problem), icon=":material/error:")
        return
    else:
        kept = f"What was finished is kept: {progress.done:,} of {count(len(run.file_names), 'photo')}."
        why = {
            Status.CANCELLED: f"This run was cancelled. {kept}",
            Status.INTERRUPTED: "This run stopped without an end: the computer or its process was switched off. "
            f"{kept}",
            Status.FAILED: "This run stopped because of an error.",
        }[status]
        message = f" {progress.message}" if progress.message and status is Status.FAILED else ""
        st.warning(escape_markdown(why + message), icon=":material/pause_circle:")
        st.button(
            "Resume",
            key=f"resume-{run.run_id}",
            type="primary",
            icon=":material/play_arrow:",
            on_click=on_resume,
            help="Goes on with the photos that are not finished yet.",
        )
    show_account(run, n_flagged=n_flagged)


def show_account(run: RunFolder, *, n_flagged: int | None) -> None:
    """Where every file of the run went; the numbers add up."""
    counts = run.counts()
    if not counts.photos:
        return
    figures = [
        ("Photos", counts.photos, "Files with a photo's ending that the run has come to."),
        ("With animals", counts.with_crops, "Photos with at least one box of the detector or the file of boxes."),
        (
            "Whole frames",
            counts.whole_frames,
            "Photos without a box: the whole frame is judged, since detectors miss animals.",
        ),
        ("Duplicates", counts.duplicates, "The same photo once more; looked at once only."),
        ("Failures", counts.failures, "Files that could not be used; listed below with the reason."),
        ("Flagged", n_flagged, "Crops to look at first."),
    ]
    with st.grid(6, min_column_width=110):
        for label, figure, help_text in figures:
            st.metric(label, "–" if figure is None else f"{figure:,}", help=help_text)
    if counts.photos == len(run.file_names):
        st.caption(
            f"{count(counts.photos, 'photo')} = {counts.with_crops:,} with animals + "
            f"{count(counts.whole_frames, 'whole frame')} + {count(counts.duplicates, 'duplicate')} + "
            f"{count(counts.failures, 'failure')}."
        )
    if counts.boxes_over_limit:
        st.caption(f"{count(counts.boxes_over_limit, 'box', 'boxes')} beyond the most boxes a photo were left out.")
    show_failures(run)


def show_failures(run: RunFolder) -> None:
    """The files that could not be used, with the reason, and as CSV."""
    failures = run.read_table("failures")
    if failures.empty:
        return
    shown = failures.rename(columns={"file_name": "File", "stage": "Step", "reason": "Reason"})
    rows = [{str(name): value for name, value in row.items()} for row in failures.to_dict("records")]
    st.markdown(f"**Files that could not be used** · {len(failures):,}")
    st.dataframe(
        shown.head(MOST_FAILURES_SHOWN),
        hide_index=True,
        width="stretch",
        key=f"failures-{run.run_id}",
        column_config={"Reason": st.column_config.TextColumn(width="large")},
    )
    st.download_button(
        "Download as CSV",
        key=f"failures-csv-{run.run_id}",
        icon=":material/download:",
        data=lambda: make_csv(rows, columns=failures.columns),
        file_name=f"failures-{run.run_id}.csv",
        mime="text/csv",
        on_click="ignore",
    )
