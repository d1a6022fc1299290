"""The form of a new run: its folder, bundle, detector and settings."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core.errors import AnomalureError
from core.runs.folder import RunFolder
from core.study.bundles import read_bundles
from core.study.project import Project, check_name
from core.work.detector_trainings import find_trained_detectors
from models.jobs.run import RunRequest
from ui.forms.detector import DetectorChoice, show_detector_choice
from ui.forms.folder_choice import show_folder_choice
from ui.forms.folders import is_there, read_path
from ui.forms.settings_form import show_settings_form
from ui.forms.start_button import forget_started_name, show_start, start_work
from ui.run.encoder import show_encoder_choice
from ui.run.watch import PANEL
from ui.shared.state import Key
from ui.shared.words import escape_markdown, say_time

FIRST_LOOK = ""


def show_run_form(project: Project, *, busy: bool) -> None:
    """Draw the form. Start starts a process and returns at once."""
    forget_started_name(Key.RUN_NAME)
    st.subheader("A new run", anchor=False)
    folder = show_folder_choice(
        Key.FOLDER,
        Key.BROWSER_OPEN,
        help="Folders inside it are included. Each folder with photos counts as one camera.",
    )
    if folder is not None:
        _say_earlier(project, folder)
    left, right = st.columns(2)
    with left:
        bundle = _show_bundle(project)
    with right:
        detector = show_detector_choice(bundle, trained=find_trained_detectors(project.detectors_dir))
    with left:
        encoder, no_encoder = show_encoder_choice() if bundle == FIRST_LOOK else (None, "")
    settings = show_settings_form()
    suggested = project.suggest_run_name(folder)
    left, right = st.columns(2)
    with left:
        name = st.text_input(
            "Name of the run",
            key=Key.RUN_NAME,
            placeholder=suggested,
            persist_state="session",
            help="You find the run by this name later. If empty, the date and the folder's name are used.",
        )
    with right:
        deployments = _show_deployments()
    with left:
        classifications = _show_classifications()
    problem = no_encoder or _explain(project, name.strip(), detector, deployments, classifications)
    is_complete = folder is not None and settings is not None
    is_started = show_start(key="start-run", what="run", problem=problem, is_complete=is_complete, busy=busy)
    if is_started and folder and settings:
        request = RunRequest(
            name=name.strip() or suggested,
            folder=folder,
            bundle=bundle,
            detector=detector.detector,
            boxes=detector.boxes,
            encoders=(encoder,) if encoder else (),
            deployments_csv=deployments,
            classifications=classifications,
            settings=settings,
        )
        start_work(project, request, PANEL, name_key=Key.RUN_NAME, allow_code=detector.allow_code)


def _say_earlier(project: Project, folder: Path) -> None:
    """Say whether there is a run of this folder already, so that nobody waits for a second one by mistake."""
    runs = [run for run in project.runs() if not run.problem and Path(run.info.folder) == folder.absolute()]
    if runs:
        name, when = escape_markdown(runs[0].info.name), say_time(runs[0].info.created_at.astimezone())
        st.caption(f":material/history: Looked through before: run **{name}**, {when}.")


def _show_deployments() -> Path | None:
    return read_path(
        st.text_input(
            "Table of cameras (optional)",
            key=Key.DEPLOYMENTS,
            placeholder="A CSV file",
            persist_state="session",
            help="A CSV that says which camera each photo or folder belongs to, with the columns file_name (or folder) "
            "and deployment. Without it, the folder that holds a photo is its camera.",
        )
    )


def _show_classifications() -> Path | None:
    path = read_path(
        st.text_input(
            "Classifications file (optional)",
            key=Key.CLASSIFICATIONS,
            placeholder="SpeciesNet or MegaDetector JSON, or DeepFaune's CSV",
            persist_state="session",
            help="What a classifier says of the photos: its likeliest names with their scores stand beside each crop, "
            "and are offered when you name crops. On a first look they are the species of the crops; with a bundle, "
            "if the setting 'Species of a crop' is classifier. Level and least score of the names are settings.",
        )
    )
    return None if path is None else path.absolute()


def _show_bundle(project: Project) -> str:
    bundles = read_bundles(project)
    names = [FIRST_LOOK, *bundles["name"].tolist()]
    active = project.store.active_bundle()

    def describe(name: str) -> str:
        if name == FIRST_LOOK:
            return "First look (no bundle)"
        made = bundles.loc[bundles["name"] == name, "created_at"].iloc[0]
        when = "" if pd.isna(made) else f", made {made:%d %b %Y}"
        return f"{name}{' (active)' if name == active else ''}{when}"

    chosen = st.selectbox(
        "Bundle",
        names,
        index=names.index(active) if active in names else 0,
        format_func=describe,
        key=Key.BUNDLE,
        persist_state="session",
    )
    st.caption(
        "Photos are scored against each other (unsupervised): crops that look unlike all others come first. For "
        "folders without labels."
        if chosen == FIRST_LOOK
        else "Each crop is scored against the normal crops that this bundle was trained on."
    )
    return str(chosen)


def _explain(
    project: Project, name: str, detector: DetectorChoice, deployments: Path | None, classifications: Path | None
) -> str:
    if detector.problem:
        return detector.problem
    for path in (deployments, classifications):
        if path is not None and not is_there(path):
            return f"There is no file {path}."
    if name:
        try:
            check_name(name, what="run")
        except AnomalureError as error:
            return str(error)
        run = RunFolder(project.runs_dir / name)
        if run.path.exists() and not run.is_only_requested:
            return f"There is a run named {name} already. Choose another name, or resume that run below."
    return ""
