"""Start a run as a process of its own, so that it outlives the page, the tab and the dashboard. Knows no Streamlit."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.progress import Progress, is_last_word
from core.settings import RunSettings

CLI = Path(__file__).resolve().parent.parent / "cli.py"
LOG_TAIL_BYTES = 4_000
NICENESS = 10

# Processes that this dashboard started: whoever starts one must collect its end, or it stays behind as a zombie
# that looks alive.
_started: dict[str, subprocess.Popen[bytes]] = {}


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
        "--detector": request.detector, "--boxes": request.boxes, "--backbone": request.backbone,
        "--backbone-weights": request.weights, "--deployments": request.deployments,
        "--settings-file": settings_file}  # fmt: skip
    for option, value in named.items():
        if value:
            command += [option, str(value.absolute() if isinstance(value, Path) else value)]
    # After --, a folder whose name starts with a dash is still a folder.
    return [*command, "--", str(request.folder.absolute())] if request.folder is not None else command


def _write_settings(settings: RunSettings, folder: Path, *, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{name}.settings.json"
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8") as file:
        json.dump(settings.to_values(), file, indent=1)
    os.replace(file.name, place)
    return place


def log_file(project: Path, name: str) -> Path:
    """Where a run that was started from the dashboard writes what it has to say."""
    return project / "logs" / f"{name}.log"


def start_detached(
    command: list[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    is_waited_for: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a command that outlives the dashboard; what it prints goes to ``log``, over what was there.

    ``environment`` is added to this process's own. It gets what processor time the dashboard and the browser leave,
    unless somebody sits and waits for it (``is_waited_for``).

    Whoever starts one must collect its end, or it stays behind as a zombie that looks alive.

    Raises:
        OSError: If it cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        flags |= 0 if is_waited_for else subprocess.BELOW_NORMAL_PRIORITY_CLASS
        detached = {"creationflags": flags}
    with log.open("wb") as out:
        whole = None if environment is None else {**os.environ, **environment}
        process = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=out, cwd=CLI.parent, env=whole, **detached)
    if not is_waited_for:
        _step_back(process.pid)
    return process


def _step_back(pid: int) -> None:
    """Let others go first; where that cannot be had, the process works on as it is."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        # Linux shares the processor among sessions first, and this process has a session of its own.
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))


def start_run(request: RunRequest, *, python: str = sys.executable) -> subprocess.Popen[bytes]:
    """Start the run and return at once; its progress is read from its folder, its words from ``log_file``."""
    name = request.resume or request.name
    log = log_file(request.project, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    settings_file = None
    if request.settings is not None and not request.resume:
        settings_file = _write_settings(request.settings, log.parent, name=name)
    command = build_command(request, settings_file=settings_file, python=python)
    process = start_detached(command, log)
    _started[name] = process
    return process


def is_starting(name: str) -> bool:
    """Whether the process of this run, started by this dashboard, is alive; it may not have made its folder yet."""
    process = _started.get(name)
    return process is not None and process.poll() is None


def is_ending(name: str, progress: Progress | None) -> bool:
    """Whether the process of this run is alive, but has written its last word."""
    process = _started.get(name)
    return process is not None and process.poll() is None and is_last_word(progress, pid=process.pid)


def stop_starting(name: str) -> None:
    """End the process of a run that has not begun with its photos, such as one that waits for a download."""
    process = _started.get(name)
    if process is not None and process.poll() is None:
        process.terminate()


def has_ended(name: str, *, badly: bool = False) -> bool:
    """Whether the process of this run was started by this dashboard and has ended; ``badly``: with an error."""
    process = _started.get(name)
    code = None if process is None else process.poll()
    return code is not None and (not badly or code not in (0, 3))


def read_log_tail(project: Path, name: str) -> str:
    """The last lines that a run wrote, or nothing."""
    try:
        with log_file(project, name).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - LOG_TAIL_BYTES, 0))
            return file.read().decode("utf-8", errors="replace").strip()
    except OSError:
        return ""
