"""``cli.py detector``: teach a detector one's own animals."""

import argparse
from dataclasses import fields
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import add_settings, open_project, read_settings
from commands.progress_line import ProgressLine
from commands.yolo import add_dataset
from core.errors import AnomalureError

ABOUT = "train a detector on labelled photos; runs and bundles then use it with --detector"

HELP_OF = {
    "epochs": "times that all photos are learnt from",
    "image_size": "side of the pictures that it sees, in pixels; a multiple of 32",
    "batch": "photos learnt from at once; fewer need less memory",
    "learning_rate": "0: Ultralytics chooses",
    "patience": "stop after so many epochs without gain",
    "frozen_layers": "first layers that stay as they are; 10 is the backbone of a YOLOv8",
}
# As DetectorSettings has them, without loading torch for a list of options; a test holds them together.
DEFAULTS = {"epochs": 50, "image_size": 640, "batch": 8, "learning_rate": 0.0, "patience": 20, "frozen_layers": 0}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--name", help="of the new detector; kept in the project under detectors/")
    parser.add_argument("--resume", metavar="NAME", help="go on with a training that was cut short")
    parser.add_argument("--start", default="yolov8n", metavar="NAME_OR_PATH",
                        help="a published name (downloaded), a .pt, a .yaml plan, or scratch")  # fmt: skip
    parser.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")
    add_dataset(parser, required=False)
    for name, default in DEFAULTS.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default,
                            help=f"{HELP_OF[name]}; default {default}")  # fmt: skip
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Write the dataset, train, keep the best epoch."""
    from models.detector_job import DetectorRequest, resume_detector_training, start_detector_training
    from models.detector_training import DetectorSettings, DetectorTrainingCancelled

    project = open_project(arguments)
    with ProgressLine("epochs") as line:
        try:
            if arguments.resume:
                made = resume_detector_training(project, arguments.resume, on_progress=line.show_progress)
            else:
                if arguments.name is None or arguments.images is None:
                    raise AnomalureError("Give --name and --images, or --resume and the training to go on with.")
                chosen = {item.name: getattr(arguments, item.name) for item in fields(DetectorSettings)}
                request = DetectorRequest(
                    name=arguments.name,
                    images=arguments.images,
                    labels=arguments.coco,
                    species=arguments.labels,
                    split=arguments.split,
                    start=arguments.start,
                    by_species=arguments.by_species,
                    val_share=arguments.val_share,
                    detector=DetectorSettings(**chosen),
                    settings=read_settings(arguments),
                )
                made = start_detector_training(
                    project, request, allow_code=arguments.allow_code, on_progress=line.show_progress
                )
        except DetectorTrainingCancelled:
            return FAILED, {"error": "The training was cancelled; go on with --resume."}
    return DONE, {"detector": str(made.model), **made.read_card()}
