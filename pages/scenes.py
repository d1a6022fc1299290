"""Scenes: what is unexpected in the events of a run, and what is missing from them."""

import streamlit as st

from ui.forms.kept_form import kept_form, keys_of
from ui.scenes.page import show_scenes
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.run_choice import choose_run

apply_look()
with plain_errors(), kept_form(keys_of("scenes_")):
    project = open_project()
    title, chooser = st.columns([5, 4], vertical_alignment="bottom")
    title.title("Scenes")
    with chooser:
        run = choose_run(project)
    show_notice()
    show_scenes(project, run)
