"""Reviewers: a blind second review of some crops, how well two people agree, and conflicts to settle."""

import streamlit as st

from ui.reviewers.agreement import show_agreement
from ui.reviewers.conflicts import count_conflicts, show_conflicts
from ui.reviewers.second import show_second_review
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.state import Key

SECOND, CONFLICTS, AGREEMENT = "Second review", "Conflicts", "Agreement"

apply_look()
st.title("Reviewers")
with plain_errors():
    project = open_project()
    show_notice()
    n = count_conflicts(project)
    part = st.segmented_control(
        "Part",
        [SECOND, CONFLICTS, AGREEMENT],
        default=SECOND,
        required=True,
        key=Key.REVIEWERS_PART,
        persist_state="session",
        label_visibility="collapsed",
        format_func=lambda name: f"{name} ({n:,})" if name == CONFLICTS and n else name,
    )
    if part == CONFLICTS:
        show_conflicts(project)
    elif part == AGREEMENT:
        show_agreement(project)
    else:
        show_second_review(project)
