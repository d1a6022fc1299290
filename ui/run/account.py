"""Shows what happened to the files of a run: how many were used, and which failed."""

import streamlit as st

from core.runs.folder import RunFolder
from core.runs.small_detector import warn_of_detector
from ui.shared.csv_download import make_csv
from ui.shared.words import count

MOST_FAILURES_SHOWN = 500


def show_account(run: RunFolder, *, n_flagged: int | None, is_done: bool) -> None:
    """How many files became crops, copies or failures; the numbers add up."""
    counts = run.counts()
    if is_done:
        text = f"Done: {count(counts.photos, 'photo')}, {count(counts.crops, 'crop')} scored."
        (st.warning if counts.failures else st.success)(
            text + (f" {count(counts.failures, 'file')} could not be used." if counts.failures else ""),
            icon=":material/task_alt:",
        )
    for warning in warn_of_detector(run.info.detector, run.tables("photos")):
        st.warning(warning, icon=":material/warning:")
    if not counts.photos:
        return
    figures = [
        ("Photos", counts.photos, "Files with the ending of a photo that the run has read so far."),
        ("With animals", counts.with_crops, "Photos with at least one box from the detector or the file of boxes."),
        (
            "Whole frames",
            counts.whole_frames,
            "Photos without a box. Their whole frame is scored, because detectors miss animals.",
        ),
        ("Duplicates", counts.duplicates, "Copies of a photo; only the first one is used."),
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
        st.caption(
            f"{count(counts.boxes_over_limit, 'box', 'boxes')} beyond the limit of boxes per photo were left out."
        )
    show_failures(run)


def show_failures(run: RunFolder) -> None:
    """The files that could not be used, with the reason, also for download as CSV."""
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
