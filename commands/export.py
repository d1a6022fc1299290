"""``cli.py export``: reviewed anomalies, or other crops, to a file that others can use."""

import argparse
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE, FAILED, SOME_PHOTOS_FAILED
from commands.options import open_project
from commands.progress_line import ProgressLine
from core.errors import AnomalureError
from core.export.formats.format import DEFAULT, list_formats
from core.study.project import Project

ABOUT = "write reviewed anomalies to a file"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", metavar="R", default="", help="default: the newest run that is done")
    parser.add_argument("--format", choices=tuple(list_formats()), default=DEFAULT)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--job", dest="kept_job", help=argparse.SUPPRESS)  # how the Export page starts it
    where.add_argument(
        "--out", type=Path, metavar="PATH", help="the file to write; for camtrap-dp a folder; NAME.zip packs all in one"
    )
    parser.add_argument(
        "--pictures", choices=("crops", "photos"), help="also a zip of the crops, or of the whole photos"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="write this file of labels as camtrap-dp or megadetector, rather than a run",
    )
    which = parser.add_argument_group("which crops")
    which.add_argument("--all", action="store_true", help="every crop, not only reviewed anomalies")
    which.add_argument(
        "--verdict",
        action="append",
        choices=("anomaly", "normal", "unsure", "undecided"),
        help="crops with this verdict; can be given again; default: anomaly",
    )
    which.add_argument("--species", action="append", default=[], metavar="S", help="can be given again")
    which.add_argument("--camera", action="append", default=[], metavar="C", help="a deployment; can be given again")
    which.add_argument("--reviewer", action="append", default=[], metavar="N", help="can be given again")
    which.add_argument("--from", dest="from_day", type=_to_day, metavar="DAY", help="first day, such as 2026-05-01")
    which.add_argument("--to", dest="to_day", type=_to_day, metavar="DAY", help="last day, itself included")
    which.add_argument("--selection", default="", metavar="NAME", help="a selection of the run, by its name or id")
    which.add_argument("--flagged", action="store_true", help="only flagged crops")
    which.add_argument("--whole-events", action="store_true", help="also the other photos of each event, empties too")
    which.add_argument(
        "--people",
        choices=("leave-out", "blur", "include"),
        default="leave-out",
        help="crops of people and vehicles, and people in pictures; default: leave-out",
    )
    package = parser.add_argument_group("camtrap-dp", "Kept in the project for the next export.")
    package.add_argument(
        "--places",
        type=Path,
        metavar="CSV",
        help="columns deployment, latitude, longitude; or deployments.csv of a package",
    )
    package.add_argument("--zone", metavar="ZONE", help="of the cameras' clocks: +02:00 or Europe/Berlin")
    package.add_argument("--title", help="default: the project's name")
    package.add_argument("--contributor", metavar="NAME")
    package.add_argument("--sampling-design", metavar="DESIGN", help="of Camtrap DP, such as simpleRandom")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Write it; exit code 3 if some pictures could not be read."""
    from core.export.choice import ExportChoice
    from core.export.files import convert_labels, write_export
    from core.export.package_facts import keep_facts, read_facts, read_places
    from core.export.pictures import Pictures
    from core.formats.recognise import read_labels
    from core.records import Decision
    from core.store.people import People

    if arguments.all and arguments.verdict:
        raise AnomalureError("--all exports every crop, whatever its verdict: give it or --verdict, not both.")
    project = open_project(arguments)
    if arguments.kept_job:
        return _finish_job(project, arguments.kept_job)
    choice = ExportChoice(
        run=arguments.run,
        verdicts=() if arguments.all else tuple(arguments.verdict or (str(Decision.ANOMALY),)),
        species=tuple(arguments.species),
        cameras=tuple(arguments.camera),
        reviewers=tuple(arguments.reviewer),
        from_day=arguments.from_day,
        to_day=arguments.to_day,
        selection=arguments.selection,
        flagged_only=arguments.flagged,
        whole_events=arguments.whole_events,
        people=People(arguments.people),
    )
    facts = None
    if list_formats()[arguments.format].needs_places:
        kept = read_facts(project.store)
        given = {
            name: value
            for name in ("title", "contributor", "zone", "sampling_design")
            if (value := getattr(arguments, name)) is not None
        }
        if arguments.places is not None:
            given["places"] = {**kept.places, **read_places(arguments.places)}
        facts = replace(kept, **given)
        if given:
            keep_facts(project.store, facts)
    if arguments.labels is not None:
        labels = read_labels(arguments.labels)
        return DONE, convert_labels(labels, arguments.out, format=arguments.format, facts=facts)
    with ProgressLine("rows and pictures") as line:
        report = write_export(
            project,
            choice,
            arguments.out,
            format=arguments.format,
            pictures=Pictures(arguments.pictures) if arguments.pictures else None,
            facts=facts,
            on_progress=line.show,
        )
    missing = report.pictures is not None and report.pictures.missing
    return (SOME_PHOTOS_FAILED if missing else DONE), report.to_values()


def _finish_job(project: Project, job_id: str) -> tuple[int, dict[str, Any]]:
    from core.export.jobs import find_job

    job = find_job(project.path, job_id)
    if job is None:
        raise AnomalureError(f"There is no export {job_id!r} in {project.path}.")
    report = job.run(project)
    return (DONE, report.to_values()) if report is not None else (FAILED, {"error": "The export was stopped."})


def _to_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a day such as 2026-05-01, got {text!r}") from error
