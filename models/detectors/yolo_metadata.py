"""Metadata of an exported detector: classes, task and stride."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openvino as ov

from core.errors import FileFormatError
from core.records import tidy_species
from models.detectors.plain_yaml import MOST_BYTES, quote, read_plain_yaml

DEFAULT_STRIDE = 32


@dataclass(frozen=True, slots=True)
class YoloMetadata:
    """The part of an export's metadata that detecting needs. ``class_names`` is empty if the export has none."""

    class_names: tuple[str, ...] = ()
    stride: int = DEFAULT_STRIDE

    def round_up(self, image_px: int) -> int:
        """``image_px`` rounded up to a multiple of the stride, because a YOLO network takes no other sizes."""
        return -(-image_px // self.stride) * self.stride

    def name_class(self, number: int) -> str:
        """The name of a class by its number, or "class 7" if the detector has no names."""
        return self.class_names[number] if number < len(self.class_names) else f"class {number}"


def read_metadata_file(path: Path) -> YoloMetadata:
    """Read the ``metadata.yaml`` that Ultralytics puts beside an export; without one, nothing is known.

    Raises:
        FileFormatError: If it is not a mapping in YAML, or its names, task or stride are invalid.
    """
    if not path.exists():
        return YoloMetadata()
    return parse_metadata(read_plain_yaml(path), source=str(path))


def read_embedded_metadata(model: ov.Model, *, source: str) -> YoloMetadata:
    """Read the metadata that Ultralytics puts into an ONNX file, as OpenVINO gives it.

    Raises:
        FileFormatError: If names, task or stride are invalid.
    """
    if not model.has_rt_info("framework"):
        return YoloMetadata()
    values: dict[str, Any] = {}
    for key in ("names", "task", "stride"):
        if model.has_rt_info(["framework", key]):
            text = str(model.get_rt_info(["framework", key]).value)
            if len(text) > MOST_BYTES:
                raise FileFormatError(f"{source}: {key} has more than {MOST_BYTES:,} characters.")
            try:
                values[key] = ast.literal_eval(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: brackets without end
                values[key] = text
    return parse_metadata(values, source=source)


def parse_metadata(values: Mapping[Any, Any], *, source: str) -> YoloMetadata:
    """Check the values. Errors name the file ``source``."""
    task = values.get("task", "detect")
    if task != "detect":
        raise FileFormatError(f"{source} is a model for the task {quote(task)}; a detector (task 'detect') is needed.")
    stride = values.get("stride", DEFAULT_STRIDE)
    if not isinstance(stride, int) or isinstance(stride, bool) or stride < 1:
        raise FileFormatError(f"{source}: stride must be a whole number of pixels, got {quote(stride)}.")
    return YoloMetadata(class_names=_parse_names(values.get("names"), source=source), stride=stride)


def _parse_names(names: Any, *, source: str) -> tuple[str, ...]:
    if names is None:
        return ()
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or set(names) != set(range(len(names))):
        raise FileFormatError(
            f"{source}: names must give a name to each of the classes 0, 1, 2 ..., got {quote(names)}."
        )
    return tuple(tidy_species(str(names[number])) or f"class {number}" for number in range(len(names)))
