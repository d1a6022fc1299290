"""Train: teach what is normal from labelled photos, follow it, and see earlier trainings."""

import streamlit as st

from ui.look import apply_look
from ui.messages import plain_errors, show_notice
from ui.resources import open_project
from ui.train_form import show_train_form
from ui.train_past import show_past_trainings
from ui.train_watch import find_watched, show_watched

apply_look()
st.title("Train")
with plain_errors():
    project = open_project()
    show_notice()
    watched = find_watched(project)
    if watched:
        show_watched(project, watched)
    show_train_form(project, busy=bool(watched))
    show_past_trainings(project, leave_out=watched)
