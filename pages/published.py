"""Models: published detectors and encoders, and those of them that are on this computer."""

import streamlit as st

from ui.models.page import show_models
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project

apply_look()
st.title("Models")
with plain_errors():
    project = open_project()
    show_notice()
    show_models(project)
