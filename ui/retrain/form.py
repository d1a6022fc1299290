"""Ask for a retraining, and follow it."""

import re
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.disk.files import read_whole
from core.disk.json import parse_values
from core.errors import AnomalureError
from core.runs.folder import RunFolder
from core.study.bundles import read_bundles
from core.study.project import Project, check_name
from core.study.retrainings import FOLDER, Retraining
from core.work.folder import Status, WorkFolder
from models.jobs.retrain import RetrainRequest
from models.loop.verdict_rows import identify_encoders
from ui.forms.folders import is_there, read_path
from ui.forms.label_account import show_account_of
from ui.retrain.news import News
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown
from ui.work import start
from ui.work.panel import Panel, is_running

FIRST_LOOK = ""
MANIFEST = "bundle.json"


def choose_start(project: Project) -> str:
    """The bundle to start from, or empty for verdicts alone."""
    names = read_bundles(project)["name"].tolist()
    active = project.store.active_bundle()
    if not names:
        return FIRST_LOOK
    options = [*names, FIRST_LOOK]
    return str(
        st.selectbox(
            "Start from",
            options,
            index=options.index(suggest_start(project, names, active=active)),
            key=Key.RETRAIN_FROM,
            format_func=lambda name: f"{name} (active)" if name and name == active else name or "verdicts alone",
            help="Its normal crops are kept; the verdicts are added. 'Verdicts alone' makes a bundle of the crops that "
            "were called normal and nothing else.",
        )
    )


def suggest_start(project: Project, names: Sequence[str], *, active: str) -> str:
    """The bundle that most likely fits the verdicts: the latest run's, because the verdicts are about its crops.

    After a first look it is the active bundle, if that has the encoder of the run; otherwise verdicts alone.
    """
    run = project.latest_run()
    if run is None:
        return active or names[0]
    if run.info.bundle:
        return run.info.bundle if run.info.bundle in names else FIRST_LOOK
    return active if active and _has_encoder_of(project, active, run) else FIRST_LOOK


def _has_encoder_of(project: Project, bundle: str, run: RunFolder) -> bool:
    try:
        manifest = parse_values(read_whole(project.bundles_dir / bundle / MANIFEST))
        return identify_encoders(manifest["encoders"], project=project.path) == identify_encoders(
            run.info.encoders, project=project.path
        )
    except (OSError, ValueError, KeyError, TypeError, AnomalureError):
        return False


def suggest_name(made_from: str, taken: set[str]) -> str:
    """``deer-2`` after ``deer``, ``deer-3`` after ``deer-2``; the first that is free."""
    stem, number = re.fullmatch(r"(.*?)(?:-(\d+))?", made_from or "reviewed").groups()  # type: ignore[union-attr]
    n = int(number or 1) + (1 if made_from else 0)
    name = f"{stem}-{n}" if made_from else stem
    while name in taken:
        n += 1
        name = f"{stem}-{n}"
    return name


def show_form(project: Project, news: News, *, made_from: str, known: set[str]) -> None:
    """Name, species to learn, and the button."""
    taken = set(read_bundles(project)["name"]) | {path.name for path in project.bundles_dir.iterdir()}
    learnable = news.learnable(known=known)
    with st.form("retrain-form", border=False):
        name = st.text_input(
            "Name of the new bundle",
            value=suggest_name(made_from, taken),
            key=f"{Key.RETRAIN_NAME}-{made_from}-{len(taken)}",
        )
        learn: list[str] = []
        if learnable:
            learn = st.multiselect(
                "Species to know from now on",
                sorted(learnable),
                key=Key.RETRAIN_LEARN,
                format_func=lambda species: f"{species} ({count(learnable[species], 'crop')})",
                help="Accepted anomalies whose species was given. Chosen here, they are no longer anomalies: the next "
                "runs know the species.",
            )
        truth = st.text_input(
            "Ground-truth labels (optional)",
            key=Key.RETRAIN_TRUTH,
            persist_state="session",
            placeholder="A file of labels",
            help="Labels of the photos of your newest run. Both bundles are compared with them too. They are not "
            "used for training.",
        )
        show_account_of(read_path(truth))
        pressed = st.form_submit_button(
            "Retrain",
            type="primary",
            icon=":material/model_training:",
            disabled=not len(news.labels),
            help="A new bundle is made. The active one stays as it is, until you activate another.",
        )
    if pressed:
        _start(project, name.strip(), made_from, learn, taken, truth=read_path(truth))


def _start(
    project: Project, name: str, made_from: str, learn: list[str], taken: set[str], *, truth: Path | None
) -> None:
    try:
        check_name(name, what="bundle")
        if name in taken:
            raise AnomalureError(
                f"There is a bundle named {name} already, and a bundle never changes. Choose another name."
            )
        if truth is not None and not is_there(truth):
            raise AnomalureError(f"There is no file {truth}. Give a file of ground-truth labels, or leave it empty.")
        request = RetrainRequest(
            name=name,
            made_from=made_from,
            learn_species=tuple(learn),
            truth=None if truth is None else truth.absolute(),
        )
        start.start(project, request)
    except (AnomalureError, OSError) as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return
    PANEL.follow(name)
    st.rerun()


def _say_kept(work: WorkFolder) -> str:
    return "No bundle was made, and the active one has not changed."


PANEL = Panel(
    kind=RetrainRequest.kind,
    what="retraining",
    key=Key.RETRAIN_WATCHED,
    preparing="reading the verdicts and the bundle",
    stopping="Stopping after this step; no bundle will be made.",
    say_kept=_say_kept,
)


def show_watched(project: Project) -> bool:
    """The panel of the retraining that was started here, or else of one that is running; True while it is running."""
    name = PANEL.find(Retraining.list_all(project.path / FOLDER))
    if not name:
        return False
    work = Retraining.of(project.path, name)
    if work.status is Status.DONE:
        PANEL.close()
        st.session_state[Key.RETRAIN_SHOWN] = name
        return False
    PANEL.show(project, work)
    return is_running(work)
