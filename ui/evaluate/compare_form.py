"""The form of a comparison: labelled photos, and the encoders and one-class models to compare."""

from datetime import datetime

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project, check_name
from models.encoders.sources.named import list_here
from models.jobs.compare import USUAL_ONE_CLASS, CompareRequest, check
from models.one_class.methods import list_one_class
from ui.evaluate.compare_watch import PANEL
from ui.forms.folder_choice import show_folder_choice
from ui.forms.published import say_name
from ui.forms.start_button import forget_started_name, show_start, start_work
from ui.shared.state import Key
from ui.shared.words import count
from ui.train.estimate import say_estimate
from ui.train.labels import show_label_choice

EMBED_S = (0.015, 0.06)
"""Seconds a crop with one encoder, reading included, on a laptop: the quick and the slow end."""
FIT_S = (0.05, 0.5)
"""Seconds a model on a few hundred crops; each species is unknown in turn, in each of three folds."""
FOLDS, SPECIES = 3, 5


def show_compare_form(project: Project, *, busy: bool) -> None:
    """Draw the form. Start starts a process and returns at once."""
    forget_started_name(Key.COMPARE_NAME)
    st.caption(
        "Which encoder and which one-class model find an unknown species best in photos like yours? Each species of "
        "the labels is left out of the training in turn, and should then come first. Photos of one event are never "
        "divided between training and test."
    )
    folder = show_folder_choice(
        Key.TRAIN_FOLDER, Key.TRAIN_BROWSER_OPEN, help="The folder that holds the labelled photos, at any depth."
    )
    labels = show_label_choice(folder)
    here, methods = list_here(), list_one_class()
    left, right = st.columns(2)
    encoders = left.multiselect(
        "Encoders",
        here,
        default=here,
        format_func=say_name,
        accept_new_options=True,
        key=Key.COMPARE_ENCODERS,
        persist_state="session",
        help="Those on this computer; get others on the Models page. A file of weights is typed as "
        "NAME=/folder/weights.safetensors, features of a detector as NAME+detector:DETECTOR.",
    )
    one_class = right.multiselect(
        "One-class models",
        list(methods),
        default=list(USUAL_ONE_CLASS),
        format_func=lambda name: methods[name].label,
        key=Key.COMPARE_ONE_CLASS,
        persist_state="session",
        help="The three chosen are the best on embeddings as a rule. An elliptic envelope takes many times as long.",
    )
    suggested = project.suggest_name(f"{datetime.now():%Y-%m-%d}", project.path / CompareRequest.room)
    name = st.text_input("Name", key=Key.COMPARE_NAME, placeholder=suggested, persist_state="session").strip()
    problem, request = labels.problem, None
    if not problem and not (encoders and one_class):
        problem = "Choose an encoder and a one-class model."
    if not problem and not labels.n_boxes:
        problem = "A comparison needs boxes. Give a file of boxes above, and these labels as the second file."
    if folder is not None and not problem:
        try:
            check_name(name or suggested, what="comparison")
            request = CompareRequest(
                name=name or suggested,
                images=folder,
                labels=labels.labels,
                species=labels.species,
                split=labels.split,
                encoders=tuple(encoders),
                one_class=tuple(one_class),
            )
            check(project, request)
        except AnomalureError as error:
            problem = str(error)
        else:
            _say_how_long(labels.n_boxes, len(encoders), len(one_class))
    is_started = show_start(
        key="start-comparison", what="comparison", problem=problem, is_complete=request is not None, busy=busy
    )
    if is_started and request is not None:
        start_work(project, request, PANEL, name_key=Key.COMPARE_NAME)


def _say_how_long(n_boxes: int, n_encoders: int, n_models: int) -> None:
    least, most = (
        n_encoders * (n_boxes * embed + n_models * SPECIES * FOLDS * fit)
        for embed, fit in zip(EMBED_S, FIT_S, strict=True)
    )
    pairs = count(n_encoders * n_models, "pair")
    st.caption(
        f":material/schedule: Takes {say_estimate(least, most)}: {pairs} of encoder and one-class model on "
        f"{count(n_boxes, 'box', 'boxes')}."
    )
