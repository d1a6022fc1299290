"""Start a detector's training as a process of its own. Knows no Streamlit."""

import sys
from dataclasses import dataclass
from pathlib import Path

from core.settings.detector import DetectorSettings
from ui.work.processes import CLI, OwnProcesses

TEACHINGS = OwnProcesses("detector-")


@dataclass(frozen=True, kw_only=True)
class DetectorAsked:
    """What the Train page asks for; ``resume`` needs nothing else but the project and the name."""

    project: Path
    name: str
    images: Path | None = None
    labels: Path | None = None
    species: Path | None = None
    split: str | None = None
    start: str = ""
    allow_code: bool = False
    by_species: bool = False
    settings: DetectorSettings | None = None
    resume: bool = False


def build_command(asked: DetectorAsked, *, python: str = sys.executable) -> list[str]:
    """The command line, the same that a person would type; writes the file of settings that it names."""
    command = [python, str(CLI), "detector", "--project", str(asked.project.absolute()), "--json"]
    if asked.resume:
        return [*command, f"--resume={asked.name}"]
    assert asked.images is not None
    command += [f"--name={asked.name}", f"--images={asked.images.absolute()}", f"--start={asked.start}"]
    for option, path in (("coco", asked.labels), ("labels", asked.species)):
        if path is not None:
            command.append(f"--{option}={path.absolute()}")
    if asked.split is not None:
        command.append(f"--split={asked.split}")
    command += ["--allow-code"] * asked.allow_code + ["--by-species"] * asked.by_species
    if asked.settings is not None:
        place = TEACHINGS.keep_settings(asked.project, asked.name, asked.settings.to_values())
        command.append(f"--training-file={place}")
    return command


def start_teaching(asked: DetectorAsked, *, python: str = sys.executable) -> None:
    """Start it and return at once; its progress is read from its folder.

    Raises:
        OSError: If it cannot be started.
    """
    TEACHINGS.start(asked.project, asked.name, build_command(asked, python=python))
