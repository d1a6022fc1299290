"""Train: teach what is normal from labelled photos, or teach a detector; follow it, and see earlier trainings."""

import streamlit as st

from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.state import Key
from ui.train.detector_form import show_detector_form_of
from ui.train.detector_watch import find_watched_detector, show_detectors, show_watched_detector
from ui.train.form import show_train_form
from ui.train.past import show_past_trainings
from ui.train.watch import find_watched, show_watched

BUNDLE, DETECTOR = "A bundle", "A detector"

apply_look()
st.title("Train")
with plain_errors():
    project = open_project()
    show_notice()
    what = st.segmented_control(
        "What to train",
        [BUNDLE, DETECTOR],
        default=BUNDLE,
        required=True,
        key=Key.TRAIN_WHAT,
        persist_state="session",
        label_visibility="collapsed",
    )
    if what == DETECTOR:
        watched = find_watched_detector(project)
        if watched:
            show_watched_detector(project, watched)
        show_detector_form_of(project, busy=bool(watched))
        show_detectors(project, leave_out=watched)
    else:
        watched = find_watched(project)
        if watched:
            show_watched(project, watched)
        show_train_form(project, busy=bool(watched))
        show_past_trainings(project, leave_out=watched)
