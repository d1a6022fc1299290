"""YOLO models in Ultralytics' format: published models by name, or a .pt file."""

import re
from pathlib import Path
from typing import Any

import torch

from core.errors import AnomalureError, FileFormatError
from models.detectors.plain_yaml import quote
from models.detectors.ultralytics_opening import import_ultralytics, open_yolo
from models.detectors.yolo_metadata import YoloMetadata, parse_metadata
from models.engines.cache_folder import cache_folder
from models.engines.downloads import downloading

PUBLISHED_NAME = re.compile(r"yolo(v?\d+)[a-z]?6?u?(-oiv7|-tinyu|-sppu)?")

GITHUB = "https://github.com"


def looks_published(name: str) -> bool:
    """Whether a name looks like one of Ultralytics' published detectors: yolov8n, yolo11s.pt, yolov5n6u."""
    return PUBLISHED_NAME.fullmatch(name.removesuffix(".pt")) is not None


def published_file(name: str) -> Path:
    """The file in which a downloaded model is kept."""
    return cache_folder() / "detectors" / (name.removesuffix(".pt") + ".pt")


def load_published(name: str) -> tuple[torch.nn.Module, YoloMetadata]:
    """A published model; Ultralytics downloads it on first use, into the user's cache folder.

    Raises:
        AnomalureError: If nothing is published under that name, or the download fails.
    """
    import_ultralytics()
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset

    file_name = name.removesuffix(".pt") + ".pt"
    if file_name not in GITHUB_ASSETS_NAMES:
        raise AnomalureError(
            f"Ultralytics publishes no detector named {name}. Known names are yolov8n, yolo11n, yolo26n and the like; "
            "for a file of your own give its path."
        )
    path = published_file(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            with downloading(name, GITHUB):
                attempt_download_asset(path)
    except OSError as error:  # the errors of requests are OSErrors, too
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise AnomalureError(
            f"The detector {name} could not be downloaded ({reason}). Is this computer online? Without a network, "
            "give the path of a detector that you have, or use the bundled one."
        ) from error
    if not path.is_file():
        raise AnomalureError(f"The detector {name} could not be downloaded to {path}. Try again, or give a path.")
    return load_pt(path)


def load_pt(path: Path, *, allow_code: bool = False) -> tuple[torch.nn.Module, YoloMetadata]:
    """The network of a .pt file in evaluation mode, on the CPU.

    Raises:
        ConsentNeeded: If it can only be opened by running code from it, and ``allow_code`` is false.
        FileFormatError: If it is not an Ultralytics detector.
    """
    try:
        network: Any = open_yolo(path, allow_code=allow_code).model
    except AnomalureError:
        raise
    except Exception as error:  # unpickling a foreign file can raise anything
        raise FileFormatError(
            f"{path} is not a YOLO model that Ultralytics can load ({type(error).__name__}: {quote(error)})."
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise FileFormatError(f"{path} holds a {type(network).__name__}; a YOLO network was expected.")
    stride: Any = network.stride
    values = {"task": network.task, "names": network.names, "stride": int(stride.max())}
    return network.float().eval(), parse_metadata(values, source=str(path))


class GridOnly(torch.nn.Module):
    """A YOLO network that returns only its boxes: ``(n, 4 + classes, cells)``, or ``(n, 300, 6)`` if end to end."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = _fuse(network)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """``pictures``: RGB, 0 to 1, shape ``(n, 3, h, w)``."""
        answer = self.network(pictures)
        return answer[0] if isinstance(answer, tuple | list) else answer


def _fuse(network: Any) -> torch.nn.Module:
    """The network with its batch normalisations folded into the convolutions, if it supports that."""
    return network.fuse(verbose=False) if hasattr(network, "fuse") else network
