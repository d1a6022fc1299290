"""``cli.py localize``: where a photo is odd: a patch that is a little brighter than its surroundings."""

import argparse
import math
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE, FAILED, SOME_PHOTOS_FAILED
from commands.options import add_job, open_project
from commands.progress_line import SHARES, ProgressLine
from core.errors import AnomalureError, WrongUsage
from core.settings.localize import LOCALIZE_SETTINGS, LocalizeSettings
from core.work.progress import SHARE, Phase, Progress

ABOUT = "make subtle anomalies in photos, and learn to find where a photo is odd"
MOST_SHOWN = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command: each of its jobs has its own."""
    from core.squares.square import SquareSettings
    from models.localize.methods import HEAT_MAP, METHODS

    jobs = parser.add_subparsers(dest="localize_job", metavar="make|train|evaluate|score", required=True)
    make = add_job(jobs, "make", "copy photos, each with a square that is a little brighter, and write where it is")
    make.set_defaults(job=_make)
    make.add_argument("folder", type=Path, metavar="FOLDER", help="the photos; they are left as they are")
    make.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder for the copies and labels.csv"
    )
    usual = SquareSettings()
    make.add_argument(
        "--radius",
        type=int,
        nargs="+",
        default=[usual.least_r, usual.most_r],
        metavar="PX",
        help=f"half the side of the square, or the least and the largest; default: {usual.least_r} {usual.most_r}",
    )
    make.add_argument(
        "--ratio",
        type=float,
        nargs="+",
        default=[usual.least_ratio, usual.most_ratio],
        metavar="RATIO",
        help=f"its brightness, 1.1 is 10%% more, or a range; default: {usual.least_ratio} {usual.most_ratio}",
    )
    make.add_argument("--seed", type=int, default=0, help="another seed makes other squares")

    train = add_job(jobs, "train", "make a heat-map model that learns from squares made in these photos")
    train.set_defaults(job=_train)
    train.add_argument("--name", required=True, help="the name of the new model, which is kept in the project")
    train.add_argument("--images", type=Path, required=True, metavar="DIR", help="the folder of photos")
    train.add_argument(
        "--labels",
        type=Path,
        metavar="FILE.csv",
        help="the squares that the photos already carry; default: none, the photos are normal",
    )
    _add_settings(train)

    evaluate = add_job(jobs, "evaluate", "how far the found centres are from the true ones, cross-validated")
    evaluate.set_defaults(job=_evaluate)
    evaluate.add_argument("--images", type=Path, required=True, metavar="DIR", help="photos with squares")
    evaluate.add_argument("--labels", type=Path, required=True, metavar="FILE.csv", help="where the squares are")
    evaluate.add_argument(
        "--name", metavar="MODEL", help="measure this model of the project as it is, instead of training in folds"
    )
    evaluate.add_argument(
        "--method",
        nargs="+",
        choices=METHODS,
        default=[HEAT_MAP],
        help=f"{HEAT_MAP} (default), the five published networks, or always the middle of the photo (constant)",
    )
    evaluate.add_argument("--folds", type=int, default=5, help="default: 5")
    evaluate.add_argument("--epochs", type=int, default=20, help="of the published networks; default: 20")
    _add_settings(evaluate)

    score = add_job(jobs, "score", "find the most odd place of each photo of a folder")
    score.set_defaults(job=_score)
    score.add_argument("folder", type=Path, metavar="FOLDER", help="the photos to look through")
    score.add_argument("--name", required=True, metavar="MODEL", help="the heat-map model")
    score.add_argument("--out", type=Path, metavar="FILE.csv", help="write all places as a table")
    score.add_argument("--drawn", type=Path, metavar="DIR", help="also draw each photo with its heat map")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Each of its jobs has a function of its own."""
    raise WrongUsage("Say what to do: make, train, evaluate or score.")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    for setting in LOCALIZE_SETTINGS:
        parser.add_argument(
            "--" + setting.name.removeprefix("localize_").replace("_", "-"),
            dest=setting.name,
            type=type(setting.default),
            default=setting.default,
            help=f"{setting.help} Default: {setting.default}.".replace("%", "%%"),
        )


def _read_settings(arguments: argparse.Namespace) -> LocalizeSettings:
    return LocalizeSettings.from_values({one.name: getattr(arguments, one.name) for one in LOCALIZE_SETTINGS})


def _make(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.squares.making import make_squares
    from core.squares.square import SquareSettings

    for name in ("radius", "ratio"):
        if len(getattr(arguments, name)) > 2:
            raise WrongUsage(f"--{name} takes one number, or the least and the largest.")
    settings = SquareSettings(
        least_r=arguments.radius[0],
        most_r=arguments.radius[-1],
        least_ratio=arguments.ratio[0],
        most_ratio=arguments.ratio[-1],
    )
    with ProgressLine("photos") as line:
        made = make_squares(
            arguments.folder, arguments.out, settings=settings, seed=arguments.seed, on_progress=line.show
        )
    return SOME_PHOTOS_FAILED if made.too_small or made.failures else DONE, {
        "out": str(made.folder),
        "table": str(made.table),
        "photos": len(made.squares),
        "too_small": len(made.too_small),
        "failed": len(made.failures),
        "failures": [
            *({"file_name": name, "why": "smaller than the square"} for name in made.too_small[:MOST_SHOWN]),
            *({"file_name": name, "why": why} for name, why in made.failures[:MOST_SHOWN]),
        ],
    }


def _train(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.localize import LocalizeRequest, is_flawed

    request = LocalizeRequest(
        name=arguments.name, photos=arguments.images, labels=arguments.labels, settings=_read_settings(arguments)
    )
    project = open_project(arguments)
    with ProgressLine("steps") as line:
        try:
            result = registry.do_at_once(project, request, on_progress=line.show_progress)
        except Cancelled:
            return FAILED, {
                "error": f"Cancelled; there is no model yet. Continue with: python cli.py work {request.work_id}"
            }
    return SOME_PHOTOS_FAILED if is_flawed(result) else DONE, result


def _evaluate(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.localize.comparing import cross_validate, find_with, measure_carried
    from models.localize.photos import find_photo_set

    photos = find_photo_set(arguments.images, arguments.labels)
    rows = []
    if arguments.name is not None:
        model = _load(arguments)
        with ProgressLine("photos") as line:
            measured = measure_carried(find_with(model), photos, on_step=line.show)
        rows.append({"method": arguments.name, **measured.summarise()})
    else:
        settings = _read_settings(arguments)
        for method in arguments.method:
            with ProgressLine(SHARES) as line:

                def follow(done: int, total: int, line: ProgressLine = line, method: str = method) -> None:
                    line.show_progress(
                        Progress(phase=Phase.TRAINING, message=method, done=done, total=total, unit=SHARE)
                    )

                measured = cross_validate(
                    photos, method, settings, n_folds=arguments.folds, epochs=arguments.epochs, on_step=follow
                )
            rows.append({"method": method, **measured.summarise()})
    n_failed = photos.n_without_row + len(photos) - min(int(row["n"]) for row in rows)
    return SOME_PHOTOS_FAILED if n_failed else DONE, {
        "photos": len(photos),
        "without_row": photos.n_without_row,
        "failed": n_failed - photos.n_without_row,
        "methods": rows,
    }


def _score(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.localize.looking import look_through, write_places

    model = _load(arguments)
    with ProgressLine("photos") as line:
        found = look_through(model, arguments.folder, drawn=arguments.drawn, on_progress=line.show)
    if arguments.out:
        write_places(found.places, arguments.out)
    return SOME_PHOTOS_FAILED if found.failures else DONE, {
        "model": arguments.name,
        "photos": len(found.places),
        "failed": len(found.failures),
        "out": str(arguments.out or ""),
        "drawn": len(found.places) if arguments.drawn else 0,
        "places": [
            {"file_name": one.file_name, "row": one.row, "column": one.column, "r": one.r, "score": one.score}
            | ({} if one.p_value is None or math.isnan(one.p_value) else {"p_value": one.p_value})
            for one in found.places[: None if arguments.json else MOST_SHOWN]
        ],
        "failures": [{"file_name": name, "why": why} for name, why in found.failures[:MOST_SHOWN]],
    }


def _load(arguments: argparse.Namespace) -> Any:
    from models.jobs.localize import LocalizeRequest
    from models.localize.heat_map import FACTS, HeatMapModel

    room = open_project(arguments).path / LocalizeRequest.room
    known = sorted(path.parent.name for path in room.glob(f"*/{FACTS}"))
    if arguments.name not in known:
        raise AnomalureError(
            f"There is no heat-map model named {arguments.name}. There are: {', '.join(known) or 'none yet'}."
        )
    return HeatMapModel.load(room / arguments.name)
