"""YOLO models in Ultralytics' format: the network of a .pt file."""

from pathlib import Path
from typing import Any

import torch

from core.errors import AnomalureError, FileFormatError
from models.detectors.plain_yaml import quote
from models.detectors.ultralytics_opening import open_yolo
from models.detectors.yolo_metadata import YoloMetadata, parse_metadata


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
