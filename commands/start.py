"""``cli.py start``: a first run, and the dashboard."""

import argparse
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE
from commands.options import PROJECT_VARIABLE, open_project
from commands.plain_result import print_plainly
from commands.progress_line import ProgressLine
from core.errors import AnomalureError
from core.runs.folder import describe_run

ROOT = Path(__file__).resolve().parent.parent

log = logging.getLogger("anomalure")

ABOUT = "make the dashboard ready and open it; what make run does"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--folder", type=Path, help="photos of your own; default: the sample season")
    parser.add_argument("--port", type=int, default=8501)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Make sure that there is something to look at, and start the dashboard."""
    from models.jobs.first_steps import make_folder_ready, make_sample_ready

    project = open_project(arguments)
    with ProgressLine("photos") as line:
        if arguments.folder is None:
            run = make_sample_ready(
                project, ROOT / "data" / "sample", on_photos=line.show, on_progress=line.show_progress
            )
        else:
            run = make_folder_ready(project, arguments.folder, on_progress=line.show_progress)
    print_plainly(describe_run(run))
    log.info("The dashboard is at http://localhost:%d; stop it with Ctrl+C.", arguments.port)
    environment = {**os.environ, PROJECT_VARIABLE: str(project.path)}
    options = ["--server.port", str(arguments.port), "--server.showEmailPrompt", "false"]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]
    try:
        code = subprocess.call(command, env=environment, cwd=ROOT)
    except KeyboardInterrupt:
        code = DONE
    if code > 0:
        raise AnomalureError(
            f"The dashboard ended with code {code}. If another program uses port {arguments.port}, choose another: "
            "make run PORT=8502, or --port 8502."
        )
    return DONE, {"project": str(project.path)}
