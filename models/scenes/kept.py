"""The models of scenes that a project keeps, in ``scenes/NAME/``."""

from pathlib import Path

from core.errors import AnomalureError, did_you_mean
from core.study.project import Project, check_name
from models.scenes.trained import MODEL_FILE, TrainedScenes

ROOM = "scenes"


def list_kept(project: Project) -> list[str]:
    """Their names, the newest first."""
    files = [file for file in (project.path / ROOM).glob(f"*/{MODEL_FILE}") if file.is_file()]
    return [file.parent.name for file in sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)]


def find_model_file(project: Project, name: str | None = None) -> Path:
    """The file of a model of scenes; of the newest without a name.

    Raises:
        AnomalureError: If there is none.
    """
    known = list_kept(project)
    if name is None and not known:
        raise AnomalureError(
            f"There is no model of scenes in {project.path} yet. Train one first: cli.py scenes train, or the page "
            "Scenes."
        )
    name = known[0] if name is None else name
    check_name(name, what="model of scenes")
    if name not in known:
        there = ", ".join(known[:10]) or "none yet"
        raise AnomalureError(
            f"There is no model of scenes named {name}. There are: {there}.{did_you_mean(name, known)}"
        )
    return project.path / ROOM / name / MODEL_FILE


def load_kept(project: Project, name: str | None = None) -> TrainedScenes:
    """A project's model of scenes; the newest without a name.

    Raises:
        AnomalureError: If there is none, or it cannot be read.
    """
    return TrainedScenes.load(find_model_file(project, name))
