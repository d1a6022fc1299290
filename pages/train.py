"""Train: make a bundle from labelled photos, or train a detector; follow it, and see earlier trainings."""

import streamlit as st

from core.work.detector_trainings import DetectorTrainingFolder
from ui.forms.kept_form import kept_form, train_keys
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.state import Key
from ui.train.detector_form import show_detector_form_of
from ui.train.detector_watch import PANEL as DETECTOR_PANEL
from ui.train.detector_watch import show_detectors
from ui.train.form import show_train_form
from ui.train.past import show_past_trainings
from ui.train.watch import PANEL as BUNDLE_PANEL

BUNDLE, DETECTOR = "A bundle", "A detector"

apply_look()
st.title("Train")
with plain_errors(), kept_form(train_keys()):
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
        watched = DETECTOR_PANEL.find(DetectorTrainingFolder.list_all(project.detectors_dir))
        if watched:
            DETECTOR_PANEL.show(project, DetectorTrainingFolder(project.detectors_dir / watched))
        show_detector_form_of(project, busy=bool(watched))
        show_detectors(project, leave_out=watched)
    else:
        watched = BUNDLE_PANEL.find(project.trainings())
        if watched:
            BUNDLE_PANEL.show(project, project.training(watched))
        show_train_form(project, busy=bool(watched))
        show_past_trainings(project, leave_out=watched)
