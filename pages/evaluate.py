"""Evaluate: how well a run finds anomalies where the truth is known, and which encoder and model do so best."""

import streamlit as st

from ui.evaluate.cached import measure_run
from ui.evaluate.compare import show_comparisons
from ui.evaluate.form import ask_what
from ui.evaluate.result import show_result
from ui.forms.kept_form import kept_form, keys_of
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.state import Key

RUN, MODELS = "A run", "Encoders and models"
KEPT = keys_of("compared", "truth_", "known_", "evaluate_", "compare_", "train_folder", "train_labels", "train_species")

apply_look()
st.title("Evaluate")
with (
    plain_errors(),
    kept_form(
        keys_of(
            "compared", "truth_", "known_", "compare_", "train_folder", "train_labels", "train_species", "evaluate_"
        )
    ),
):
    show_notice()
    what = st.segmented_control(
        "What to evaluate",
        [RUN, MODELS],
        default=RUN,
        required=True,
        key=Key.EVALUATE_WHAT,
        persist_state="session",
        label_visibility="collapsed",
    )
    if what == MODELS:
        show_comparisons(open_project())
    elif asked := ask_what(open_project()):
        runs = [run for run in (asked.run, asked.other) if run]
        show_result([(run, measure_run(run, asked)) for run in runs])
