"""The reviewed anomalies of a run, or all of its crops, as a CSV file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from core.formats.csv import EXPORT_COLUMNS, write_csv
from core.project import Project
from core.runs import RunFolder
from ui.state import Key
from ui.words import count

ANOMALIES, EVERYTHING = "Anomalies", "All crops"


def make_csv(rows: Iterable[Mapping[str, Any]], *, columns: Iterable[str]) -> bytes:
    """Rows as the bytes of a CSV file."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / "rows.csv"
        write_csv(rows, place, columns=columns)
        return place.read_bytes()


def read_csv(project: Project, run: RunFolder, *, anomalies_only: bool) -> bytes:
    """The file of a run's crops, the same as ``python cli.py export`` writes."""
    tables = project.export_rows(run, reviewed_anomalies_only=anomalies_only)
    rows = ({str(name): value for name, value in row.items()} for table in tables for row in table.to_dict("records"))
    return make_csv(rows, columns=EXPORT_COLUMNS)


def show_download(project: Project, run: RunFolder) -> None:
    """A button that opens the choice, with the number of rows first; counted only when it is open."""
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
        n = sum(len(table) for table in project.export_rows(run, reviewed_anomalies_only=anomalies_only))
        st.caption(
            f"{count(n, 'crop')} that you decided to be an anomaly."
            if anomalies_only
            else f"{count(n, 'crop')} of this run, decided or not."
        )
        kind = "anomalies" if anomalies_only else "all"
        st.download_button(
            f"Download {count(n, 'row')}", key="download-csv", icon=":material/download:", type="primary",
            data=lambda: read_csv(project, run, anomalies_only=anomalies_only), mime="text/csv", on_click="ignore",
            file_name=f"{run.run_id}-{kind}.csv", disabled=n == 0)  # fmt: skip
