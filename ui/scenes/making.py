"""Ask for a model of scenes, and follow its training."""

from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.scenes.history import list_history_runs
from core.study.project import Project, check_name
from core.work.folder import WorkFolder
from models.jobs.scenes import ScenesRequest
from models.scenes.kept import ROOM, list_kept
from models.scenes.methods import list_scene_models
from ui.forms.folders import is_there, read_path
from ui.forms.label_account import show_account_of
from ui.forms.start_button import forget_started_name, show_start, start_work
from ui.shared.state import Key
from ui.work.panel import Panel, is_running

FIRST_NAME = "scenes"

PANEL = Panel(
    kind=ScenesRequest.kind,
    what="training",
    key=Key.SCENES_WATCHED,
    preparing="reading the history and the labels",
    stopping="Stopping after the current step; no model is made.",
)


def list_trainings(project: Project) -> list[WorkFolder]:
    """The trainings of models of scenes, the newest first."""
    folders = [path for path in (project.path / ROOM).glob("*/") if path.is_dir()]
    return [WorkFolder(path) for path in sorted(folders, key=lambda path: path.stat().st_mtime_ns, reverse=True)]


def show_training(project: Project) -> bool:
    """The panel of a training that is followed here; False if there is none."""
    trainings = list_trainings(project)
    name = PANEL.find(trainings)
    if not name:
        return False
    PANEL.show(project, WorkFolder(project.path / ROOM / name))
    return True


def show_form(project: Project) -> None:
    """What to learn from, and the button."""
    forget_started_name(Key.SCENES_NAME)
    runs = list_history_runs(project)
    with_history = st.checkbox(
        "Learn from this project's runs and verdicts",
        value=True,
        key=Key.SCENES_HISTORY,
        persist_state="session",
        help=f"{len(runs):,} finished runs. A reviewer's name for a crop counts, else the species that the run took it "
        "for. Flagged crops that nobody has decided about are left out.",
    )
    labels = read_path(
        st.text_input(
            "Labels or a Camtrap DP package (optional)",
            key=Key.SCENES_LABELS,
            persist_state="session",
            placeholder="/data/package/datapackage.json",
            help="COCO, MegaDetector JSON, Camtrap DP (its folder, datapackage.json or zip) or CSV.",
        )
    )
    show_account_of(labels)
    methods = list_scene_models()
    method = st.selectbox(
        "Model",
        list(methods),
        key=Key.SCENES_METHOD,
        persist_state="session",
        format_func=lambda name: methods[name].label,
        help=" ".join(f"{one.label}: {one.about}" for one in methods.values()),
    )
    name = st.text_input(
        "Name", key=Key.SCENES_NAME, placeholder=suggest_name(project), persist_state="session"
    ).strip() or suggest_name(project)
    if show_start(
        key="start-scenes",
        what="training",
        problem=_find_problem(project, name, labels, with_history=with_history, has_runs=bool(runs)),
        is_complete=with_history or labels is not None,
        busy=any(is_running(work) for work in list_trainings(project)),
    ):
        request = ScenesRequest(
            name=name,
            labels=(labels,) if labels is not None else (),
            with_history=bool(with_history),
            method=str(method),
        )
        start_work(project, request, PANEL, name_key=Key.SCENES_NAME)


def suggest_name(project: Project) -> str:
    """A name that no model of scenes has yet."""
    return project.suggest_name(FIRST_NAME, project.path / ROOM)


def _find_problem(project: Project, name: str, labels: Path | None, *, with_history: bool, has_runs: bool) -> str:
    if labels is not None and not is_there(labels):
        return f"There is no file or folder {labels}."
    if with_history and not has_runs and labels is None:
        return "There is no finished run to learn from yet. Run the pipeline on a folder, or give labels."
    if name in list_kept(project):
        return f"There is a model of scenes named {name} already. Choose another name."
    try:
        check_name(name, what="model of scenes")
    except AnomalureError as error:
        return str(error)
    return ""
