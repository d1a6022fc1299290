"""``cli.py export``: reviewed anomalies, or other crops, to a file that others can use."""

import argparse
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, FAILED, SOME_PHOTOS_FAILED
from commands.options import open_project
from commands.progress_line import ProgressLine
from core.errors import CannotBegin, NotNow, StoreBusy, WrongUsage, did_you_mean

if TYPE_CHECKING:
    from core.export.choice import ExportChoice
    from core.export.package_facts import PackageFacts
    from core.study.project import Project
    from core.work.progress import Progress

REVIEWED = "anomaly"
"""The verdict of the crops that are exported if nothing else is asked for."""

log = logging.getLogger("anomalure")

ABOUT = "write reviewed anomalies to a file"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from core.export.formats.format import DEFAULT, list_formats

    parser.add_argument("--run", metavar="R", default="", help="default: the newest run that is done")
    parser.add_argument("--format", choices=tuple(list_formats()), default=DEFAULT)
    where = parser.add_mutually_exclusive_group(required=True)
    # The previous version's page started exports with this; accepted for one release, see ``cli.py work``.
    where.add_argument("--job", dest="kept_job", help=argparse.SUPPRESS)
    where.add_argument(
        "--out", type=Path, metavar="PATH", help="the file to write; for camtrap-dp a folder, or NAME.zip for one file"
    )
    parser.add_argument(
        "--pictures", choices=("crops", "photos"), help="also write a zip of the crops, or of the whole photos"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="write this file of labels instead of a run, as camtrap-dp or megadetector",
    )
    which = parser.add_argument_group("which crops")
    which.add_argument("--all", action="store_true", help="every crop, not only reviewed anomalies")
    which.add_argument(
        "--verdict",
        action="append",
        choices=("anomaly", "normal", "unsure", "undecided"),
        help="only crops with this verdict; can be repeated; default: anomaly",
    )
    which.add_argument("--species", action="append", default=[], metavar="S", help="can be repeated")
    which.add_argument(
        "--camera", action="append", default=[], metavar="C", help="only crops of this deployment; can be repeated"
    )
    which.add_argument("--reviewer", action="append", default=[], metavar="N", help="can be repeated")
    which.add_argument("--from", dest="from_day", type=_to_day, metavar="DAY", help="first day, such as 2026-05-01")
    which.add_argument("--to", dest="to_day", type=_to_day, metavar="DAY", help="last day, which is included")
    which.add_argument("--selection", default="", metavar="NAME", help="a selection of the run, by its name or id")
    which.add_argument("--flagged", action="store_true", help="only flagged crops")
    which.add_argument(
        "--whole-events", action="store_true", help="also the other photos of each event, including empty ones"
    )
    which.add_argument(
        "--people",
        choices=("leave-out", "blur", "include"),
        default="leave-out",
        help="what to do with crops of people and vehicles, and with people in pictures; default: leave-out",
    )
    package = parser.add_argument_group("camtrap-dp", "These are kept in the project for the next export.")
    package.add_argument(
        "--places",
        type=Path,
        metavar="CSV",
        help="columns deployment, latitude, longitude, and start and end if known; or deployments.csv of a package",
    )
    package.add_argument(
        "--zone", metavar="ZONE", help="of the cameras' clocks, which the format demands: +02:00, Europe/Berlin or UTC"
    )
    package.add_argument(
        "--species-names",
        type=Path,
        metavar="CSV",
        help="columns species, scientific_name, and language (eng, deu, ...) if wanted",
    )
    package.add_argument("--title", help="default: the project's name")
    package.add_argument("--contributor", metavar="NAME")
    package.add_argument("--sampling-design", metavar="DESIGN", help="of Camtrap DP, such as simpleRandom")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Write it; exit code 3 if some pictures could not be read."""
    from core.export.choice import ExportChoice
    from core.export.files import convert_labels, write_export
    from core.export.formats.format import find_format
    from core.export.jobs import ExportJob, make_request
    from core.export.package_facts import read_facts
    from core.export.pictures import Pictures
    from core.formats.recognise import read_labels
    from core.store.people import People
    from models.guesses.names import find_own_names
    from models.jobs import registry

    if arguments.all and arguments.verdict:
        raise WrongUsage("--all exports every crop, whatever its verdict: give it or --verdict, not both.")
    project = open_project(arguments)
    if arguments.kept_job:
        with ExitStack() as stack:
            return _export(stack, lambda tell: registry.do(project, f"exports/{arguments.kept_job}", on_progress=tell))
    choice = ExportChoice(
        run=arguments.run,
        verdicts=() if arguments.all else tuple(arguments.verdict or (REVIEWED,)),
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
    facts = _keep_facts(project, arguments) if find_format(arguments.format).needs_places else None
    if arguments.labels is not None:
        labels = read_labels(arguments.labels)
        facts = facts or read_facts(project.store)
        return DONE, convert_labels(labels, arguments.out, format=arguments.format, facts=facts)
    pictures = Pictures(arguments.pictures) if arguments.pictures else None
    request = make_request(project, choice, format=arguments.format, pictures=pictures, out=arguments.out.absolute())
    try:
        with ExitStack() as stack:
            # The Export page shows the work while it is written; the project keeps no work for files elsewhere.
            stack.callback(lambda: ExportJob(project.path / request.work_id).delete())
            code, report = _export(stack, lambda tell: registry.do_at_once(project, request, on_progress=tell))
    except CannotBegin:  # a project that may only be read
        done = write_export(
            project,
            choice,
            arguments.out.absolute(),
            format=arguments.format,
            pictures=pictures,
            facts=facts,
            name_guesses=find_own_names,
        )
        report = done.to_values()
        code = SOME_PHOTOS_FAILED if report.get("pictures_missing") else DONE
    if report.get("rows") == 0:
        report["notes"].append(_say_empty(project, choice))
        log.warning("%s", report["notes"][-1])
    return code, report


def _say_empty(project: "Project", choice: "ExportChoice") -> str:
    """Why an export has no rows, and what to do."""
    run = project.run(choice.run) if choice.run else project.latest_run()
    index = project.review_index(run) if run is not None else None
    for what, asked, column in (("species", choice.species, "species"), ("camera", choice.cameras, "deployment")):
        known = index.names(column) if index is not None else []
        for name in asked:
            if name not in known:
                return f"The file has no rows: no crop of this run has the {what} {name}.{did_you_mean(name, known)}"
    if choice.verdicts == (REVIEWED,):
        return "The file has no rows: no crop that fits has been accepted as an anomaly. --all exports every crop."
    return "The file has no rows: no crop fits these options."


def _export(
    stack: ExitStack, do: "Callable[[Callable[[Progress], None]], dict[str, Any]]"
) -> tuple[int, dict[str, Any]]:
    from core.work.meter import Cancelled

    line = stack.enter_context(ProgressLine("rows and pictures"))
    try:
        report = do(line.show_progress)
    except Cancelled:
        return FAILED, {"error": "The export was stopped."}
    return (SOME_PHOTOS_FAILED if report.get("pictures_missing") else DONE), report


def _keep_facts(project: "Project", arguments: argparse.Namespace) -> "PackageFacts":
    """The options about the package, which are kept for the next export, too, unless the project may only be read."""
    from core.export.package_facts import keep_facts, read_facts, read_places
    from core.export.species_list import read_species_table

    kept = read_facts(project.store)
    names = ("title", "contributor", "zone", "sampling_design")
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if arguments.places is not None:
        given["places"] = {**kept.places, **read_places(arguments.places)}
    if arguments.species_names is not None:
        given["species_names"] = {**kept.species_names, **read_species_table(arguments.species_names)}
    facts = replace(kept, **given)
    if given:
        try:
            keep_facts(project.store, facts)
        except StoreBusy:
            raise
        except NotNow:
            log.warning("These facts are not kept for the next export, because nothing can be written in the project.")
    return facts


def _to_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a day such as 2026-05-01, got {text!r}") from error
