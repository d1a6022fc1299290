"""Autoencoders as encoders: a crop through a narrow layer and back, and how much of it was lost on the way."""

import math
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from core.errors import AnomalureError, FileFormatError
from core.settings.training import AUTOENCODERS, SIDE_STEP_PX, explain_side
from models.encoders.spec import LEAST_INPUT_PX, MOST_INPUT_PX

DENSE, CONVOLUTIONAL = AUTOENCODERS
HIDDEN = 256
"""Neurons of the dense layers before and after the bottleneck."""
CHANNELS = (16, 32, 64, 64)
"""Of the maps, each half as wide as the one before."""
STRIDES = 2 ** len(CHANNELS)
assert STRIDES == SIDE_STEP_PX
MAP_CELLS = 16
"""Cells on a side of the map of errors; the worst part of a crop is two cells wide."""
GREY_LEVELS = 255.0
N_ERRORS = 2
LEAST_BOTTLENECK, MOST_BOTTLENECK = 2, 4096


class Autoencoder(torch.nn.Module):
    """Puts crops through a bottleneck: float ``(n, 3, px, px)``, 0 to 1, to ``(n, bottleneck + 2)``.

    The vector has two sections: the bottleneck, and two reconstruction errors in grey levels, 0 to 255, higher is
    more anomalous: the root of the mean squared difference of the whole crop, and of its worst part, a square of an
    eighth of the side.

    ``limit``: 95% of the cells of the maps of held-out crops have a smaller error, in grey levels.

    Source: Hinton and Salakhutdinov, Science 2006; convolutional: Masci et al., ICANN 2011; the error as an anomaly
    score: Japkowicz et al., IJCAI 1995.
    """

    def __init__(self, form: str, *, input_px: int, bottleneck: int, limit: float = GREY_LEVELS) -> None:
        """Random weights.

        Args:
            form: ``autoencoder_dense`` or ``autoencoder_conv``.
            input_px: Side of the crops, a multiple of 16.
            bottleneck: Numbers that a crop is squeezed to.
            limit: See above.

        Raises:
            AnomalureError: If the sizes do not fit the form.
        """
        super().__init__()
        check_sizes(form, input_px=input_px, bottleneck=bottleneck)
        self.form, self.input_px, self.bottleneck, self.limit = form, input_px, bottleneck, limit
        self.sections = (bottleneck, N_ERRORS)
        if form == DENSE:
            shape = (3, input_px, input_px)
            n = math.prod(shape)
            self.squeeze = torch.nn.Sequential(
                torch.nn.Flatten(),
                torch.nn.Linear(n, HIDDEN),
                torch.nn.BatchNorm1d(HIDDEN),
                torch.nn.ReLU(),
                torch.nn.Linear(HIDDEN, bottleneck),
            )
            self.rebuild = torch.nn.Sequential(
                torch.nn.Linear(bottleneck, HIDDEN),
                torch.nn.BatchNorm1d(HIDDEN),
                torch.nn.ReLU(),
                torch.nn.Linear(HIDDEN, n),
                torch.nn.Unflatten(1, shape),
            )
            return
        layers: list[torch.nn.Module] = []
        for before, after in zip((3, *CHANNELS[:-1]), CHANNELS, strict=True):
            conv = torch.nn.Conv2d(before, after, 4, stride=2, padding=1)
            layers += [conv, torch.nn.BatchNorm2d(after), torch.nn.ReLU()]
        shape = (CHANNELS[-1], input_px // STRIDES, input_px // STRIDES)
        n = math.prod(shape)
        self.squeeze = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(n, bottleneck))
        layers = [torch.nn.Linear(bottleneck, n), torch.nn.ReLU(), torch.nn.Unflatten(1, shape)]
        for before, after in zip(reversed(CHANNELS), (*reversed(CHANNELS[:-1]), 3), strict=True):
            back = torch.nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
            layers += [back, torch.nn.BatchNorm2d(after), torch.nn.ReLU()]
        self.rebuild = torch.nn.Sequential(*layers[:-2])

    def reconstruct(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The bottleneck ``(n, bottleneck)``, and the crops put together from it, 0 to 1, ``(n, 3, px, px)``."""
        code = self.squeeze(pictures)
        return code, torch.sigmoid(self.rebuild(code))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The bottleneck and the two errors side by side."""
        code, rebuilt = self.reconstruct(pictures)
        return torch.cat([code, measure_errors(pictures, rebuilt)], dim=1)


def measure_errors(pictures: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    """The errors of the whole crop and of its worst part, in grey levels, shape ``(n, 2)``.

    Args:
        pictures: 0 to 1, shape ``(n, 3, px, px)``.
        rebuilt: The same.
    """
    squared = (pictures - rebuilt).square().mean(dim=1, keepdim=True)  # (n, 1, px, px)
    cell = squared.shape[2] // MAP_CELLS
    parts = torch.nn.functional.avg_pool2d(squared, 2 * cell, stride=cell)  # (n, 1, 15, 15)
    return GREY_LEVELS * torch.cat([squared.mean(dim=(2, 3)), parts.amax(dim=(2, 3))], dim=1).sqrt()


def map_errors(pictures: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    """The error of each cell in grey levels, shape ``(n, 16, 16)``; the arguments are as for ``measure_errors``."""
    squared = (pictures - rebuilt).square().mean(dim=1, keepdim=True)
    return GREY_LEVELS * torch.nn.functional.avg_pool2d(squared, squared.shape[2] // MAP_CELLS)[:, 0].sqrt()


def check_sizes(form: str, *, input_px: int, bottleneck: int) -> None:
    """Refuse sizes that an autoencoder cannot have.

    Raises:
        AnomalureError: With what would do.
    """
    if form not in AUTOENCODERS:
        raise AnomalureError(f"An autoencoder is {' or '.join(AUTOENCODERS)}, got {form!r}.")
    if why_not := explain_side(input_px, form):
        raise AnomalureError(why_not)
    if not LEAST_INPUT_PX <= input_px <= MOST_INPUT_PX:
        raise AnomalureError(f"An encoder takes crops of {LEAST_INPUT_PX} to {MOST_INPUT_PX} px, got {input_px} px.")
    if not LEAST_BOTTLENECK <= bottleneck <= MOST_BOTTLENECK:
        raise AnomalureError(f"A bottleneck has {LEAST_BOTTLENECK} to {MOST_BOTTLENECK} numbers, got {bottleneck}.")


def pack_autoencoder(network: Autoencoder) -> bytes:
    """The content of a safetensors file with the weights and the sizes."""
    weights = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    about = {
        "form": network.form,
        "input_px": str(network.input_px),
        "bottleneck": str(network.bottleneck),
        "limit": repr(network.limit),
    }
    return safetensors.torch.save(weights, metadata=about)


def load_autoencoder(path: Path) -> Autoencoder:
    """The network of a file of ``pack_autoencoder``, in evaluation mode, on the CPU. Loading it runs no code.

    Raises:
        AnomalureError: If the file is not there.
        FileFormatError: If it is damaged or holds something else.
    """
    if not path.is_file():
        raise AnomalureError(f"There is no file {path}; the .safetensors file of an autoencoder was expected.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            about: Mapping[str, str] = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (it is not a dictionary)
        if "form" not in about:
            raise ValueError("it does not say that it is one")
        limit = float(about["limit"])
        if not (math.isfinite(limit) and limit >= 0):
            raise ValueError(f"its limit must be a number >= 0, got {limit}")
        with torch.device("meta"):  # sizes are compared before anything is made of them
            sizes = {"input_px": int(about["input_px"]), "bottleneck": int(about["bottleneck"])}
            network = Autoencoder(about["form"], **sizes, limit=limit)
        expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
        found = {key: tuple(value.shape) for key, value in weights.items()}
        if found != expected:
            wrong = sorted(key for key in {*expected, *found} if expected.get(key) != found.get(key))
            raise ValueError(f"{', '.join(wrong[:3])} should have the shapes of an {network.form}")
        if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
            raise ValueError("its weights are not all numbers")
        types = {key: value.dtype for key, value in network.state_dict().items()}
        network.load_state_dict({key: value.to(types[key]) for key, value in weights.items()}, assign=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, safetensors.SafetensorError, AnomalureError) as why:
        raise FileFormatError(
            f"{path.name} cannot be used as an autoencoder ({str(why)[:200].rstrip('.')}). Train it again, or give a "
            "file that this version has trained."
        ) from why
    return network.eval().requires_grad_(False)
