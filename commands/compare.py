"""``cli.py compare``: which encoder and one-class model are best on labelled photos of one's own."""

import argparse
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import add_label_source, add_settings, open_project, read_settings
from commands.progress_line import ProgressLine
from core.errors import WrongUsage

ABOUT = "compare encoders and one-class models on labelled photos, each species unknown in turn"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from models.jobs.compare import MOST_CROPS, USUAL_ONE_CLASS
    from models.one_class.methods import list_one_class

    parser.add_argument("--name", help="the name of the comparison; default: the date")
    add_label_source(parser, required=False)
    parser.add_argument("--split", help="only the photos of this split of the labels")
    parser.add_argument(
        "--encoder",
        action="append",
        metavar="NAME",
        help="an encoder as of train --backbone; NAME=FILE.safetensors with weights of a file; NAME+detector:DETECTOR "
        "with the features of a detector; may be repeated; default: those that are on this computer",
    )
    parser.add_argument(
        "--one-class",
        action="append",
        choices=tuple(list_one_class()),
        help=f"a one-class model; may be repeated; default: {', '.join(USUAL_ONE_CLASS)}",
    )
    parser.add_argument("--folds", type=int, default=3, metavar="N", help="parts that events are divided into (3)")
    parser.add_argument(
        "--most-crops",
        type=int,
        default=MOST_CROPS,
        metavar="N",
        help=f"crops of a species at most, drawn by whole events ({MOST_CROPS})",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--resume", metavar="NAME", help="resume a comparison that ended too early")
    parser.add_argument(
        "--make-default",
        nargs="?",
        const=1,
        type=int,
        metavar="PLACE",
        help="make the row at this place of the table (default: 1, the best) what new bundles of the project are made "
        "with; together with --of also later",
    )
    parser.add_argument("--of", metavar="NAME", help="a comparison that is done, for --make-default")
    parser.add_argument("--no-default", action="store_true", help="take the project's choice back")
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Compare, and keep what was chosen."""
    from core.study.defaults import write_bundle_defaults
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.compare import CompareRequest

    project = open_project(arguments)
    if arguments.no_default:
        write_bundle_defaults(project.path, None)
        return DONE, {"default": None}
    if arguments.of:
        if arguments.make_default is None:
            raise WrongUsage("Say --make-default with --of.")
        return DONE, {"default": _make_default(arguments, arguments.of)}
    try:
        with ProgressLine("models") as line:
            if arguments.resume:
                name = arguments.resume
                result = registry.resume_at_once(
                    project, f"{CompareRequest.room}/{name}", on_progress=line.show_progress
                )
            else:
                if arguments.images is None:
                    raise WrongUsage("Give --images, or --resume and the comparison to resume.")
                name = arguments.name or _suggest_name(arguments)
                request = CompareRequest(
                    name=name,
                    images=arguments.images,
                    labels=arguments.coco,
                    species=arguments.labels,
                    split=arguments.split,
                    encoders=tuple(arguments.encoder or ()),
                    one_class=tuple(arguments.one_class or ()),
                    folds=arguments.folds,
                    most_crops=arguments.most_crops,
                    seed=arguments.seed,
                    settings=read_settings(arguments),
                )
                result = registry.do_at_once(project, request, on_progress=line.show_progress)
    except Cancelled:
        return FAILED, {"error": "The comparison was cancelled; resume it with --resume."}
    if arguments.make_default is not None:
        result["default"] = _make_default(arguments, name)
    if not arguments.json:
        result["rows"] = [_shorten(row) for row in result["rows"]]
    return DONE, result


def _suggest_name(arguments: argparse.Namespace) -> str:
    from datetime import datetime

    from models.jobs.compare import CompareRequest

    project = open_project(arguments)
    return project.suggest_name(f"{datetime.now():%Y-%m-%d}", project.path / CompareRequest.room)


def _make_default(arguments: argparse.Namespace, name: str) -> dict[str, str]:
    from models.jobs.compare import choose_default

    project = open_project(arguments)
    chosen = choose_default(project, name, arguments.make_default)
    return {"encoder": chosen.encoder, "one_class": chosen.one_class, "comparison": chosen.comparison}


def _shorten(row: dict[str, Any]) -> dict[str, Any]:
    """A row for people: the interval in one piece, and only what one chooses by."""
    low, high = row["auroc_low"], row["auroc_high"]
    return {
        "encoder": row["encoder"],
        "one_class": row["one_class"],
        "auroc": f"{row['auroc']:.3f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})"),
        "worst": f"{row['worst_auroc']:.3f} ({row['worst_species']})",
        "review_at_95": f"{row['review_at_95']:.0%}",
        "false_alarms": f"{row['false_alarm_rate']:.1%}",
        "ms_per_crop": f"{1000 * row['seconds_per_crop']:.1f}",
        "size_mb": "not known" if row["size_mb"] is None else f"{row['size_mb']:.1f}",
        "as good as the best": _say_standing(row),
    }


def _say_standing(row: dict[str, Any]) -> str:
    if row["place"] == 1:
        return "best"
    return {True: "cannot be told", False: "no", None: "not known"}[row["as_good_as_best"]]
