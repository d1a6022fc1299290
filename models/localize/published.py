"""The five small networks of the published work, which predict the square's centre from the whole photo at once.

Three see the photo alone, at two learning rates, or are told the radius and the ratio of the square, too: before the
dense layers, before the last one, or through a layer of their own. They are a comparison, not for use: see the README.
"""

import itertools
import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import nn

from core.errors import AnomalureError, PhotoUnreadable
from core.squares.square import WHITE, Square
from models.localize.methods import NETWORKS
from models.localize.photos import PhotoSet, Scaled

SIDE_PX = 100
BATCH = 16
MOST_KEPT = 4_000
"""Small photos that are kept in memory, 30 kB each."""
_FLAT = 32 * (SIDE_PX // 8) ** 2
_NUMBERS = 2
_Small = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class CentreNet(nn.Module):
    """Three convolutions and three dense layers, from a small photo (and two numbers) to the centre."""

    def __init__(self, numbers: str) -> None:
        super().__init__()
        self.numbers = numbers
        channels = (3, 8, 16, 32)
        self.look = nn.Sequential(
            *(
                layer
                for before, after in itertools.pairwise(channels)
                for layer in (nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
            ),
            nn.Flatten(),
        )
        self.own = nn.Sequential(nn.Linear(_NUMBERS, 8), nn.ReLU())
        joined = {"early": _NUMBERS, "layer": 8}.get(numbers, 0)
        self.dense = nn.Sequential(nn.Linear(_FLAT + joined, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.last = nn.Linear(32 + (_NUMBERS if numbers == "late" else 0), 2)

    def forward(self, photos: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """From photos ``(n, 3, 100, 100)`` and numbers ``(n, 2)`` to row and column as shares, ``(n, 2)``."""
        seen = self.look(photos)
        if self.numbers in ("early", "layer"):
            seen = torch.cat([seen, numbers if self.numbers == "early" else self.own(numbers)], 1)
        seen = self.dense(seen)
        centre: torch.Tensor = self.last(torch.cat([seen, numbers], 1) if self.numbers == "late" else seen)
        return centre


def train_published(
    name: str,
    photos: PhotoSet,
    *,
    epochs: int = 20,
    seed: int = 0,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> CentreNet:
    """Train one of the five on photos with known squares, by the mean squared error of the centre.

    Raises:
        AnomalureError: If no photo can be used, or the loss is no number.
    """
    chosen = NETWORKS[name]
    torch.manual_seed(seed)
    net = CentreNet(chosen.numbers)
    optimizer = torch.optim.Adam(net.parameters(), lr=chosen.rate)
    draws, small = np.random.default_rng(seed), _SmallPhotos(photos)
    for epoch in range(epochs):
        order, seen = draws.permutation(len(photos)), 0
        for start in range(0, len(order), BATCH):
            batch = small.read(order[start : start + BATCH])
            if batch is None:
                continue
            pictures, numbers, centres = batch
            error = ((net(pictures, numbers) - centres) ** 2).mean()
            if not math.isfinite(error.item()):
                raise AnomalureError(f"The training of {name} failed: the loss is not a number. Try another seed.")
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            seen += len(pictures)
        if not seen:
            raise AnomalureError(f"No photo with a square in {photos.folder} can be read.")
        on_step(epoch + 1, epochs)
    return net.eval()


def locate(net: CentreNet, scaled: Scaled, square: Square) -> tuple[float, float]:
    """Row and column that the network says, in pixels of the scaled photo."""
    with torch.inference_mode():
        centre = (
            net(_shrink(scaled.pixels)[None].float() / WHITE, _list_numbers(square, scaled)[None])[0].double().numpy()
        )
    height, width = scaled.pixels.shape[:2]
    return float(centre[0] * height), float(centre[1] * width)


class _SmallPhotos:
    """Reads photos small, with the numbers and the centre of each; the first few thousand are read only once."""

    def __init__(self, photos: PhotoSet) -> None:
        self._photos = photos
        self._kept: dict[int, _Small | None] = {}

    def read(self, numbers: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
        """Photos ``(n, 3, 100, 100)``, numbers and centres ``(n, 2)`` of those that can be read; None if none can."""
        read = [one for number in numbers if (one := self._read_one(int(number))) is not None]
        if not read:
            return None
        small, given, centres = zip(*read, strict=True)
        return torch.stack(small).float() / WHITE, torch.stack(given), torch.stack(centres)

    def _read_one(self, number: int) -> "_Small | None":
        if number in self._kept:
            return self._kept[number]
        try:
            scaled, square = self._photos.read(number)
        except PhotoUnreadable:
            found = None
        else:
            found = None
            if square is not None:
                height, width = scaled.pixels.shape[:2]
                centre = torch.tensor([square.row / height, square.column / width])
                found = (_shrink(scaled.pixels), _list_numbers(square, scaled), centre)
        if len(self._kept) < MOST_KEPT:
            self._kept[number] = found
        return found


def _shrink(pixels: np.ndarray) -> torch.Tensor:
    small = cv2.resize(pixels, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1)


def _list_numbers(square: Square, scaled: Scaled) -> torch.Tensor:
    return torch.tensor([square.r / max(scaled.pixels.shape[:2]), square.discolor_ratio - 1])
