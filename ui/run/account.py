"""Shows what happened to the files of a run: how many were used, which failed, and what was not looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.photos.reading import leaves_a_gap
from core.runs.account import RunAccount, list_damaged, list_timeless, read_account
from core.runs.classified.account import ClassificationAccount
from core.runs.folder import RunFolder
from core.runs.small_detector import warn_of_detector
from ui.forms.label_account import show_label_accounts
from ui.shared.csv_download import make_csv
from ui.shared.words import count, escape_markdown

MOST_SHOWN = 500


def show_account(run: RunFolder, *, n_flagged: int | None, is_done: bool) -> None:
    """How many files became crops, copies or failures, and what was passed over; the numbers add up."""
    counts, account = run.counts(), read_account(run)
    if is_done:
        said = [f"Done: {count(counts.photos, 'photo')}, {count(counts.crops, 'crop')} scored."]
        if counts.failures:
            said.append(f"{count(counts.failures, 'file')} could not be used.")
        if counts.damaged:
            said.append(f"{count(counts.damaged, 'photo')} could be read only in part or with a warning.")
        said += _say_gaps(account)
        (st.warning if len(said) > 1 else st.success)(escape_markdown(" ".join(said)), icon=":material/task_alt:")
    for warning in warn_of_detector(run.info.detector, run.tables("photos")):
        st.warning(warning, icon=":material/warning:")
    if account.passed_over:
        st.caption(escape_markdown(f"Passed over: {account.describe_passed_over()}."))
    show_label_accounts(account.labels_read)
    for problem in account.boxes_problems:
        st.caption(escape_markdown(f"File of boxes: {problem.rstrip('.')}."))
    for one in account.classifications:
        _show_classifications(one)
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
        st.caption(f"Left out beyond the limit of boxes per photo: {count(counts.boxes_over_limit, 'box', 'boxes')}.")
    timeless = list_timeless(run)
    if timeless:
        st.caption(
            escape_markdown(
                f"{count(len(timeless), 'photo')} {'has' if len(timeless) == 1 else 'have'} no time (the first: "
                f"{timeless[0]}): the camera wrote none, or one that is no time. Each counts as an event of its own."
            )
        )
    show_failures(run)
    _show_gaps(run, account)


def _show_classifications(account: ClassificationAccount) -> None:
    """What the classifier's file says of the crops, and which photos did not meet it."""
    st.caption(
        escape_markdown(
            f"Names of {account.source} from {account.file}, at the level of {account.level} and with a score of at "
            f"least {account.least_score:g}:"
        )
    )
    st.markdown("\n".join(f"- {escape_markdown(line)}" for line in account.lines()) or "- no crop of it yet")


def _say_gaps(account: RunAccount) -> list[str]:
    folders = account.passed_over.get("unreadable folder", 0)
    others = sum(n for kind, n in account.passed_over.items() if leaves_a_gap(kind)) - folders
    said = []
    if folders:
        said.append(f"{count(folders, 'folder')} could not be read, so the photos in it are missing here.")
    if others:
        said.append(
            f"{count(others, 'other file')} that may show animals {'was' if others == 1 else 'were'} passed over."
        )
    if account.boxes_without_photo:
        said.append(f"{count(account.boxes_without_photo, 'photo')} of the file of boxes met no photo in the folder.")
    return said


def _show_gaps(run: RunFolder, account: RunAccount) -> None:
    """Names of what was read only in part or not at all, also for download as CSV."""
    rows = [{"file_name": one["file_name"], "what": "read in part", "reason": one["note"]} for one in list_damaged(run)]
    for kind, names in account.passed_over_names.items():
        rows += [{"file_name": name, "what": "passed over", "reason": kind} for name in names]
    rows += [
        {"file_name": name, "what": "no such photo", "reason": "named by the file of boxes only"}
        for name in account.boxes_without_photo_names
    ]
    for one in account.classifications:
        rows += [
            {"file_name": name, "what": "no such photo", "reason": "named by the file of classifications only"}
            for name in one.not_in_folder
        ]
        rows += [
            {"file_name": name, "what": "no class", "reason": "not in the file of classifications"}
            for name in one.without_row
        ]
    if not rows:
        return
    with st.expander(
        f"Read only in part, or not looked at · {len(rows):,}", icon=":material/rule:", key=f"gaps-{run.run_id}"
    ):
        _show_table(
            rows,
            titles={"file_name": "File", "what": "What", "reason": "Reason"},
            run=run,
            key="gaps",
            file="not-looked-at",
        )


def show_failures(run: RunFolder) -> None:
    """The files that could not be used, with the reason, also for download as CSV."""
    failures = run.read_table("failures")
    if failures.empty:
        return
    rows = [{str(name): value for name, value in row.items()} for row in failures.to_dict("records")]
    st.markdown(f"**Files that could not be used** · {len(failures):,}")
    _show_table(
        rows,
        titles={"file_name": "File", "stage": "Step", "reason": "Reason"},
        run=run,
        key="failures",
        file="failures",
    )


def _show_table(
    rows: Sequence[Mapping[str, Any]], *, titles: Mapping[str, str], run: RunFolder, key: str, file: str
) -> None:
    """The first rows as a table, its columns under their titles, and all of them for download as CSV."""
    st.dataframe(
        [{title: row[name] for name, title in titles.items()} for row in rows[:MOST_SHOWN]],
        hide_index=True,
        width="stretch",
        key=f"{key}-table-{run.run_id}",
        column_config={"Reason": st.column_config.TextColumn(width="large")},
    )
    st.download_button(
        "Download as CSV",
        key=f"{key}-csv-{run.run_id}",
        icon=":material/download:",
        data=lambda: make_csv(rows, columns=tuple(titles)),
        file_name=f"{file}-{run.run_id}.csv",
        mime="text/csv",
        on_click="ignore",
    )
