"""``cli.py train``: labelled photos to a bundle."""

import argparse
import logging
from dataclasses import replace
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import (
    DEFAULT_BACKBONE,
    add_encoder,
    add_label_source,
    add_settings,
    add_training_settings,
    open_project,
    read_encoder_specs,
    read_settings,
    read_training_settings,
)
from commands.progress_line import ProgressLine
from core.errors import AnomalureError
from core.settings.training import FRAMES, METHODS
from models.one_class.methods import DEFAULT, list_one_class

log = logging.getLogger("anomalure")

ABOUT = "make a bundle from labelled photos, on the way training its encoder if asked to"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    methods = list_one_class()
    parser.add_argument("--name", help="of the new bundle")
    add_label_source(parser, required=False)
    parser.add_argument("--split", help="only the photos of this split of the labels")
    parser.add_argument("--resume", metavar="NAME", help="go on with a training that was cut short")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="none",
        help="how the encoder is trained on the crops: simclr (views of one crop), triplet (species), "
        "or none: it is used as it is",
    )
    parser.add_argument(
        "--one-class",
        choices=tuple(methods),
        default=DEFAULT,
        help="the model that says how little a crop fits a species; a species with few crops has their mean. "
        + " ".join(f"{name}: {method.label}. {method.about}" for name, method in methods.items()),
    )
    parser.add_argument(
        "--frames",
        choices=FRAMES,
        default=FRAMES[0],
        help="what whole frames of a camera are judged by: their look as a whole, or the patch that is "
        "least like any patch seen there before",
    )
    parser.add_argument(
        "--components",
        type=int,
        default=0,
        metavar="N",
        help="reduce embeddings to so many main directions; 0: not (default)",
    )
    parser.add_argument(
        "--plain-encoder",
        action="store_true",
        help="embed by the backbone alone: by default the features of the bundle's detector are joined "
        "or, where they cannot be had, mirror images of the crops are embedded too",
    )
    parser.add_argument("--detector", default="auto", help="the detector that runs with this bundle use")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="what trains the encoder"
    )
    add_encoder(parser)
    add_training_settings(parser)
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.contrastive.training import TrainingCancelled
    from models.encoders.defaults import complete_encoders
    from models.encoders.loading import EncoderSpec
    from models.jobs.bundle import TrainingRequest, resume_training, start_training

    project = open_project(arguments)
    with ProgressLine("crops" if arguments.method != "none" or arguments.resume else "photos") as line:
        shown: dict[str, Any] = {"device": arguments.device, "on_progress": line.show_progress}
        try:
            if arguments.resume:
                bundle = resume_training(project, arguments.resume, **shown)
            else:
                missing = [name for name in ("name", "images") if getattr(arguments, name) is None]
                if missing:
                    options = ", ".join(f"--{name}" for name in missing)
                    raise AnomalureError(f"Give {options}, or --resume and the training to go on with.")
                specs = read_encoder_specs(arguments) or (EncoderSpec(backbone=DEFAULT_BACKBONE),)
                training = read_training_settings(arguments)
                if arguments.method != "none":  # what is joined to a trained encoder sees crops of its size
                    specs = tuple(replace(spec, input_px=training.image_px) for spec in specs)
                if not arguments.plain_encoder:
                    specs, why_not = complete_encoders(specs, detector=arguments.detector)
                    if why_not:
                        log.info("%s", why_not)
                request = TrainingRequest(
                    name=arguments.name,
                    images=arguments.images,
                    labels=arguments.coco,
                    species=arguments.labels,
                    split=arguments.split,
                    encoders=specs,
                    method=arguments.method,
                    one_class=arguments.one_class,
                    components=arguments.components,
                    frames=arguments.frames,
                    detector=arguments.detector,
                    settings=read_settings(arguments),
                    training=training,
                )
                bundle = start_training(project, request, **shown)
        except TrainingCancelled:
            return FAILED, {"error": "The training was cancelled; go on with --resume."}
    trained = project.training(bundle.name).read_result()
    return DONE, {"bundle": bundle.name, **bundle.to_values(), "training": trained}
