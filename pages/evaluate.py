"""Evaluate: how well a run finds the odd animals, where it is known what the photos show."""

import streamlit as st

from ui.evaluation_form import ask_what
from ui.evaluation_result import show_result
from ui.look import apply_look
from ui.messages import plain_errors
from ui.resources import measure_run, open_project

apply_look()
st.title("Evaluate")
with plain_errors():
    asked = ask_what(open_project())
    if asked:
        runs = [run for run in (asked.run, asked.other) if run]
        show_result([(run, measure_run(run, asked)) for run in runs])
