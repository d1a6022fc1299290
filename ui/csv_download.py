"""The reviewed anomalies of a run, or all of its crops, as a CSV file."""

from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from core.formats.csv import write_csv
from core.project import Project
from core.runs import RunFolder
from ui.state import Key
from ui.words import count

ANOMALIES, EVERYTHING = "Anomalies", "All crops"


def read_csv(project: Project, run: RunFolder, *, anomalies_only: bool) -> bytes:
    """The file, the same as ``python cli.py export`` writes."""
    tables = project.export_rows(run, reviewed_anomalies_only=anomalies_only)
    rows = ({str(name): value for name, value in row.items()} for table in tables for row in table.to_dict("records"))
    with TemporaryDirectory() as folder:
        place = Path(folder) / "crops.csv"
        write_csv(rows, place)
        return place.read_bytes()


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
