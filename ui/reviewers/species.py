"""The field for a species with a list that is searched while one types, so that one animal has one spelling."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from ui.board.rows import name_species


def choose_species(project: Project, row: Mapping[str, Any], *, key: str, placeholder: str) -> None:
    """Draw the field: the names of the crop's run, and any other that is typed."""
    try:
        names = name_species(project.review_index(str(row["run"])))
    except AnomalureError:
        names = []  # the run is gone; a name can still be typed
    st.selectbox("Species", names, index=None, key=key, accept_new_options=True, placeholder=placeholder)


def read_species(key: str) -> str:
    """What was chosen or typed there; empty without any."""
    return " ".join(str(st.session_state.get(key) or "").split())
