"""Who did what, as a table and as CSV."""

from collections.abc import Sequence

import streamlit as st

from core.study.project import Project
from core.team.members import Entry, Team
from ui.shared.csv_download import make_csv

SHOWN = 200
COLUMNS = ("at", "by", "did", "about", "how")
_WORDS = {"at": "When (UTC)", "by": "Who", "did": "Did", "about": "What", "how": "How"}


def list_rows(entries: Sequence[Entry]) -> list[dict[str, str]]:
    """Entries as rows of text, newest first."""
    return [
        {"at": f"{one.at:%Y-%m-%d %H:%M:%S}", "by": one.by, "did": one.did, "about": one.about, "how": one.how}
        for one in reversed(entries)
    ]


def show_log(project: Project) -> None:
    """Draw the last entries, and a button for all of them."""
    rows = list_rows(Team(project.path).log())
    title, button = st.columns([8, 2], vertical_alignment="bottom")
    title.subheader("Who did what", anchor=False)
    button.download_button(
        "CSV",
        key="team-log-csv",
        icon=":material/download:",
        width="stretch",
        data=lambda: make_csv(rows, columns=COLUMNS),
        mime="text/csv",
        on_click="ignore",
        file_name="who-did-what.csv",
    )
    st.dataframe(
        [{_WORDS[name]: row[name] for name in COLUMNS} for row in rows[:SHOWN]], hide_index=True, width="stretch"
    )
    st.caption(
        (f"The last {SHOWN} of {len(rows):,} entries; the CSV file has all. " if len(rows) > SHOWN else "")
        + "Nothing is ever taken out. Decisions about crops stand in the CSV file of the Review page, each with who "
        "made it and when."
    )
