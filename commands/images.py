"""``cli.py images``: which images of a folder are unlike those of a folder of normal images."""

import argparse
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE, FAILED, SOME_PHOTOS_FAILED
from commands.options import add_job, open_project, read_seed
from commands.progress_line import ProgressLine
from core.errors import AnomalureError, WrongUsage
from core.settings.images import IMAGE_SETTINGS, ImageSettings

ABOUT = "learn what normal images look like as a whole, and answer 1 (inlier) or -1 (outlier) for others"
MOST_SHOWN = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command: each of its jobs has its own."""
    from models.images.descriptors.descriptor import list_descriptors
    from models.jobs.images import DESCRIPTOR, ONE_CLASS
    from models.one_class.methods import list_one_class

    jobs = parser.add_subparsers(dest="images_job", metavar="train|score", required=True)
    train = add_job(jobs, "train", "make a model of a folder of normal images")
    train.set_defaults(job=_train)
    train.add_argument("--name", required=True, help="the name of the new model, which is kept in the project")
    train.add_argument("--normal", type=Path, required=True, metavar="DIR", help="the folder of normal images")
    descriptors = list_descriptors()
    train.add_argument(
        "--descriptor",
        choices=tuple(descriptors),
        default=DESCRIPTOR,
        help=" ".join(f"{name}: {one.about}" for name, one in descriptors.items()) + f" Default: {DESCRIPTOR}.",
    )
    train.add_argument("--one-class", choices=tuple(list_one_class()), default=ONE_CLASS, help=f"default: {ONE_CLASS}")
    for setting in IMAGE_SETTINGS:
        train.add_argument(
            "--" + setting.name.replace("_", "-"),
            type=type(setting.default),
            default=setting.default,
            choices=setting.choices or None,
            help=f"{setting.help} Default: {setting.default}.".replace("%", "%%"),
        )
    train.add_argument("--seed", type=read_seed, default=0)

    score = add_job(jobs, "score", "answer for each image of a folder")
    score.set_defaults(job=_score)
    score.add_argument("folder", type=Path, metavar="FOLDER", help="the images to answer for")
    score.add_argument("--name", required=True, metavar="MODEL", help="the model of images")
    score.add_argument("--false-alarm-rate", type=float, metavar="RATE", help="default: that of the model")
    score.add_argument("--out", type=Path, metavar="FILE.csv", help="write all answers as a table")
    score.add_argument("--drawn", type=Path, metavar="DIR", help="also draw each image with its answer on it")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Each of its jobs has a function of its own."""
    raise WrongUsage("Say what to do with images: train or score.")


def _train(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.images import ImagesRequest, is_flawed

    request = ImagesRequest(
        name=arguments.name,
        normal=arguments.normal,
        descriptor=arguments.descriptor,
        one_class=arguments.one_class,
        settings=ImageSettings.from_values({one.name: getattr(arguments, one.name) for one in IMAGE_SETTINGS}),
        seed=arguments.seed,
    )
    with ProgressLine("images") as line:
        try:
            result = registry.do_at_once(open_project(arguments), request, on_progress=line.show_progress)
        except Cancelled:
            return FAILED, {"error": "Cancelled; there is no model."}
    return SOME_PHOTOS_FAILED if is_flawed(result) else DONE, result


def _score(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.images.answering import answer_folder, draw_folder, write_table
    from models.images.model import FACTS, ImageModel
    from models.jobs.images import ImagesRequest

    project = open_project(arguments)
    folder = project.path / ImagesRequest.room / arguments.name
    known = sorted(path.parent.name for path in (project.path / ImagesRequest.room).glob(f"*/{FACTS}"))
    if arguments.name not in known:
        raise AnomalureError(
            f"There is no model of images named {arguments.name}. There are: {', '.join(known) or 'none yet'}."
        )
    model = ImageModel.load(folder)
    if arguments.false_alarm_rate is not None:
        model = model.at_rate(arguments.false_alarm_rate)
    with ProgressLine("images") as line:
        found = answer_folder(model, arguments.folder, on_progress=line.show)
    if arguments.out:
        write_table(found.images, arguments.out)
    n_drawn = 0
    if arguments.drawn:
        with ProgressLine("drawings") as line:
            n_drawn = draw_folder(found.images, arguments.folder, arguments.drawn, on_progress=line.show)
    return SOME_PHOTOS_FAILED if found.failures else DONE, {
        "model": arguments.name,
        "images": len(found.images),
        "outliers": found.n_outliers,
        "failed": len(found.failures),
        "false_alarm_rate": model.settings.false_alarm_rate,
        "out": str(arguments.out or ""),
        "drawn": n_drawn,
        "answers": [
            {"file_name": one.file_name, "answer": one.answer, "score": one.score, "p_value": one.p_value}
            for one in found.images[: None if arguments.json else MOST_SHOWN]
        ],
        "failures": [{"file_name": name, "why": why} for name, why in found.failures[:MOST_SHOWN]],
    }
