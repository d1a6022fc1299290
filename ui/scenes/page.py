"""The Scenes page as a whole: the training, the model and the rate, and the findings."""

import streamlit as st

from core.runs.folder import RunFolder
from core.study.project import Project
from models.scenes.kept import list_kept, load_kept
from ui.scenes.board import show_board
from ui.scenes.found import look_through
from ui.scenes.making import show_form, show_training
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown
from ui.work.waiting import show_no_run, show_waiting

RATES = (0.01, 0.02, 0.05, 0.1, 0.2)
USUAL_RATE = 0.05


def show_scenes(project: Project, run: RunFolder | None) -> None:
    """Draw it for a run; None: there is none yet."""
    models = list_kept(project)
    is_training = show_training(project)
    if not models:
        if not is_training:
            st.info(
                "A scene is an event at a camera: which species came, how many, at which hour and season. Learn what "
                "is usual from the events of this project, or from a package. Then this page shows what is unexpected "
                "in an event, and what is missing from it.",
                icon=":material/landscape:",
            )
            with st.container(border=True):
                st.subheader("Learn what is usual", anchor=False)
                show_form(project)
        return
    model_at, rate_at, train_at = st.columns([4, 4, 2], vertical_alignment="bottom")
    with model_at:
        model = str(st.selectbox("Model of scenes", models, key=Key.SCENES_MODEL))
    with rate_at:
        rate = float(
            st.select_slider(
                "False-alarm rate",
                RATES,
                value=USUAL_RATE,
                key=Key.SCENES_RATE,
                persist_state="session",
                format_func=lambda share: f"{share:.0%}",
                help="The share of ordinary events that you accept to be shown as unexpected, and as many as missing.",
            )
        )
    with train_at, st.popover("Train", icon=":material/school:", width="stretch"):
        show_form(project)
    _say_model(project, model)
    if run is None:
        show_no_run(project)
    elif not run.is_scored():
        show_waiting(run)
    else:
        with st.spinner("Looking through the events…"):
            findings = look_through(project, run, model, rate=rate)
        if findings is None:
            st.info(
                "No crop of this run is known to show a species. Name its groups on Groups, or run the photos with a "
                "bundle.",
                icon=":material/info:",
            )
        else:
            show_board(project, run, findings)


def _say_model(project: Project, model: str) -> None:
    about = load_kept(project, model).describe()
    said = (
        f"Learned from {count(about['scenes'], about['by'])} of {count(about['classes'], 'class', 'classes')}"
        + (f" at {count(about['cameras'], 'camera')}" if about["cameras"] else "")
        + f"; calibrated on {about['held_out']:,}."
    )
    st.caption(escape_markdown(" ".join([said, *about["notes"]])))
