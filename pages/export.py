"""Export: reviewed crops to files that others can use."""

import streamlit as st

from ui.export.choice import show_choice
from ui.export.missing import show_missing
from ui.export.package import show_package
from ui.export.panel import needs_places, show_made, show_make, show_preview
from ui.forms.kept_form import kept_form, keys_of
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.run_choice import choose_run
from ui.work.waiting import show_no_run, show_waiting

apply_look()
with plain_errors(), kept_form(keys_of("export_")):
    project = open_project()
    title, chooser = st.columns(2, gap="large", vertical_alignment="bottom")
    title.title("Export")
    with chooser:
        run = choose_run(project)
    show_notice()
    if run is None:
        show_no_run(project)
    elif not run.tables("crops"):
        show_waiting(run)
    else:
        left, right = st.columns(2, gap="large")
        with left:
            asked = show_choice(project, run)
        with right:
            counts = show_preview(project, asked)
            problem = show_package(project, asked) if needs_places(asked) and counts.n_crops else ""
            show_make(project, asked, counts, problem=problem)
            show_missing(project, run)
        show_made(project)
