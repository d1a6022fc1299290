"""``cli.py train``: labelled photos to a bundle."""

import argparse
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE
from commands.options import (
    DEFAULT_BACKBONE,
    add_encoder,
    add_settings,
    open_project,
    read_encoder_specs,
    read_settings,
)
from commands.progress_line import ProgressLine

ABOUT = "make a bundle from labelled photos"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--name", required=True)
    parser.add_argument("--images", type=Path, required=True, metavar="DIR")
    parser.add_argument("--coco", type=Path, required=True, metavar="FILE", help="labels; COCO JSON")
    parser.add_argument("--split", help="only the photos of this split of the labels")
    parser.add_argument("--method", choices=("none",), default="none",
                       help="how the encoder is trained on the crops; none: it is used as it is")  # fmt: skip
    parser.add_argument("--one-class", choices=("ocsvm",), default="ocsvm")
    parser.add_argument("--detector", default="auto", help="the detector that runs with this bundle use")
    add_encoder(parser)
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.formats.recognise import read_labels
    from models.encoder import EncoderSpec
    from models.training import train_bundle

    project = open_project(arguments)
    specs = read_encoder_specs(arguments) or (EncoderSpec(backbone=DEFAULT_BACKBONE, weights="default"),)
    with ProgressLine("crops") as line:
        bundle = train_bundle(
            read_labels(arguments.coco),
            arguments.images,
            name=arguments.name,
            split=arguments.split,
            encoders=specs,
            detector=arguments.detector,
            method=arguments.method,
            one_class=arguments.one_class,
            settings=read_settings(arguments),
            out_dir=project.bundles_dir,
            on_progress=line.show,
        )
    project.store.register_bundle(bundle.name)
    return DONE, {"bundle": bundle.name, **bundle.to_values()}
