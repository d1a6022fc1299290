"""The settings of a run, each defined once with name, default, range, unit and help, for pages, commands and docs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from core.disk.json import parse_values
from core.errors import AnomalureError, WrongUsage
from core.species import LEVELS


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is shown and checked. ``low`` and ``high`` are inclusive; ``choices`` excludes both."""

    name: str
    default: Any
    label: str
    help: str
    group: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> Any:
        """The value in the setting's own type.

        Raises:
            WrongUsage: If the value has another type or is out of range.
        """
        kind = type(self.default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind:
            raise WrongUsage(f"{self.name} must be of type {kind.__name__}, got {value!r}.")
        if self.choices and value not in self.choices:
            raise WrongUsage(f"{self.name} must be one of {', '.join(self.choices)}, got {value!r}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise WrongUsage(f"{self.name} must be a finite number, got {value}.")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise WrongUsage(
                f"{self.name} must be between {self.low} and {self.high} {self.unit}".rstrip() + f", got {value}."
            )
        return value


def setting(default: Any, **shown: Any) -> Any:
    """A field of a class of settings; ``shown`` are the other fields of ``Setting``."""
    return field(default=default, metadata=shown)


def list_settings(kind: type) -> tuple[Setting, ...]:
    """The table of a class of settings."""
    return tuple(Setting(name=item.name, default=item.default, **item.metadata) for item in fields(kind))


def check_settings(settings: Any, table: Sequence[Setting]) -> None:
    """Check each value of a frozen object of settings, and put it into its setting's type.

    Raises:
        AnomalureError: If a value has another type or is out of range.
    """
    for item in table:
        object.__setattr__(settings, item.name, item.check(getattr(settings, item.name)))


def refuse_unknown(values: Mapping[str, Any], table: Sequence[Setting]) -> None:
    """Raise an AnomalureError if a name is not in the table."""
    names = [item.name for item in table]
    if unknown := sorted(set(values) - set(names)):
        raise AnomalureError(f"Unknown setting {', '.join(unknown)}; the settings are {', '.join(names)}.")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A class of settings: every value is checked when it is made."""

    def __post_init__(self) -> None:
        check_settings(self, list_settings(type(self)))

    def to_values(self) -> dict[str, Any]:
        """Name to value, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Settings from name to value; names left out keep their default.

        Raises:
            AnomalureError: If a name is unknown or a value does not fit.
        """
        refuse_unknown(values, list_settings(cls))
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class RunSettings(Settings):
    """The settings of one run. Every value is checked when the object is made and never changes afterwards."""

    deployment_pattern: str = setting(
        "",
        group="Photos",
        label="Deployment from the path",
        help="A regular expression with a group named 'deployment', matched against the path inside the folder. "
        "Empty: the folder that holds the photo is the deployment.",
    )
    event_gap_s: float = setting(
        60.0,
        group="Photos",
        label="Event gap",
        unit="s",
        low=0.0,
        high=86_400.0,
        help="Photos of one camera that were taken within this time of each other belong to one event.",
    )
    max_megapixels: float = setting(
        200.0,
        group="Photos",
        label="Largest photo",
        unit="megapixels",
        low=1.0,
        high=2_000.0,
        help="Larger photos are not opened but listed as failures, because a small file can unpack to more than the "
        "memory holds.",
    )
    detector_image_px: int = setting(
        640,
        group="Detector",
        label="Detector image size",
        unit="px",
        low=64,
        high=4096,
        help="Longest side of the photo as the detector sees it. A larger size finds smaller animals and takes "
        "longer. A detector that was exported for one size keeps that size.",
    )
    min_confidence: float = setting(
        0.25,
        group="Detector",
        label="Minimum confidence",
        low=0.001,
        high=1.0,
        help="Boxes with a lower confidence are not used. A photo without a box is scored as a whole frame.",
    )
    nms_iou: float = setting(
        0.6,
        group="Detector",
        label="Overlap limit (IoU)",
        low=0.0,
        high=1.0,
        help="Of two boxes that overlap by more than this (intersection over union), only the one with the higher "
        "confidence is kept.",
    )
    nms_across_classes: bool = setting(
        True,
        group="Detector",
        label="One box per animal",
        help="Boxes of different classes are compared too. An animal that is detected as both a sheep and a cow is "
        "then one crop.",
    )
    max_detections: int = setting(
        300,
        group="Detector",
        label="Maximum boxes per photo",
        low=1,
        high=10_000,
        help="If there are more boxes, those with the highest confidence are kept and the others are counted in the "
        "run's report.",
    )
    crop_margin: float = setting(
        0.05,
        group="Crops",
        label="Margin around a box",
        unit="of the longer side",
        low=0.0,
        high=1.0,
        help="How much of the surroundings each crop shows.",
    )
    crop_saved_px: int = setting(
        320,
        group="Crops",
        label="Saved crop size",
        unit="px",
        low=64,
        high=2048,
        help="Longest side of the small pictures that the pages show.",
    )
    species_from: str = setting(
        "fit",
        group="Scores",
        label="Species of a crop",
        choices=("fit", "detector", "classifier"),
        help="fit: the known species that the crop fits best. detector: the detector's class, translated by the table "
        "below, for detectors that know your species. classifier: the name in the file of classifications, "
        "translated too; crops without one by fit.",
    )
    species_table: str = setting(
        "{}",
        group="Scores",
        label="Class to species",
        help='A JSON table from detector class to species, such as {"sheep": "deer"}. A class that is not in the '
        "table keeps its name.",
    )
    classifier_level: str = setting(
        "species",
        group="Scores",
        label="Level of a classifier's names",
        choices=LEVELS,
        help="Finer names in a file of classifications are rolled up to this level, and their scores added up.",
    )
    classifier_min_score: float = setting(
        0.5,
        group="Scores",
        label="Least score of a classifier's name",
        low=0.0,
        high=1.0,
        help="A name with a lower score is rolled up further; if no level reaches it, the animal is unknown.",
    )
    false_alarm_rate: float = setting(
        0.05,
        group="Scores",
        label="False-alarm rate",
        low=0.0001,
        high=0.5,
        help="The share of normal crops that you accept to be flagged.",
    )
    batch_photos: int = setting(
        32,
        group="Running",
        label="Photos per batch",
        low=1,
        high=1024,
        help="Larger batches are faster until the memory is full.",
    )
    shard_photos: int = setting(
        256,
        group="Running",
        label="Photos per shard",
        low=1,
        high=100_000,
        help="Results are written to disk after this many photos, in a small run after an eighth of them. If the run "
        "is interrupted, at most the work on one shard is lost.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.species_by_class()

    def species_by_class(self) -> dict[str, str]:
        """The table from detector class to species, read from its JSON."""
        try:
            table = parse_values(self.species_table)
        except json.JSONDecodeError as error:
            raise AnomalureError(f"species_table must be JSON, {error}.") from error
        if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
            raise AnomalureError(f"species_table must map class names to species names, got {self.species_table!r}.")
        return table


SETTINGS: tuple[Setting, ...] = list_settings(RunSettings)
