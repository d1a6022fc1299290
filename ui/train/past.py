"""The earlier trainings of the project: how each ended, its curve, its card and what can be done next."""

from core.study.project import Project
from core.work.folder import Status
from core.work.trainings import TrainingFolder
from models.jobs.bundle import BundleRequest
from ui.shared.words import escape_markdown, say_time
from ui.train.encoder import METHOD_WORDS
from ui.train.watch import PANEL
from ui.work.past import show_past
from ui.work.words import STATUS_WORDS


def describe_training(training: TrainingFolder, status: Status) -> str:
    """One line: name, status, method, when."""
    if status is Status.BROKEN:
        return f"**{escape_markdown(training.name)}** · {STATUS_WORDS[status]}"
    request = training.read_request(BundleRequest)
    parts = [f"**{escape_markdown(training.name)}**", STATUS_WORDS[status]]
    if request.method != "none":
        parts.append(METHOD_WORDS.get(request.method, request.method))
    return " · ".join([*parts, say_time(request.created_at.astimezone())])


def show_past_trainings(project: Project, *, leave_out: str = "") -> None:
    """One line per training, newest first."""
    trainings = [training for training in project.trainings() if training.name != leave_out]
    show_past(project, trainings, PANEL, key="training-", describe=describe_training, caption=_name_photos)


def _name_photos(training: TrainingFolder) -> str:
    return str(training.read_request(BundleRequest).images)
