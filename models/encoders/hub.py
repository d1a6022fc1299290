"""Encoders that are published as files of a hub: any model of timm, and image towers of open_clip."""

from pathlib import Path
from typing import Any

import torch

from core.disk.text import read_json
from core.errors import AnomalureError, FileFormatError
from models.encoders.lite import Rescale

CONFIG = "a JSON object, as timm or open_clip publish it beside their weights"
# Pixels come normalised as torchvision's weights expect them, for every encoder alike.
_MEAN, _SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class HubNetwork(torch.nn.Module):
    """A published network: float ``(n, 3, px, px)``, normalised as for ImageNet, to float ``(n, d)``.

    Inside, pixels are normalised as its own weights expect them.
    """

    def __init__(self, network: torch.nn.Module, *, mean: list[float], scale: list[float]) -> None:
        super().__init__()
        factor = torch.tensor(_SCALE) / torch.tensor(scale)
        shift = (torch.tensor(_MEAN) - torch.tensor(mean)) / torch.tensor(scale)
        self.rescale = Rescale(factor.view(1, 3, 1, 1), shift.view(1, 3, 1, 1))
        self.network = network

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """One vector for each picture: what the network itself gives to its classifier."""
        features: torch.Tensor = self.network(self.rescale(pictures))
        return features


def open_timm(folder: Path, *, name: str, input_px: int) -> HubNetwork:
    """The network in a folder with timm's ``config.json`` and weights, without its classifier, in evaluation mode.

    Class token or pooling, and normalisation, are those of the config. A vision transformer is set to ``input_px``.

    Raises:
        FileFormatError: If the files are damaged or do not fit together.
    """
    from timm.models import create_model
    from timm.models.vision_transformer import VisionTransformer

    config = _read_config(folder / "config.json")
    about = config.get("pretrained_cfg") or config  # until 2023 everything stood on one level
    values: dict[str, Any] = {"pretrained": True, "num_classes": 0}
    try:
        plain: Any = create_model(f"local-dir:{folder}", pretrained=False, num_classes=0)
        if about.get("fixed_input_size") or isinstance(plain, VisionTransformer):
            values["img_size"] = input_px
        network: torch.nn.Module = create_model(f"local-dir:{folder}", **values)
        mean, scale = _three(about.get("mean")), _three(about.get("std"))
    except Exception as error:  # files of others can raise anything
        raise _make_no_encoder(folder, name, error) from error
    return HubNetwork(network, mean=mean, scale=scale).eval().requires_grad_(False)


def open_open_clip(folder: Path, *, name: str) -> HubNetwork:
    """The image tower in a folder with open_clip's ``open_clip_config.json`` and weights, in evaluation mode.

    Raises:
        AnomalureError: If the package open_clip_torch is not installed.
        FileFormatError: If the files are damaged or do not fit together.
    """
    try:
        import open_clip
    except ImportError as error:
        raise AnomalureError(
            f"{name} needs the package open_clip_torch, which is not installed: pip install open_clip_torch. The other "
            "encoders of python cli.py models list need nothing more."
        ) from error
    config = _read_config(folder / "open_clip_config.json")
    try:
        whole: Any = open_clip.create_model(f"local-dir:{folder}", precision="fp32", device="cpu")
        about = config.get("preprocess_cfg", {})
        mean, scale = _three(about.get("mean")), _three(about.get("std"))
    except Exception as error:  # files of others can raise anything
        raise _make_no_encoder(folder, name, error) from error
    return HubNetwork(whole.visual, mean=mean, scale=scale).eval().requires_grad_(False)


def _make_no_encoder(folder: Path, name: str, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"The files of {name} in {folder} do not make an encoder ({type(error).__name__}: {str(error)[:200]}). "
        f"Remove them (python cli.py models remove {name}) and get them again."
    )


def read_input_px(folder: Path) -> int:
    """The side of the pictures that timm's config in a folder names; 0 if there is none."""
    path = folder / "config.json"
    if not path.is_file():
        return 0
    config = _read_config(path)
    size = (config.get("pretrained_cfg") or config).get("input_size")
    return size[-1] if isinstance(size, list) and size and isinstance(size[-1], int) else 0


def _read_config(path: Path) -> dict[str, Any]:
    config = read_json(path, expected=CONFIG)
    if not isinstance(config, dict):
        raise FileFormatError(f"{path} should hold {CONFIG}.")
    return config


def _three(values: Any) -> list[float]:
    if not isinstance(values, list | tuple) or len(values) != 3:
        raise ValueError(f"a mean and a std of three channels were expected, got {values!r}")
    return [float(value) for value in values]
