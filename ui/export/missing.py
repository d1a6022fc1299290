"""Decisions about classes that are missing from events: they have no crop, so a table of their own has them."""

import streamlit as st

from core.runs.folder import RunFolder
from core.scenes.decisions import DECISION_COLUMNS, list_run_decisions
from core.study.project import Project
from ui.shared.csv_download import make_csv
from ui.shared.words import count


def show_missing(project: Project, run: RunFolder) -> None:
    """A button that downloads them, where there are any."""
    rows = list_run_decisions(project.path, run.run_id)
    if not rows:
        return
    st.download_button(
        f"CSV of {count(len(rows), 'decision')} about missing classes",
        key="export-missing",
        icon=":material/download:",
        data=lambda: make_csv(rows, columns=DECISION_COLUMNS),
        mime="text/csv",
        on_click="ignore",
        file_name=f"{run.run_id}-missing.csv",
        help="Decided on the Scenes page: a species that is likely in an event and is not there. It has no crop, so it "
        "is in none of the formats on this page.",
    )
