"""Start a training as a process of its own. Knows no Streamlit."""

import sys
from dataclasses import dataclass
from pathlib import Path

from core.settings.run import RunSettings
from core.settings.training import TrainingSettings
from ui.work.processes import CLI, OwnProcesses

TRAININGS = OwnProcesses("train-")


@dataclass(frozen=True, kw_only=True)
class TrainingAsked:
    """What the Train page asks for; ``resume`` needs nothing else but the project and the name.

    ``labels`` None: folders by species; ``backbone``, ``weights``, ``detector`` and ``one_class`` as ``cli.py train``
    takes them; empty: its own choice. ``plain_encoder``: nothing is joined to the backbone. ``components``: main
    directions to reduce to, 0: not. ``frames``: what whole frames are judged by; empty: their look.
    """

    project: Path
    name: str
    images: Path | None = None
    labels: Path | None = None
    species: Path | None = None
    split: str | None = None
    method: str = "none"
    backbone: str = ""
    weights: str = ""
    detector: str = ""
    plain_encoder: bool = False
    one_class: str = ""
    components: int = 0
    frames: str = ""
    settings: RunSettings | None = None
    training: TrainingSettings | None = None
    resume: bool = False


def build_command(asked: TrainingAsked, *, python: str = sys.executable) -> list[str]:
    """The command line of a training, the same that a person would type; writes the files of settings it names."""
    command = [python, str(CLI), "train", "--project", str(asked.project.absolute()), "--json"]
    if asked.resume:
        return [*command, f"--resume={asked.name}"]
    assert asked.images is not None
    command += [f"--name={asked.name}", f"--images={asked.images.absolute()}", f"--method={asked.method}"]
    if asked.labels is not None:
        command.append(f"--coco={asked.labels.absolute()}")
    if asked.species is not None:
        command.append(f"--labels={asked.species.absolute()}")
    if asked.plain_encoder:
        command.append("--plain-encoder")
    named = {
        "split": asked.split,
        "backbone": asked.backbone,
        "backbone-weights": asked.weights,
        "detector": asked.detector,
        "one-class": asked.one_class,
        "components": asked.components or None,
        "frames": asked.frames,
    }
    command += [f"--{option}={value}" for option, value in named.items() if value is not None and value != ""]
    for option, settings in (("settings-file", asked.settings), ("training-file", asked.training)):
        if settings is not None:
            place = TRAININGS.keep_settings(asked.project, asked.name, settings.to_values(), kind=option)
            command.append(f"--{option}={place}")
    return command


def start_training(asked: TrainingAsked, *, python: str = sys.executable) -> None:
    """Start it and return at once; its progress is read from its folder.

    Raises:
        OSError: If it cannot be started.
    """
    TRAININGS.start(asked.project, asked.name, build_command(asked, python=python))
