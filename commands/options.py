"""Options that several commands share, and what they mean."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import AnomalureError
from core.project import Project
from core.settings import SETTINGS, RunSettings

if TYPE_CHECKING:
    from models.encoder_spec import EncoderSpec

DEFAULT_PROJECT = "data/project"
PROJECT_VARIABLE = "ANOMALURE_PROJECT"
DEFAULT_BACKBONE = "mobilenet_v2"


def add_project(parser: argparse.ArgumentParser) -> None:
    """What every command takes."""
    parser.add_argument("--project", type=Path, default=Path(os.environ.get(PROJECT_VARIABLE, DEFAULT_PROJECT)),
                        help=f"the study's folder; default {DEFAULT_PROJECT}")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def open_project(arguments: argparse.Namespace) -> Project:
    """The project that the options name; made if it is not there."""
    return Project(arguments.project)


def add_label_source(parser: argparse.ArgumentParser) -> None:
    """Which photos, and what says what is in them."""
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="the folder of photos")
    parser.add_argument("--coco", type=Path, metavar="FILE",
                        help="labels or boxes: COCO, MegaDetector JSON, Camtrap DP or CSV; "
                             "default: the folders in --images are named by species")  # fmt: skip
    parser.add_argument("--labels", type=Path, metavar="FILE",
                        help="a CSV (or other labels) with the species of photos whose boxes --coco has")  # fmt: skip


def read_settings(arguments: argparse.Namespace) -> RunSettings:
    """The settings file, if any, and over it each setting given as an option."""
    values: dict[str, Any] = {}
    if arguments.settings_file is not None:
        try:
            values = json.loads(arguments.settings_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise AnomalureError(
                f"The settings file {arguments.settings_file} must be readable JSON: {error}."
            ) from error
        if not isinstance(values, dict):
            raise AnomalureError(f"The settings file {arguments.settings_file} must hold an object of name to value.")
    given = {item.name: getattr(arguments, f"setting_{item.name}") for item in SETTINGS}
    return RunSettings.from_values({**values, **{name: value for name, value in given.items() if value is not None}})


def read_encoder_specs(arguments: argparse.Namespace) -> "tuple[EncoderSpec, ...]":
    """The encoders that the options ask for; none without any option."""
    from models.encoder_spec import BUNDLED, EncoderSpec, bundled_encoder

    specs: tuple[EncoderSpec, ...] = ()
    if arguments.backbone_weights == BUNDLED and arguments.backbone in ("", DEFAULT_BACKBONE):
        specs += (bundled_encoder(),)
    elif arguments.backbone or arguments.backbone_weights:
        weights = arguments.backbone_weights or "default"
        specs += (EncoderSpec(backbone=arguments.backbone or DEFAULT_BACKBONE, weights=weights),)
    for detector in arguments.detector_features or ():
        specs += (EncoderSpec(detector=detector),)
    return specs


def _to_flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return text.lower() == "true"


def add_settings(parser: argparse.ArgumentParser) -> None:
    """One option a setting, from the one table of settings."""
    group = parser.add_argument_group("settings")
    group.add_argument("--settings-file", type=Path, metavar="FILE", help="JSON of name to value")
    for setting in SETTINGS:
        kind = type(setting.default)
        group.add_argument(
            "--" + setting.name.replace("_", "-"),
            dest=f"setting_{setting.name}",
            type=_to_flag if kind is bool else kind,
            choices=setting.choices or None,
            metavar=None if setting.choices else kind.__name__,
            help=f"{setting.label}. {setting.help} Default: {setting.default!r}.".replace("%", "%%"),
        )


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Options that choose the encoder."""
    group = parser.add_argument_group("encoder")
    group.add_argument("--backbone", default="", help="torchvision's name of the network, such as mobilenet_v2")
    group.add_argument("--backbone-weights", default="", metavar="FILE.safetensors",
                       help="a safetensors file, bundled, or default (published weights, downloaded)")  # fmt: skip
    group.add_argument("--detector-features", action="append", metavar="DETECTOR",
                       help="join the features of this detector's backbone; can be given again")  # fmt: skip
