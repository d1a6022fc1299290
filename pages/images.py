"""Images: learn what normal images look like as a whole, and find those of another folder that do not."""

import streamlit as st

from core.work.folder import WorkFolder
from ui.images.form import show_form
from ui.images.watch import PANEL, list_works, show_past
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project

apply_look()
st.title("Images")
with plain_errors():
    project = open_project()
    show_notice()
    works = list_works(project)
    watched = PANEL.find(works)
    if watched:
        PANEL.show(project, WorkFolder(project.path / "images" / watched))
    show_form(project, busy=bool(watched))
    show_past(project, works, leave_out=watched)
