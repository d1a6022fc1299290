"""The form of a new bundle: its photos, labels, encoder and settings."""

from datetime import datetime
from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.settings.run import RunSettings
from core.settings.training import AUTOENCODERS, BOXES_FROM, TrainingSettings
from core.study.project import Project, check_name
from core.work.detector_trainings import find_trained_detectors
from models.jobs.bundle import BundleRequest
from ui.forms.folder_choice import show_folder_choice
from ui.forms.settings_form import show_settings_form
from ui.forms.start_button import forget_started_name, show_start, start_work
from ui.shared.state import Key
from ui.shared.words import count
from ui.train.defaults import fill_in_defaults
from ui.train.encoder import EncoderChoice, show_encoder_choice
from ui.train.estimate import estimate_seconds, say_estimate
from ui.train.labels import LabelChoice, show_label_choice
from ui.train.models import BOXES_WORDS, ModelChoice, show_model_choice
from ui.train.watch import PANEL


def show_train_form(project: Project, *, busy: bool) -> None:
    """Draw the form. Start starts a process and returns at once."""
    forget_started_name(Key.TRAIN_NAME)
    st.subheader("A new bundle", anchor=False)
    st.caption("A bundle is a trained model of what is normal for each species.")
    fill_in_defaults(project)
    folder = show_folder_choice(
        Key.TRAIN_FOLDER, Key.TRAIN_BROWSER_OPEN, help="The folder that holds the labelled photos, at any depth."
    )
    labels = show_label_choice(folder)
    encoder = show_encoder_choice()
    models = show_model_choice(
        find_trained_detectors(project.detectors_dir), backbone=encoder.network, input_px=encoder.input_px
    )
    settings = show_settings_form()
    by_method = "" if encoder.method == "none" else f"-{encoder.method}"
    suggested = project.suggest_name(
        f"{datetime.now():%Y-%m-%d}{by_method}", project.bundles_dir, project.trainings_dir
    )
    name = st.text_input(
        "Name of the bundle",
        key=Key.TRAIN_NAME,
        placeholder=suggested,
        persist_state="session",
        help="You find the bundle by this name later. If empty, the date and the method are used.",
    ).strip()
    problem = (
        labels.problem
        or encoder.problem
        or models.problem
        or _explain_no_boxes(labels, encoder, models)
        or _explain_name(project, name)
    )
    is_complete = folder is not None and settings is not None
    if is_complete and not problem:
        _say_how_long(labels, encoder)
    is_started = show_start(key="start-training", what="training", problem=problem, is_complete=is_complete, busy=busy)
    if is_started and folder and settings:
        _start(project, folder, labels, encoder, models, settings, name or suggested)


def _say_how_long(labels: LabelChoice, encoder: EncoderChoice) -> None:
    least_s, most_s = estimate_seconds(
        n_photos=labels.n_photos,
        n_boxes=labels.n_boxes or labels.n_photos,
        method=encoder.method,
        epochs=encoder.training.epochs if encoder.training else 0,
    )
    boxes = count(labels.n_boxes, "box", "boxes")
    if not labels.has_animals:
        boxes = "no animals: the empty whole frames of each camera are learned, 40 of two events or more"
    elif not labels.n_boxes:
        boxes = "the detector's boxes, where it finds a single animal in a photo, because the labels have none"
    st.caption(
        f":material/schedule: Takes {say_estimate(least_s, most_s)} without a graphics card: "
        f"{count(labels.n_photos, 'photo')} with {boxes}."
    )


def _explain_no_boxes(labels: LabelChoice, encoder: EncoderChoice, models: ModelChoice) -> str:
    """Why labels without boxes cannot be used here; the detector's single boxes stand in for them where it can look."""
    if not labels.has_animals:
        if encoder.method in ("none", *AUTOENCODERS):
            return ""
        return (
            "These labels name no animals, only empty photos. Whole frames are learned by an encoder that is used as "
            "it is, or by an autoencoder."
        )
    if labels.n_boxes or (models.boxes_from == BOXES_FROM[0] and encoder.method == "none"):
        return ""
    return (
        "These labels have no boxes. Give a file of boxes (MegaDetector JSON) above, and these labels as the second "
        f"file; or let the detector find the animals: choose “{BOXES_WORDS[BOXES_FROM[0]]}” for the boxes to train "
        "on, and an encoder that is used as it is."
    )


def _explain_name(project: Project, name: str) -> str:
    if not name:
        return ""
    try:
        check_name(name, what="bundle")
    except AnomalureError as error:
        return str(error)
    if (project.bundles_dir / name).exists():
        return f"There is a bundle named {name} already, and a bundle never changes. Choose another name."
    training = project.training(name)
    if training.path.exists() and training.can_resume:
        return f"There is an unfinished training named {name}. Resume it below, or choose another name."
    return ""


def _start(
    project: Project,
    folder: Path,
    labels: LabelChoice,
    encoder: EncoderChoice,
    models: ModelChoice,
    settings: RunSettings,
    name: str,
) -> None:
    request = BundleRequest(
        name=name,
        images=folder,
        labels=labels.labels,
        species=labels.species,
        split=labels.split,
        encoders=(encoder.spec,),
        complete=models.join,
        method=encoder.method,
        scored_by=encoder.scored_by,
        threshold=models.threshold,
        one_class=models.one_class,
        components=models.components,
        frames=models.frames,
        detector=models.detector or "auto",
        boxes_from=models.boxes_from,
        settings=settings,
        training=encoder.training or TrainingSettings(),
    )
    start_work(project, request, PANEL, name_key=Key.TRAIN_NAME)
