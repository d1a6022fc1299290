"""A network small enough to be trained in a test, in the place of torchvision's."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file


def build_tiny_backbone(name: str, *, weights: str | Path) -> torch.nn.Module:
    """Stands in for ``build_backbone``: pictures to 12 features; ``weights`` none, default or a file."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = torch.nn.Sequential(
            torch.nn.Conv2d(3, 6, 5, stride=4),
            torch.nn.BatchNorm2d(6),
            torch.nn.ReLU(),
            torch.nn.Conv2d(6, 12, 3, stride=2),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
        )
    if weights not in ("none", "default"):
        network.load_state_dict(load_file(weights))
    return network.eval().requires_grad_(False)


def use_tiny_backbone(patch: pytest.MonkeyPatch) -> None:
    """Put the tiny network wherever a backbone is built; one thread, since they wait longer than it takes."""
    torch.set_num_threads(1)
    patch.setattr("models.encoders.backbones.build_backbone", build_tiny_backbone)
