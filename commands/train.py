"""``cli.py train``: labelled photos to a bundle."""

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, FAILED
from commands.options import (
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
from core.errors import AnomalureError, WrongUsage, did_you_mean
from core.settings.training import AUTOENCODERS, BOXES_FROM, FRAMES, METHODS, SCORED_BY

if TYPE_CHECKING:
    from core.study.project import Project
    from models.encoders.spec import EncoderSpec

ABOUT = "make a bundle from labelled photos, and train its encoder first if asked to"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from models.one_class.methods import DEFAULT, list_one_class

    methods = list_one_class()
    parser.add_argument("--name", help="the name of the new bundle")
    add_label_source(parser, required=False)
    parser.add_argument("--split", help="only the photos of this split of the labels")
    parser.add_argument("--resume", metavar="NAME", help="resume a training that ended too early")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="none",
        help="how the encoder is trained on the crops: simclr (altered copies of one crop), triplet "
        "(species), autoencoder_conv or autoencoder_dense (put each crop and whole frame together again from a few "
        "numbers, which take the place of the encoder; 64 px, 30 epochs and a learning rate of 0.001 unless given), "
        "or none (it is used as it is)",
    )
    parser.add_argument(
        "--scored-by",
        choices=SCORED_BY,
        help="what crops and whole frames are scored by: one_class (the one-class model of their species), or an "
        "autoencoder's error of the whole crop (reconstruction; default after its training) or of its worst part "
        "(worst_part)",
    )
    parser.add_argument(
        "--threshold",
        default="",
        metavar="RULE",
        help="from where on runs flag, by the scores of held-out normal crops: mean+2sd (mean and standard "
        "deviations) or p95 (a percentile). It is turned into the false-alarm rate that it amounts to, which the card "
        "says. Default: --false-alarm-rate",
    )
    parser.add_argument(
        "--one-class",
        choices=tuple(methods),
        help="the one-class model that says how badly a crop fits a species (default: the project's choice by "
        f"compare, else {DEFAULT}); for few crops their mean is used. "
        + " ".join(f"{name}: {method.label}. {method.about}" for name, method in methods.items()),
    )
    parser.add_argument(
        "--frames",
        choices=FRAMES,
        default=FRAMES[0],
        help="how whole frames of a camera are scored: by their embedding, or by the patch that is least like "
        "any patch seen there before",
    )
    parser.add_argument(
        "--components",
        type=int,
        default=0,
        metavar="N",
        help="reduce embeddings to this many principal components; 0: do not reduce them (default)",
    )
    parser.add_argument(
        "--plain-encoder",
        action="store_true",
        help="use the backbone's features alone: by default the features of the bundle's detector are joined "
        "or, if they are not available, those of the crops' mirror images",
    )
    parser.add_argument("--detector", default="auto", help="the detector of runs with this bundle")
    parser.add_argument(
        "--boxes-from",
        choices=BOXES_FROM,
        default=BOXES_FROM[0],
        help="detector: cut animals as the bundle's detector cuts them, and learn its boxes on nothing and on people "
        "as a background class; the labelled photos must have all their animals labelled. labels: use the boxes of the "
        "labels alone, also where the detector is not available",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="the device on which the encoder is trained",
    )
    add_encoder(parser)
    add_training_settings(parser)
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Make the bundle."""
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.bundle import BundleRequest

    project = open_project(arguments)
    with ProgressLine("crops" if arguments.method != "none" or arguments.resume else "photos") as line:
        try:
            if arguments.resume:
                training = project.training(arguments.resume)
                if not training.path.is_dir():
                    known = [one.name for one in project.trainings()]
                    there = ", ".join(known[:10]) or "none yet"
                    raise AnomalureError(
                        f"There is no training named {arguments.resume}. There are: {there}."
                        + did_you_mean(arguments.resume, known)
                    )
                if arguments.device != "auto":
                    training.write_request(replace(training.read_request(BundleRequest), device=arguments.device))
                work_id = f"{BundleRequest.room}/{arguments.resume}"
                return DONE, registry.resume_at_once(project, work_id, on_progress=line.show_progress)
            missing = [name for name in ("name", "images") if getattr(arguments, name) is None]
            if missing:
                options = ", ".join(f"--{name}" for name in missing)
                raise WrongUsage(f"Give {options}, or --resume and the training to resume.")
            encoders, complete, one_class = _choose_models(project, arguments)
            request = BundleRequest(
                name=arguments.name,
                images=arguments.images,
                labels=arguments.coco,
                species=arguments.labels,
                split=arguments.split,
                encoders=encoders,
                complete=complete,
                method=arguments.method,
                scored_by=arguments.scored_by or SCORED_BY[arguments.method in AUTOENCODERS],
                threshold=arguments.threshold,
                one_class=one_class,
                components=arguments.components,
                frames=arguments.frames,
                detector=arguments.detector,
                boxes_from=arguments.boxes_from,
                settings=read_settings(arguments),
                training=read_training_settings(arguments),
                device=arguments.device,
            )
            return DONE, registry.do_at_once(project, request, on_progress=line.show_progress)
        except Cancelled:
            return FAILED, {"error": "The training was cancelled; resume it with --resume."}


def _choose_models(project: "Project", arguments: argparse.Namespace) -> "tuple[tuple[EncoderSpec, ...], bool, str]":
    """The encoders, whether they are completed, and the one-class model: as asked, else as the project has chosen."""
    from core.study.defaults import read_bundle_defaults
    from models.encoders.sources.named import read_encoder
    from models.encoders.spec import bundled_encoder
    from models.one_class.methods import DEFAULT

    given = read_encoder_specs(arguments)
    complete = not arguments.plain_encoder
    chosen = read_bundle_defaults(project.path)
    if chosen is None:
        return given or (bundled_encoder(),), complete, arguments.one_class or DEFAULT
    # A trained encoder starts from what can be trained, so the choice among encoders as they are is not for it.
    takes_encoder = not given and arguments.method == "none"
    if takes_encoder or not arguments.one_class:
        print(f"{chosen.say()} Say --backbone or --one-class for another.", file=sys.stderr)
    encoders = read_encoder(chosen.encoder) if takes_encoder else given or (bundled_encoder(),)
    return encoders, complete and not takes_encoder, arguments.one_class or chosen.one_class
