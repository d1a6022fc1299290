"""``cli.py start``: a first run, and the dashboard."""

import argparse
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from commands.exit_codes import DONE
from commands.options import PROJECT_VARIABLE, open_project
from commands.plain_result import print_plainly
from commands.progress_line import ProgressLine
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
    from core.runs.folder import describe_run

    run = make_ready(arguments)
    if run is not None:
        print_plainly(describe_run(run))
    log.info("The dashboard is at http://localhost:%d; stop it with Ctrl+C.", arguments.port)
    options = ["--server.port", str(arguments.port), "--server.showEmailPrompt", "false"]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]
    project = open_project(arguments)
    code = serve(command, {**os.environ, PROJECT_VARIABLE: str(project.path)})
    if code > 0:
        raise AnomalureError(
            f"The dashboard ended with code {code}. If another program uses port {arguments.port}, choose another: "
            "make run PORT=8502, or --port 8502."
        )
    return DONE, {"project": str(project.path)}


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


def serve(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run the dashboard's server until it ends; its exit code.

    When this process is told to end, or is killed, the server ends, too: it watches the pipe to its stdin.
    """
    from core.work.starter import VARIABLE

    server = subprocess.Popen(command, env={**environment, VARIABLE: "1"}, cwd=ROOT, stdin=subprocess.PIPE)
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    try:
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
