"""``cli.py start``: a first run, and the dashboard."""

import argparse
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from commands.exit_codes import DONE
from commands.options import PROJECT_VARIABLE, SAMPLE_RUN, open_project
from commands.plain_result import print_plainly
from commands.progress_line import ProgressLine
from core.disk.names import expand_home
from core.errors import AnomalureError, WrongUsage

if TYPE_CHECKING:
    from core.runs.folder import RunFolder

ROOT = Path(__file__).resolve().parent.parent
END_S = 10.0
"""How long the dashboard may take to end before it is killed."""

log = logging.getLogger("anomalure")

ABOUT = "make the dashboard ready and open it; what make run does"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--folder",
        type=Path,
        help="photos of your own; default: what the project has, or the sample season if the project is new",
    )
    parser.add_argument(
        "--detector",
        default="",
        metavar="NAME_OR_PATH",
        help="of the run of --folder; default: the compact MegaDetector 6, which is downloaded",
    )
    parser.add_argument("--port", type=int, default=8501)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Make sure that there is something to look at, and start the dashboard."""
    project = expand_home(arguments.project).absolute()
    options = ["--server.port", str(arguments.port), "--server.showEmailPrompt", "false"]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]
    environment = {**os.environ, PROJECT_VARIABLE: str(project)}

    def say() -> None:
        from core.runs.folder import describe_run

        run = make_ready(arguments)
        if run is not None:
            print_plainly(describe_run(run))
        log.info("The dashboard is at http://localhost:%d; stop it with Ctrl+C.", arguments.port)

    if arguments.folder is None and not arguments.detector and is_made(project):
        code = serve(command, environment, meanwhile=say)  # reading the project takes as long as starting the server
    else:
        say()
        code = serve(command, environment)
    if code > 0:
        raise AnomalureError(
            f"The dashboard ended with code {code}. If another program uses port {arguments.port}, choose another: "
            "make run PORT=8502, or --port 8502."
        )
    return DONE, {"project": str(project)}


def is_made(project: Path) -> bool:
    """Whether a project surely has something to look at, so that nothing need be made before the dashboard starts."""
    from core.work.folder import WorkFolder
    from core.work.progress import Phase

    runs = project / "runs"
    if (runs / SAMPLE_RUN).is_dir():
        progress = WorkFolder(runs / SAMPLE_RUN).read_progress()
        return progress is not None and progress.phase is Phase.DONE
    return runs.is_dir() and any(path.is_dir() for path in runs.iterdir())


def make_ready(arguments: argparse.Namespace) -> "RunFolder | None":
    """The run to look at first; None if the project has none that can be read.

    The sample season is drawn only into a project that holds nothing else.
    """
    from commands.first_steps import has_own_work, make_folder_ready, make_sample_ready

    project = open_project(arguments)
    if arguments.detector and arguments.folder is None:
        raise WrongUsage("--detector is for a run of your own photos: give --folder as well.")
    with ProgressLine("photos") as line:
        if arguments.folder is not None:
            return make_folder_ready(
                project, arguments.folder, detector=arguments.detector, on_progress=line.show_progress
            )
        if has_own_work(project):
            log.info("Opening the project %s as it is.", project.path)
            return project.latest_run()
        return make_sample_ready(project, ROOT / "data" / "sample", on_photos=line.show, on_progress=line.show_progress)


def serve(command: Sequence[str], environment: dict[str, str], *, meanwhile: Callable[[], None] = lambda: None) -> int:
    """Run the dashboard's server until it ends; its exit code. What is done ``meanwhile`` may raise: then it ends, too.

    When this process is told to end, or is killed, the server ends, too: it watches the pipe to its stdin.
    """
    from core.work.starter import VARIABLE

    server = subprocess.Popen(command, env={**environment, VARIABLE: "1"}, cwd=ROOT, stdin=subprocess.PIPE)
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    try:
        meanwhile()
        return server.wait()
    except KeyboardInterrupt:
        return DONE
    finally:
        _end_server(server)


def _end(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _end_server(server: "subprocess.Popen[bytes]") -> None:
    if server.stdin is not None:
        server.stdin.close()
    try:
        server.wait(END_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
