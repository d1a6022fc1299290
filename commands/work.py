"""``cli.py work``: do a piece of work whose request is in the project."""

import argparse
import queue
import sys
import threading
from typing import Any

from commands.exit_codes import DONE, FAILED, SOME_PHOTOS_FAILED
from commands.options import open_project
from commands.progress_line import ProgressLine
from core.errors import AnomalureError, WrongUsage
from core.work.claims import is_held

PATIENCE_S = 3_600.0

ABOUT = "do the work of this id, such as runs/spring, or resume it"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("id", nargs="?", metavar="ID", help="the folder of the work inside the project")
    parser.add_argument(
        "--shards",
        metavar="i/n",
        help="do a share of a run that was prepared, as worker i of n: its own shards, then what others have not begun",
    )
    parser.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")
    # The dashboard keeps a process ready with this: it loads the libraries of a kind, then reads the id from stdin.
    parser.add_argument("--wait", metavar="KIND", help=argparse.SUPPRESS)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Do it; exit code 3 if some photos failed."""
    from core.work.meter import Cancelled
    from models.jobs import registry

    if arguments.shards is not None:
        return _do_share(arguments)
    project = open_project(arguments)
    work_id = arguments.id
    if arguments.wait:
        getattr(registry.load_kind(arguments.wait), "load_libraries", lambda: None)()
        work_id = _wait_for_id()
        if not work_id:
            return DONE, {}
    if not work_id:
        raise WrongUsage("Give the id of the work, such as runs/spring.")
    with ProgressLine("photos", quiet=True) as line:  # the dashboard reads the progress from the project
        try:
            result = registry.do(project, work_id, allow_code=arguments.allow_code, on_progress=line.show_progress)
        except Cancelled:
            return FAILED, {"error": "Cancelled; what was finished is kept."}
    code = SOME_PHOTOS_FAILED if registry.is_flawed(project, work_id, result) else DONE
    return code, {"work": work_id, **(result or {})}


def _do_share(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Do a share of a run, and if no shard is left then, what needs all of them; exit code 1 if a shard failed."""
    from core.runs.worker import Share
    from core.study.project import Project
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.workers.worker import do_share_of, is_ready_to_finish, open_prepared

    share = Share.read(arguments.shards)
    if not arguments.id:
        raise WrongUsage("Give the id of the run, such as runs/spring.")
    # Not open_project: workers on many computers would wait for each other at the database, which they do not need.
    project = Project(arguments.project)
    run_id = str(arguments.id).removeprefix("runs/").rstrip("/")
    with ProgressLine("photos", quiet=True) as line:
        how: dict[str, Any] = {"allow_code": arguments.allow_code, "on_progress": line.show_progress}
        try:
            result = {"work": f"runs/{run_id}", **do_share_of(project, run_id, share, **how)}
            run = open_prepared(project, run_id)
            if is_ready_to_finish(run) and not is_held(run.written.finish_path):
                try:
                    result = {**result, **registry.do(project, f"runs/{run_id}", **how)}
                except AnomalureError:
                    if not is_held(run.written.finish_path):  # else another worker found the last shard done, too
                        raise
        except Cancelled:
            return FAILED, {"error": "The run was cancelled; what was finished is kept."}
    if "complete" in result:
        return (SOME_PHOTOS_FAILED if registry.is_flawed(project, f"runs/{run_id}", result) else DONE), result
    failed = run.written.list_failures()
    if failed and run.list_left():
        return FAILED, {**result, "error": f"Shard {failed[0].shard} could not be done. {failed[0].message}"}
    return DONE, result


def _wait_for_id() -> str:
    """The id that the dashboard writes; empty if the dashboard ended or gave no work for an hour."""
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: lines.put(sys.stdin.readline()), daemon=True).start()
    try:
        return lines.get(timeout=PATIENCE_S).strip()
    except queue.Empty:
        return ""
