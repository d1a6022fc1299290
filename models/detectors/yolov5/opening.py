"""Opens the files of detectors from the YOLOv5 and YOLOv9 repositories without running code from them."""

import re
from pathlib import Path
from typing import Any

import torch

from core.errors import FileFormatError
from models.detectors.yolo_metadata import YoloMetadata, parse_metadata
from models.detectors.yolov5.network import LAYERS, AnchorHead, Detector, FreeHead, Layer

# Where the repositories define layers; packages that were made of them have a name before it.
_OF_REPOSITORY = re.compile(r"(?:[a-z0-9_]+\.)?models\.(?:yolo|common|experimental)\.(?P<name>\w+)")
_OF_TORCH = frozenset(
    f"torch.nn.modules.{module}.{name}"
    for module, names in {
        "conv": ("Conv2d",),
        "batchnorm": ("BatchNorm2d",),
        "activation": ("SiLU", "LeakyReLU", "ReLU", "Hardswish"),
        "container": ("Sequential", "ModuleList"),
        "linear": ("Identity",),
        "pooling": ("MaxPool2d", "AvgPool2d"),
        "upsampling": ("Upsample",),
    }.items()
    for name in names
)


class Passive(Layer):
    """Stands for anything in a file that running a detector does not need, such as figures of its training."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __new__(cls, *_: Any, **__: Any) -> "Passive":
        """Takes any arguments."""
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """What it was is not kept, except for its place among the layers of a network."""
        super().__init__()
        if isinstance(state, dict):
            self.__dict__.update({key: state[key] for key in ("f", "i") if key in state})


def is_of_repository(path: Path) -> bool:
    """Whether a ``.pt`` file comes from one of these repositories; other files, also damaged ones, are not theirs."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # a damaged or foreign file can raise anything
        return False
    return any(_OF_REPOSITORY.fullmatch(name) for name in names)


def open_yolov5(path: Path) -> tuple[torch.nn.Module, YoloMetadata]:
    """The network of a file in evaluation mode, on the CPU: RGB 0 to 1 ``(n, 3, h, w)`` to ``(n, 4 + classes, cells)``.

    Nothing of the file is run: names of its layers become layers of ``network.py``, and everything else stays passive.

    Raises:
        FileFormatError: If it is not such a detector.
    """
    try:
        allowed: list[Any] = [
            (_find_class(name), name) for name in torch.serialization.get_unsafe_globals_in_checkpoint(path)
        ]
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise FileFormatError(
            f"{path} cannot be read as a YOLOv5 or YOLOv9 detector ({type(error).__name__}: {str(error)[:200]})."
        ) from error
    network = (content.get("model") or content.get("ema")) if isinstance(content, dict) else content
    if not isinstance(network, Detector) or not isinstance(network.model[-1], AnchorHead | FreeHead):
        raise FileFormatError(f"{path} holds no detector of YOLOv5 or YOLOv9; one with boxes was expected.")
    network = network.float().eval().requires_grad_(False)
    _settle(network)
    stride: Any = network.model[-1].stride
    names = getattr(network, "names", None)
    values = {"names": names if isinstance(names, list | dict) else None, "stride": int(max(stride))}
    return network, parse_metadata(values, source=str(path))


def _find_class(name: str) -> Any:
    """The class that stands for a name in a file."""
    if name in _OF_TORCH:
        return getattr(torch.nn, name.rpartition(".")[2])
    found = _OF_REPOSITORY.fullmatch(name)
    return LAYERS.get(found["name"], Passive) if found else Passive


def _settle(network: Detector) -> None:
    """Put right what older versions of torch and of the repositories wrote differently."""
    for layer in network.modules():
        if isinstance(layer, torch.nn.Upsample) and not hasattr(layer, "recompute_scale_factor"):
            layer.recompute_scale_factor = None
    head = network.model[-1]
    if isinstance(head, FreeHead):
        head.leave_out_helper()
    needed = network.list_needed()
    for i, layer in enumerate(network.model):
        if i in needed and any(isinstance(part, Passive) for part in layer.modules()):
            raise FileFormatError(f"Layer {i} of the network is of a kind that Anomalure does not know.")
