"""Evaluate: how well a run finds anomalies in photos whose content is known."""

import streamlit as st

from ui.evaluate.cached import measure_run
from ui.evaluate.form import ask_what
from ui.evaluate.result import show_result
from ui.forms.kept_form import kept_form, keys_of
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors
from ui.shared.project_place import open_project

apply_look()
st.title("Evaluate")
with plain_errors(), kept_form(keys_of("compared", "truth_", "known_")):
    asked = ask_what(open_project())
    if asked:
        runs = [run for run in (asked.run, asked.other) if run]
        show_result([(run, measure_run(run, asked)) for run in runs])
