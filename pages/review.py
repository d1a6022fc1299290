"""Review: decide about the most anomalous crops."""

import streamlit as st

from core.team.roles import Action
from ui.review.apart import show_apart
from ui.review.board import show_board
from ui.review.filters import show_filters
from ui.review.remaining import show_remaining
from ui.shared.acting import may_here
from ui.shared.csv_download import show_download
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.run_choice import choose_run, warn_of_small_detector
from ui.work.waiting import show_no_run, show_waiting

apply_look()
with plain_errors():
    project = open_project()
    title, chooser, download = st.columns([4, 4, 2], vertical_alignment="bottom")
    title.title("Review")
    with chooser:
        run = choose_run(project)
    show_notice()
    if run is None:
        show_no_run(project)
    elif not run.is_scored():
        show_waiting(run)
    else:
        if may_here(Action.EXPORT):
            with download:
                show_download(project, run)
        warn_of_small_detector(run)
        index = project.review_index(run)
        filters = show_filters(project, index)
        show_remaining(index, filters)
        show_board(project, index, filters)
        show_apart(index, filters)
