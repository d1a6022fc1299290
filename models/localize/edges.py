"""How likely each boundary between two pixels is the side of a brightened square, from a few pixels around it.

Brightness is taken as a logarithm, in which a brightened square is a step of the same height everywhere along its
sides and in all three colours. Photos are read row by row for left and right sides, and column by column for upper and
lower ones; a right side is a left side seen in a mirror, so one small network scores all four.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from core.squares.square import Square

DARKEST = 8.0
"""Added before the logarithm, so that the noise of dark pixels does not become large steps."""
STEP, SOFT = 0.03, 0.1
"""Steps of the logarithm: of this height they are counted, and over the second one hardly more."""
MEAN_ROWS = 8
"""So many pixels along a side are averaged first: the step stays, and the texture of the photo averages out."""
REACH_PX = 5
"""A boundary is scored from so many pixels on either side."""
N_FEATURES = 8
RATIO_PARTS = (1.09,)
"""Sides are told apart by how bright the square is: under and over this ratio."""
N_STRENGTHS = len(RATIO_PARTS) + 1
_WIDTH = 24
_AROUND = (3, 17)
_FLIP = torch.tensor([-1.0] * 6 + [1.0] * 2)[:, None, None]


class EdgeNet(nn.Module):
    """Log odds of each strength of a side against no side, for each boundary of a row."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(N_FEATURES, _WIDTH, (1, 2 * REACH_PX))
        self.mix = nn.Conv2d(_WIDTH, _WIDTH, 1)
        self.say = nn.Conv2d(_WIDTH, N_STRENGTHS, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """From padded features ``(n, N_FEATURES, h, w + 2 * REACH_PX)`` to ``(n, N_STRENGTHS, h, w + 1)``."""
        logits: torch.Tensor = self.say(F.relu(self.mix(F.relu(self.look(rows)))))
        return logits


def take_logarithm(image: np.ndarray) -> torch.Tensor:
    """Log brightness of an RGB image, uint8 ``(height, width, 3)``, as ``(3, height, width)``."""
    return torch.from_numpy(np.log(image.astype(np.float32) + DARKEST)).permute(2, 0, 1).contiguous()


def list_sides(light: torch.Tensor) -> list[torch.Tensor]:
    """Features of the boundaries for the left, upper, right and lower sides, each as if it were a left one.

    Args:
        light: Log brightness, shape ``(3, height, width)``; both multiples of ``MEAN_ROWS``.

    Returns:
        Four of ``(N_FEATURES, along, across + 2 * REACH_PX)``; for right and lower sides the boundaries run backwards.
    """
    left, upper = _measure_steps(light), _measure_steps(light.transpose(1, 2))
    return [_pad(one) for one in (left, upper, _mirror(left), _mirror(upper))]


def judge_sides(net: EdgeNet, light: torch.Tensor) -> list[torch.Tensor]:
    """Log odds for the left, upper, right and lower sides, each ``(N_STRENGTHS, along, across + 1)``, in order."""
    found = [net(side[None])[0] for side in list_sides(light)]
    return [*found[:2], found[2].flip(2), found[3].flip(2)]


def sample_boundaries(
    light: torch.Tensor, squares: list[Square], rng: np.random.Generator, *, n: int = 1000, most_a_side: int = 40
) -> tuple[torch.Tensor, torch.Tensor]:
    """Boundaries to learn from: ``n`` at random in each direction, and those on the sides of the squares.

    Returns:
        Features ``(m, N_FEATURES, 1, 2 * REACH_PX)``, and classes ``(m,)``: 0 is no side, 1 and more the strengths.
    """
    features, classes = [], []
    for number, side in enumerate(list_sides(light)):
        along, across = side.shape[1], side.shape[2] - 2 * REACH_PX + 1
        features.append(_gather(side, rng.integers(0, along, n), rng.integers(0, across, n)))
        classes.append(np.zeros(n, int))
        for square in squares:
            middle, beside = (square.row, square.column) if number % 2 == 0 else (square.column, square.row)
            places = np.arange(max((middle - square.r) // MEAN_ROWS, 0), min((middle + square.r) // MEAN_ROWS, along))
            if len(places) > most_a_side:
                places = rng.choice(places, most_a_side, replace=False)
            boundary = beside - square.r if number < 2 else across - 1 - (beside + square.r)
            if 0 <= boundary < across and len(places):
                features.append(_gather(side, places, np.full(len(places), boundary)))
                strength = 1 + int(np.searchsorted(RATIO_PARTS, square.discolor_ratio))
                classes.append(np.full(len(places), strength))
    return torch.cat(features), torch.from_numpy(np.concatenate(classes))


def _measure_steps(light: torch.Tensor) -> torch.Tensor:
    """Features of each boundary, ``(N_FEATURES, height / MEAN_ROWS, width + 1)``.

    The mean step of the three colours; the same with high steps cut down, so that a few strong edges change little; how
    uneven it is around; and the brightness.
    """
    height, width = light.shape[1:]
    cells = (3, height // MEAN_ROWS, MEAN_ROWS)
    steps = light[:, :, 1:] - light[:, :, :-1]
    plain = torch.asinh(steps.reshape(*cells, width - 1).mean(2) / STEP)
    soft = 2 * torch.tanh(steps / SOFT).reshape(*cells, width - 1).mean(2)
    height_of = steps.abs().mean(0).reshape(*cells[1:], width - 1).mean(1)
    uneven = F.avg_pool2d(height_of[None, None], _AROUND, 1, (_AROUND[0] // 2, _AROUND[1] // 2))[0]
    between = F.pad(torch.cat([plain, soft, torch.asinh(uneven / STEP) - 1]), (1, 1))
    bright = F.pad(light.mean(0).reshape(*cells[1:], width).mean(1)[None, None], (0, 1, 0, 0), mode="replicate")[0]
    return torch.cat([between, (bright - 4) / 1.5])


def _mirror(features: torch.Tensor) -> torch.Tensor:
    return features.flip(2) * _FLIP


def _pad(features: torch.Tensor) -> torch.Tensor:
    return F.pad(features[None], (REACH_PX, REACH_PX - 1, 0, 0))[0]


def _gather(side: torch.Tensor, rows: np.ndarray, boundaries: np.ndarray) -> torch.Tensor:
    columns = boundaries[:, None] + np.arange(2 * REACH_PX)
    picked = side[:, torch.from_numpy(rows)[:, None], torch.from_numpy(columns)]  # (N_FEATURES, m, 2 * REACH_PX)
    return picked.permute(1, 0, 2)[:, :, None]
