"""Start a training as a process of its own, so that it outlives the page, the tab and the dashboard.

Knows no Streamlit.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core.files import write_whole
from core.progress import Progress, is_last_word
from core.settings import RunSettings
from core.training_settings import TrainingSettings
from ui.run_process import CLI, log_file, read_log_tail, start_detached

# Whoever starts a process must collect its end, or it stays behind as a zombie that looks alive.
_started: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, kw_only=True)
class TrainingAsked:
    """What the Train page asks for; ``resume`` needs nothing else but the project and the name.

    ``labels`` None: folders by species; ``backbone``, ``weights``, ``detector`` and ``one_class`` as ``cli.py train``
    takes them; empty: its own choice. ``plain_encoder``: nothing is joined to the backbone. ``components``: main
    directions to reduce to, 0: not.
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
    named = {"split": asked.split, "backbone": asked.backbone, "backbone-weights": asked.weights,
             "detector": asked.detector, "one-class": asked.one_class,
             "components": asked.components or None}  # fmt: skip
    command += [f"--{option}={value}" for option, value in named.items() if value is not None and value != ""]
    for option, settings in (("settings-file", asked.settings), ("training-file", asked.training)):
        if settings is not None:
            place = _log(asked.project, asked.name).with_suffix(f".{option}.json")
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, json.dumps(settings.to_values(), indent=1).encode())
            command.append(f"--{option}={place}")
    return command


def start_training(asked: TrainingAsked, *, python: str = sys.executable) -> None:
    """Start it and return at once; its progress is read from its folder, its words by ``read_words``.

    Raises:
        OSError: If it cannot be started.
    """
    command = build_command(asked, python=python)
    _started[asked.project, asked.name] = start_detached(command, _log(asked.project, asked.name))


def is_starting(project: Path, name: str) -> bool:
    """Whether the process of this training, started by this dashboard, is alive."""
    process = _started.get((project, name))
    return process is not None and process.poll() is None


def is_ending(project: Path, name: str, progress: Progress | None) -> bool:
    """Whether the process of this training is alive, but has written its last word."""
    process = _started.get((project, name))
    return process is not None and process.poll() is None and is_last_word(progress, pid=process.pid)


def stop_starting(project: Path, name: str) -> None:
    """End the process of a training that has not begun yet, such as one that waits for a download."""
    process = _started.get((project, name))
    if process is not None and process.poll() is None:
        process.terminate()


def read_words(project: Path, name: str) -> str:
    """The last lines that a training wrote, or nothing."""
    return read_log_tail(project, _log_name(name))


def _log(project: Path, name: str) -> Path:
    return log_file(project, _log_name(name))


def _log_name(name: str) -> str:
    return f"train-{name}"
