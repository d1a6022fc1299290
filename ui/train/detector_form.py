"""The form for training a detector."""

from datetime import datetime
from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.settings.detector import DetectorSettings
from core.study.project import Project, check_name
from core.work.detector_trainings import DetectorTrainingFolder
from models.jobs.detector import DetectorRequest
from ui.forms.folder_choice import show_folder_choice
from ui.forms.path_field import show_path
from ui.forms.settings_form import show_detector_form
from ui.forms.start_button import forget_started_name, show_start, start_work
from ui.shared.state import Key
from ui.train.detector_watch import PANEL
from ui.train.labels import LabelChoice, show_label_choice

PUBLISHED, FILE, SCRATCH = "published", "file", "scratch"
START_WORDS = {
    PUBLISHED: "A published YOLO (downloaded once)",
    FILE: "A .pt file of yours",
    SCRATCH: "From scratch (needs many photos and much time)",
}
PUBLISHED_NAMES = (
    *("yolov8n", "yolov8s", "yolo11n", "yolo11s", "yolo26n"),
    *("megadetector-v6-yolov10-c", "megadetector-v6-yolov9-c", "megadetector-1000-sorrel", "megadetector-1000-larch"),
)


def show_detector_form_of(project: Project, *, busy: bool) -> None:
    """Draw the form. Start starts a process and returns at once."""
    forget_started_name(Key.TRAINED_NAME)
    st.subheader("A detector of your own", anchor=False)
    st.caption("A detector finds the animals and draws boxes around them. Train one if the usual ones miss yours.")
    folder = show_folder_choice(
        Key.TRAIN_FOLDER, Key.TRAIN_BROWSER_OPEN, help="The folder that holds the labelled photos, at any depth."
    )
    labels = show_label_choice(folder)
    start, allow_code, problem = _choose_start()
    by_species = st.toggle(
        "Tell species apart",
        key=Key.TRAINED_BY_SPECIES,
        persist_state="session",
        help="Off: one class, animal. It needs fewer photos; the bundle tells the species. On: one class per species.",
    )
    settings = show_detector_form()
    suggested = project.suggest_name(f"detector-{datetime.now():%Y-%m-%d}", project.detectors_dir)
    name = st.text_input(
        "Name of the detector", key=Key.TRAINED_NAME, placeholder=suggested, persist_state="session"
    ).strip()
    problem = labels.problem or problem or _explain_name(project, name)
    is_complete = folder is not None and settings is not None
    is_started = show_start(
        key="start-detector",
        what="training",
        problem=problem,
        is_complete=is_complete,
        busy=busy,
        more="On a laptop without a GPU it takes hours.",
    )
    if is_started and folder and settings:
        _start(project, folder, labels, start, allow_code, by_species, settings, name or suggested)


def _choose_start() -> tuple[str, bool, str]:
    """What the training starts from, whether its code may run, and a sentence if something is wrong."""
    left, right = st.columns(2)
    with left:
        kind = st.selectbox(
            "Start from",
            list(START_WORDS),
            format_func=START_WORDS.__getitem__,
            key=Key.TRAINED_START,
            persist_state="session",
        )
    if kind == SCRATCH:
        return SCRATCH, False, ""
    with right:
        if kind == PUBLISHED:
            name = st.selectbox(
                "Model",
                PUBLISHED_NAMES,
                key=Key.TRAINED_PUBLISHED,
                accept_new_options=True,
                persist_state="session",
                help="n is small and quick, s is larger and better. A MegaDetector already knows animals.",
            )
            return str(name or PUBLISHED_NAMES[0]), False, ""
        path, problem = show_path(
            "File", key=Key.TRAINED_FILE, placeholder="best.pt", missing="Give the .pt file to start from."
        )
    agreed = st.checkbox(
        "I trust where this file comes from: loading a .pt file runs code from it.",
        key=Key.TRAINED_CONSENT,
        persist_state="session",
    )
    if path is None:
        return "", agreed, problem
    return (
        str(path.absolute()),
        agreed,
        "" if agreed else "Agree that the file may run code, or start from another one.",
    )


def _explain_name(project: Project, name: str) -> str:
    if not name:
        return ""
    try:
        check_name(name, what="detector")
    except AnomalureError as error:
        return str(error)
    there = DetectorTrainingFolder(project.detectors_dir / name)
    if not there.path.exists():
        return ""
    if there.is_trained:
        return f"There is a detector named {name} already. Choose another name."
    if there.can_resume:
        return f"There is an unfinished training named {name}. Resume it below, or choose another name."
    return ""


def _start(
    project: Project,
    folder: Path,
    labels: LabelChoice,
    start: str,
    allow_code: bool,
    by_species: bool,
    settings: DetectorSettings,
    name: str,
) -> None:
    request = DetectorRequest(
        name=name,
        images=folder,
        labels=labels.labels,
        species=labels.species,
        split=labels.split,
        start=start,
        by_species=by_species,
        detector=settings,
    )
    start_work(project, request, PANEL, name_key=Key.TRAINED_NAME, allow_code=allow_code)
