"""Published detectors by name: those of the table of models, and every other one that Ultralytics publishes."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import AnomalureError, ConsentNeeded
from models.detectors.ultralytics_opening import import_ultralytics
from models.detectors.yolo_metadata import YoloMetadata
from models.published.cache import check_file, find_path
from models.published.entry import DETECTOR, PublishedFile, PublishedModel
from models.published.fetching import fetch_files
from models.published.table import find_model

if TYPE_CHECKING:
    import torch

ULTRALYTICS_NAME = re.compile(r"yolo(v?\d+)[a-z]?6?u?(-oiv7|-tinyu|-sppu)?")
ULTRALYTICS_ADDRESS = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
YOLOV5 = "yolov5"
INSTEAD = "give the path of a detector that you have, or use the bundled one."


def looks_published(name: str) -> bool:
    """Whether a name looks like one of a published detector: megadetector-v5a, yolov8n, yolo11s.pt, yolov5n6u."""
    name = name.removesuffix(".pt")
    return ULTRALYTICS_NAME.fullmatch(name) is not None or find_in_table(name) is not None


def find_published(name: str) -> PublishedModel:
    """What is known of a published detector.

    Raises:
        AnomalureError: If nothing is published under that name.
    """
    name = name.removesuffix(".pt")
    if (model := find_in_table(name)) is not None:
        return model
    import_ultralytics()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES

    file_name = f"{name}.pt"
    if file_name not in GITHUB_ASSETS_NAMES:
        raise AnomalureError(
            f"Ultralytics publishes no detector named {name}. Known names are yolov8n, yolo11n, yolo26n and the like, "
            "and those of python cli.py models list; for a file of your own give its path."
        )
    return PublishedModel(
        name=name,
        kind=DETECTOR,
        loader="ultralytics",
        about="A model of Ultralytics.",
        files=(PublishedFile(name=file_name, address=f"{ULTRALYTICS_ADDRESS}/{file_name}"),),
        licence="AGPL-3.0",
    )


def published_file(name: str) -> Path:
    """The file in which a downloaded detector is kept."""
    model = find_published(name)
    return find_path(model, model.files[0])


def load_published(name: str) -> "tuple[torch.nn.Module, YoloMetadata, str]":
    """A published detector, downloaded into the user's cache folder on first use, and the SHA-256 of its file.

    It is opened without running code from its file. A file that can only be opened by running its code needs no
    consent if its publisher states its checksum and the file has it.

    Raises:
        ConsentNeeded: If its file runs code and no checksum is published.
        AnomalureError: If nothing is published under that name, or it cannot be downloaded or read.
    """
    model = find_published(name)
    path = fetch_files(model, instead=INSTEAD)[0]
    sha256 = check_file(model, model.files[0]).sha256
    from models.detectors.ultralytics_model import load_pt  # with torch, which takes more than a second
    from models.detectors.yolov5.opening import open_yolov5

    if model.loader == YOLOV5:
        network, metadata = open_yolov5(path)
    else:
        try:
            network, metadata = load_pt(path)
        except ConsentNeeded:
            if not model.is_checked:
                raise
            network, metadata = load_pt(path, allow_code=True)
    if not metadata.class_names and model.class_names:
        metadata = YoloMetadata(class_names=model.class_names, stride=metadata.stride)
    return network, metadata, sha256


def find_in_table(name: str) -> PublishedModel | None:
    """The detector of this name in the table of published models; None if there is none."""
    model = find_model(name)
    return model if model is not None and model.kind == DETECTOR else None
