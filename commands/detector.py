"""``cli.py detector``: teach a detector one's own animals."""

import argparse
import shutil
from dataclasses import asdict, fields
from typing import Any

from commands.exit_codes import DONE
from commands.options import add_settings, open_project
from commands.progress_line import ProgressLine
from commands.yolo import add_dataset, write_dataset

ABOUT = "train a detector on labelled photos; runs and bundles then use it with --detector"

HELP_OF = {
    "epochs": "times that all photos are learnt from",
    "image_size": "side of the pictures that it sees, in pixels; a multiple of 32",
    "batch": "photos learnt from at once; fewer need less memory",
    "learning_rate": "0: Ultralytics chooses",
    "patience": "stop after so many epochs without gain",
    "frozen_layers": "first layers that stay as they are; 10 is the backbone of a YOLOv8",
    "seed": "of everything random, also of the choice of held-back events",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--name", required=True, help="of the new detector; kept in the project under detectors/")
    parser.add_argument("--start", default="yolov8n", metavar="NAME_OR_PATH",
                        help="a published name (downloaded), a .pt, a .yaml plan, or scratch")  # fmt: skip
    parser.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")
    add_dataset(parser)
    # As DetectorSettings has them; torch is not loaded for a list of options.
    defaults = {"epochs": 50, "image_size": 640, "batch": 8, "learning_rate": 0.0, "patience": 20, "frozen_layers": 0}
    for name, default in defaults.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default,
                            help=f"{HELP_OF[name]}; default {default}")  # fmt: skip
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Write the dataset, train, keep the best epoch."""
    from models.detector_training import DetectorSettings, train_detector

    project = open_project(arguments)
    settings = DetectorSettings(**{item.name: getattr(arguments, item.name) for item in fields(DetectorSettings)})
    folder = project.path / "detectors"
    folder.mkdir(exist_ok=True)
    dataset_dir = folder / f".{arguments.name}-photos.tmp"
    shutil.rmtree(dataset_dir, ignore_errors=True)
    try:
        dataset = write_dataset(arguments, dataset_dir)
        with ProgressLine("epochs") as line:
            made = train_detector(
                dataset,
                name=arguments.name,
                out_dir=folder,
                start=arguments.start,
                settings=settings,
                allow_code=arguments.allow_code,
                on_epoch=lambda epoch: line.show(epoch.epoch, epoch.epochs),
            )
    finally:
        shutil.rmtree(dataset_dir, ignore_errors=True)
    return DONE, {
        "detector": str(made.model),
        "classes": list(made.class_names),
        "photos": dataset.n_photos,
        "boxes": dataset.n_boxes,
        "best": asdict(made.best),
        "problems": list(dataset.problems),
    }
