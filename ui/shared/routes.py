"""The pages of the dashboard by name, for links between them."""

from pathlib import Path

import streamlit as st

from ui.shared.project_place import ROOT
from ui.shared.state import Key

REVIEW = ROOT / "pages" / "review.py"
RUN = ROOT / "pages" / "run.py"
TRAIN = ROOT / "pages" / "train.py"
EXPLORE = ROOT / "pages" / "explore.py"
REVIEWERS = ROOT / "pages" / "reviewers.py"
EVALUATE = ROOT / "pages" / "evaluate.py"
EXPORT = ROOT / "pages" / "export.py"
RETRAIN = ROOT / "pages" / "retrain.py"


def link_button(label: str, page: Path, *, key: str, icon: str, run: str = "") -> None:
    """A button that opens another page of the dashboard, with a run chosen there."""
    if st.button(label, key=key, icon=icon, type="primary"):
        st.switch_page(str(page), query_params={Key.RUN.value: run} if run else None)
