"""Run: look through a folder of photos, follow it, and see earlier runs."""

import streamlit as st

from core.runs.folder import RunFolder
from ui.forms.kept_form import kept_form, run_keys
from ui.run.form import show_run_form
from ui.run.past import show_past_runs
from ui.run.watch import PANEL, show_watched
from ui.run.watches import show_watches
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project

apply_look()
st.title("Run")
with plain_errors(), kept_form(run_keys()):
    project = open_project()
    show_notice()
    watched = PANEL.find(RunFolder.list_all(project.runs_dir))
    if watched:
        show_watched(project, watched)
    show_run_form(project, busy=bool(watched))
    show_watches(project)
    show_past_runs(project, leave_out=watched)
