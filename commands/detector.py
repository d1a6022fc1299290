"""``cli.py detector``: train a detector on one's own labelled photos."""

import argparse
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, FAILED
from commands.options import add_detector_settings, add_settings, open_project, read_detector_settings, read_settings
from commands.progress_line import ProgressLine
from commands.yolo import add_dataset
from core.errors import AnomalureError, WrongUsage, did_you_mean

if TYPE_CHECKING:
    from core.study.project import Project
    from core.work.detector_trainings import DetectorTrainingFolder

ABOUT = "train a detector on labelled photos; runs and bundles then use it with --detector"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--name", help="the name of the new detector, which is kept in the project under detectors/")
    parser.add_argument("--resume", metavar="NAME", help="resume a training that ended too early")
    parser.add_argument(
        "--start",
        default="yolov8n",
        metavar="NAME_OR_PATH",
        help="a published name (downloaded), a .pt file, a .yaml file of a network, or scratch",
    )
    parser.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")
    add_dataset(parser, required=False)
    add_detector_settings(parser)
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Write the dataset, train, keep the best epoch."""
    from core.study.project import check_name
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.detector import DetectorRequest

    project = open_project(arguments)
    with ProgressLine("epochs") as line:
        how: dict[str, Any] = {"allow_code": arguments.allow_code, "on_progress": line.show_progress}
        try:
            if arguments.resume:
                check_name(arguments.resume, what="detector")
                if not (project.detectors_dir / arguments.resume).is_dir():
                    known = [one.name for one in _list(project)]
                    raise AnomalureError(
                        f"There is no training of a detector named {arguments.resume}. There are: "
                        f"{', '.join(known[:10]) or 'none yet'}." + did_you_mean(arguments.resume, known)
                    )
                return DONE, registry.resume_at_once(project, f"{DetectorRequest.room}/{arguments.resume}", **how)
            if arguments.name is None or arguments.images is None:
                raise WrongUsage("Give --name and --images, or --resume and the training to resume.")
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
            return DONE, registry.do_at_once(project, request, **how)
        except Cancelled:
            return FAILED, {"error": "The training was cancelled; resume it with --resume."}


def _list(project: "Project") -> "list[DetectorTrainingFolder]":
    from core.work.detector_trainings import DetectorTrainingFolder

    return DetectorTrainingFolder.list_all(project.detectors_dir)
