"""Start a run as a process of its own. Knows no Streamlit."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core.settings.run import RunSettings
from ui.work.processes import CLI, OwnProcesses

RUNS = OwnProcesses()


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What the Run page asks for.

    ``bundle`` is empty for a first look; ``detector`` is a name or a path, empty for the usual one; ``boxes`` is a file
    of boxes to use instead of a detector; ``backbone`` and ``weights`` choose the encoder of a first look, empty for
    the usual one; ``deployments`` is a CSV that names each photo's camera; ``resume`` is the run to go on with, and
    needs nothing else but the project.
    """

    project: Path
    name: str
    folder: Path | None = None
    bundle: str = ""
    detector: str = ""
    boxes: Path | None = None
    backbone: str = ""
    weights: str = ""
    deployments: Path | None = None
    allow_code: bool = False
    settings: RunSettings | None = None
    resume: str = ""


def build_command(request: RunRequest, *, settings_file: Path | None, python: str = sys.executable) -> list[str]:
    """The command line of a run, the same that a person would type."""
    command = [python, str(CLI), "run", "--project", str(request.project.absolute()), "--json"]
    if request.allow_code:
        command.append("--allow-code")
    if request.resume:
        return [*command, "--resume", request.resume]
    command += ["--name", request.name]
    command += ["--bundle", request.bundle] if request.bundle else ["--first-look"]
    named = {
        "--detector": request.detector,
        "--boxes": request.boxes,
        "--backbone": request.backbone,
        "--backbone-weights": request.weights,
        "--deployments": request.deployments,
        "--settings-file": settings_file,
    }
    for option, value in named.items():
        if value:
            command += [option, str(value.absolute() if isinstance(value, Path) else value)]
    # After --, a folder whose name starts with a dash is still a folder.
    return [*command, "--", str(request.folder.absolute())] if request.folder is not None else command


def start_run(request: RunRequest, *, python: str = sys.executable) -> subprocess.Popen[bytes]:
    """Start the run and return at once; its progress is read from its folder.

    Raises:
        OSError: If it cannot be started.
    """
    name = request.resume or request.name
    settings_file = None
    if request.settings is not None and not request.resume:
        settings_file = RUNS.keep_settings(request.project, name, request.settings.to_values())
    return RUNS.start(request.project, name, build_command(request, settings_file=settings_file, python=python))
