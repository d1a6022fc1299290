"""Options that several commands share."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.disk.bounded import read_bounded
from core.errors import AnomalureError, WrongUsage
from core.settings.detector import DETECTOR_SETTINGS, DetectorSettings
from core.settings.run import SETTINGS, RunSettings, Setting, Settings
from core.settings.training import AUTOENCODER_DEFAULTS, AUTOENCODERS, TRAINING_SETTINGS, TrainingSettings

if TYPE_CHECKING:
    from core.study.project import Project
    from models.encoders.spec import EncoderSpec

DEFAULT_PROJECT = "data/project"
PROJECT_VARIABLE = "ANOMALURE_PROJECT"
SAMPLE_RUN = "sample-season"
"""The run that the first start makes in a new project."""
DETECTOR_PREFIX = "detector_"
MOST_SETTINGS_BYTES = 1_000_000
MOST_SEED = 2**32 - 1

_Settings = TypeVar("_Settings", bound=Settings)


def add_project(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command."""
    parser.add_argument(
        "--project",
        type=Path,
        default=Path(os.environ.get(PROJECT_VARIABLE, DEFAULT_PROJECT)),
        help=f"the study's folder; default {DEFAULT_PROJECT}",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def add_job(jobs: Any, name: str, about: str) -> argparse.ArgumentParser:
    """The parser of one of several jobs of a command, with the options of every command; ``jobs``: its subparsers."""
    parser: argparse.ArgumentParser = jobs.add_parser(name, help=about, description=about)
    parser.set_defaults(parser=parser)
    add_project(parser)
    for action in parser._actions:  # they can also stand before the job's name, and a default would replace them
        if action.dest in ("project", "json"):
            action.default = argparse.SUPPRESS
    return parser


def read_seed(text: str) -> int:
    """A seed, as all libraries take it: 0 to 4,294,967,295."""
    if not (text.isascii() and text.isdigit()) or int(text) > MOST_SEED:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {MOST_SEED}, got {text!r}")
    return int(text)


def open_project(arguments: argparse.Namespace) -> "Project":
    """The project that the options name; made if it is not there.

    Raises:
        AnomalureError: If it cannot be made, or was last used with a newer version of Anomalure.
    """
    from core.study.project import Project

    project = Project(arguments.project)
    project.refuse_newer()
    return project


def add_label_source(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the options for labelled photos: their folder and their labels."""
    parser.add_argument("--images", type=Path, required=required, metavar="DIR", help="the folder of photos")
    parser.add_argument(
        "--coco",
        type=Path,
        metavar="FILE",
        help="labels or boxes: COCO, MegaDetector or SpeciesNet JSON, Camtrap DP or CSV; "
        "default: the folders in --images are named by species",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="a CSV (or other labels) with the species of photos whose boxes --coco has",
    )


def read_settings(arguments: argparse.Namespace) -> RunSettings:
    """The settings of the file, if any; options override them."""
    options = {item.name: f"setting_{item.name}" for item in SETTINGS}
    return _make(RunSettings, _read_given(arguments, arguments.settings_file, options))


def read_training_settings(arguments: argparse.Namespace) -> TrainingSettings:
    """The training settings of the file, if any; options override them."""
    options = {item.name: f"training_{item.name}" for item in TRAINING_SETTINGS}
    defaults = AUTOENCODER_DEFAULTS if arguments.method in AUTOENCODERS else {}
    return _make(TrainingSettings, {**defaults, **_read_given(arguments, arguments.training_file, options)})


def read_detector_settings(arguments: argparse.Namespace) -> DetectorSettings:
    """The settings of a detector's training from the file, if any; options override them."""
    options = {item.name: f"training_{item.name.removeprefix(DETECTOR_PREFIX)}" for item in DETECTOR_SETTINGS}
    return _make(DetectorSettings, _read_given(arguments, arguments.training_file, options))


def _make(kind: type[_Settings], given: Mapping[str, Any]) -> _Settings:
    try:
        return kind.from_values(given)
    except AnomalureError as error:
        raise WrongUsage(str(error)) from error


def _read_given(arguments: argparse.Namespace, file: Path | None, options: Mapping[str, str]) -> dict[str, Any]:
    """Values of the file, and of the options by name over them; options that were not given are left out."""
    given = {name: getattr(arguments, option) for name, option in options.items()}
    return {**_read_values(file), **{name: value for name, value in given.items() if value is not None}}


def _read_values(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        values = json.loads(read_bounded(file, most_bytes=MOST_SETTINGS_BYTES))
    except (OSError, ValueError) as error:
        raise AnomalureError(f"The settings file {file} must be readable JSON: {error}.") from error
    if not isinstance(values, dict):
        raise AnomalureError(f"The settings file {file} must hold an object of name to value.")
    return values


def read_encoder_specs(arguments: argparse.Namespace) -> "tuple[EncoderSpec, ...]":
    """The encoders that the options ask for; none without any option."""
    from models.encoders.sources.named import make_spec
    from models.encoders.spec import EncoderSpec

    specs: tuple[EncoderSpec, ...] = ()
    if arguments.backbone or arguments.backbone_weights:
        specs += (make_spec(arguments.backbone or "", arguments.backbone_weights or ""),)
    for detector in arguments.detector_features or ():
        specs += (EncoderSpec(detector=detector),)
    return specs


def _to_flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return text.lower() == "true"


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add one option for each setting of a run, from the table of settings."""
    group = parser.add_argument_group("settings")
    group.add_argument("--settings-file", type=Path, metavar="FILE", help="JSON of name to value")
    _add_table(group, SETTINGS, prefix="setting")


def add_training_settings(parser: argparse.ArgumentParser) -> None:
    """Add one option for each setting of an encoder's training."""
    group = parser.add_argument_group("training of the encoder")
    group.add_argument("--training-file", type=Path, metavar="FILE", help="JSON of name to value")
    _add_table(group, TRAINING_SETTINGS, prefix="training")


def add_detector_settings(parser: argparse.ArgumentParser) -> None:
    """Add one option for each setting of a detector's training; the command's name already says detector."""
    group = parser.add_argument_group("training of the detector")
    group.add_argument("--training-file", type=Path, metavar="FILE", help="JSON of name to value")
    plain = [replace(item, name=item.name.removeprefix(DETECTOR_PREFIX)) for item in DETECTOR_SETTINGS]
    _add_table(group, plain, prefix="training")


def _add_table(group: "argparse._ArgumentGroup", table: Sequence[Setting], *, prefix: str) -> None:
    for setting in table:
        kind = type(setting.default)
        group.add_argument(
            "--" + setting.name.replace("_", "-"),
            dest=f"{prefix}_{setting.name}",
            type=_to_flag if kind is bool else kind,
            choices=setting.choices or None,
            metavar=None if setting.choices else kind.__name__,
            help=f"{setting.label}. {setting.help} Default: {setting.default!r}.".replace("%", "%%"),
        )


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Options that choose the encoder."""
    group = parser.add_argument_group("encoder")
    group.add_argument(
        "--backbone",
        default="",
        help="efficientnet_lite2 (default), a published encoder such as dinov2-small (models list), any model of timm "
        "as timm/NAME, or a network of torchvision, such as mobilenet_v2",
    )
    group.add_argument(
        "--backbone-weights",
        default="",
        metavar="FILE.safetensors",
        help="a safetensors file, bundled, default (torchvision's), hub (other published ones) or none (from scratch)",
    )
    group.add_argument(
        "--detector-features",
        action="append",
        metavar="DETECTOR",
        help="also use the features of this detector's backbone; may be repeated",
    )
