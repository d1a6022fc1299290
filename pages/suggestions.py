"""Suggestions: labels that disagree with the crops that look alike."""

import streamlit as st

from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.run_choice import choose_run
from ui.suggestions.page import show_suggestions

apply_look()
with plain_errors():
    project = open_project()
    title, chooser = st.columns([5, 4], vertical_alignment="bottom")
    title.title("Suggestions")
    with chooser:
        run = choose_run(project)
    show_notice()
    show_suggestions(project, run)
