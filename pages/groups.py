"""Groups: name the crops of a run group by group, and make the first bundle from the names."""

import streamlit as st

from ui.groups.board import show_board
from ui.groups.learning import show_learning
from ui.groups.making import show_making
from ui.groups.opened import open_groups
from ui.review.guesses import prepare_guesses
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.run_choice import choose_run, warn_of_small_detector
from ui.work.waiting import show_no_run, show_waiting

apply_look()
with plain_errors():
    project = open_project()
    title, chooser = st.columns([5, 4], vertical_alignment="bottom")
    title.title("Groups")
    with chooser:
        run = choose_run(project)
    show_notice()
    if run is None:
        show_no_run(project)
    elif not run.is_scored():
        show_waiting(run)
    else:
        opened = open_groups(project, run)
        if opened is None:
            show_making(project, run)
        else:
            prepare_guesses(project, run)
            warn_of_small_detector(run)
            show_learning(project, opened)
            show_board(project, opened)
