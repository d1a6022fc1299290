"""The reviewed anomalies of a run, or all of its crops, as a CSV file; other formats are on the Export page."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from core.export.choice import Export, ExportChoice
from core.export.files import say_left_out, write_export
from core.formats.csv import write_csv
from core.records import Decision
from core.runs.folder import RunFolder
from core.study.project import Project
from models.guesses.names import find_own_names
from ui.shared.routes import EXPORT, link_button
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown

EXCEL = "csv-excel"
ANOMALIES, EVERYTHING = "Anomalies", "All crops"
# The browser gets it in one piece; the Export page sends larger ones as a stream.
MOST_ROWS = 50_000


def make_csv(rows: Iterable[Mapping[str, Any]], *, columns: Iterable[str]) -> bytes:
    """Rows as the bytes of a CSV file. What a person downloads from a page is often opened in Excel."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / "rows.csv"
        write_csv(rows, place, columns=columns, for_excel=True)
        return place.read_bytes()


def _choose(run: RunFolder, *, anomalies_only: bool) -> ExportChoice:
    return ExportChoice(run=run.run_id, verdicts=(str(Decision.ANOMALY),) if anomalies_only else ())


def read_csv(project: Project, run: RunFolder, *, anomalies_only: bool) -> bytes:
    """The file of a run's crops, the same as ``python cli.py export --format csv-excel`` writes."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / "crops.csv"
        choice = _choose(run, anomalies_only=anomalies_only)
        write_export(project, choice, place, format=EXCEL, name_guesses=find_own_names)
        return place.read_bytes()


def show_download(project: Project, run: RunFolder) -> None:
    """A button that opens the choice of rows and shows how many there are; they are counted only when it is open."""
    menu = st.popover(
        "CSV",
        icon=":material/download:",
        width="stretch",
        key=Key.CSV_OPEN,
        on_change="rerun",
        help="Download decisions and scores as a table.",
    )
    if not menu.open:
        return
    with menu:
        what = st.segmented_control(
            "Rows",
            [ANOMALIES, EVERYTHING],
            default=ANOMALIES,
            required=True,
            key=Key.CSV_SCOPE,
            persist_state="session",
        )
        anomalies_only = what != EVERYTHING
        choice = _choose(run, anomalies_only=anomalies_only)
        with Export(project, choice) as export:
            counts = export.count()
        n = counts.n_crops
        st.caption(
            f"{count(n, 'anomaly', 'anomalies')}, as decided so far."
            if anomalies_only
            else f"{count(n, 'crop')} of this run, decided or not."
        )
        if counts.n_people:
            st.caption(f":material/info: {escape_markdown(say_left_out(choice, counts)[0])}.")
        kind = "anomalies" if anomalies_only else "all"
        if n > MOST_ROWS:
            st.caption("This file is too large for a download here: make it on the Export page.")
        else:
            st.download_button(
                f"Download {count(n, 'row')}",
                key="download-csv",
                icon=":material/download:",
                type="primary",
                data=lambda: read_csv(project, run, anomalies_only=anomalies_only),
                mime="text/csv",
                on_click="ignore",
                file_name=f"{run.run_id}-{kind}.csv",
                disabled=n == 0,
            )
        link_button("More formats", EXPORT, key="to-export", icon=":material/ios_share:", run=run.run_id)
