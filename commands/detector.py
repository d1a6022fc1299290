"""``cli.py detector``: teach a detector one's own animals."""

import argparse
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import add_detector_settings, add_settings, open_project, read_detector_settings, read_settings
from commands.progress_line import ProgressLine
from commands.yolo import add_dataset
from core.errors import AnomalureError

ABOUT = "train a detector on labelled photos; runs and bundles then use it with --detector"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--name", help="of the new detector; kept in the project under detectors/")
    parser.add_argument("--resume", metavar="NAME", help="go on with a training that was cut short")
    parser.add_argument(
        "--start",
        default="yolov8n",
        metavar="NAME_OR_PATH",
        help="a published name (downloaded), a .pt, a .yaml plan, or scratch",
    )
    parser.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")
    add_dataset(parser, required=False)
    add_detector_settings(parser)
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Write the dataset, train, keep the best epoch."""
    from models.detectors.training import DetectorTrainingCancelled
    from models.jobs.detector import DetectorRequest, resume_detector_training, start_detector_training

    project = open_project(arguments)
    with ProgressLine("epochs") as line:
        try:
            if arguments.resume:
                made = resume_detector_training(project, arguments.resume, on_progress=line.show_progress)
            else:
                if arguments.name is None or arguments.images is None:
                    raise AnomalureError("Give --name and --images, or --resume and the training to go on with.")
                request = DetectorRequest(
                    name=arguments.name,
                    images=arguments.images,
                    labels=arguments.coco,
                    species=arguments.labels,
                    split=arguments.split,
                    start=arguments.start,
                    by_species=arguments.by_species,
                    val_share=arguments.val_share,
                    detector=read_detector_settings(arguments),
                    settings=read_settings(arguments),
                )
                made = start_detector_training(
                    project, request, allow_code=arguments.allow_code, on_progress=line.show_progress
                )
        except DetectorTrainingCancelled:
            return FAILED, {"error": "The training was cancelled; go on with --resume."}
    return DONE, {"detector": str(made.model), **made.read_result()}
