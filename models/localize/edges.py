"""How likely each boundary between two pixels is the side of a brightened square, from a few pixels around it.

Brightness is taken as a logarithm, in which a brightened square is a step of the same height everywhere along its
sides and in all three colours. Each row of pixels counts by itself at first: in foliage most steps are far higher
than that of a square, and the few smooth pixels between the leaves say the most. A right side is a left side seen in a
mirror, and upper and lower ones are seen in the turned photo, so one small network serves all four.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from core.squares.square import Square

DARKEST = 8.0
"""Added before the logarithm, so that the noise of dark pixels does not become large steps."""
FAINT, SOFT, STRONG = 0.03, 0.1, 0.3
"""Steps of the logarithm that are told from smaller and from larger ones."""
ALONG_PX = 4
"""The network says one thing for so many boundaries that follow each other along a side."""
REACH_PX = 6
"""A boundary is scored from so many others on either side."""
N_FEATURES = 9
RATIO_PARTS = (1.09,)
"""Sides are told apart by how bright the square is: under and over this ratio."""
N_STRENGTHS = len(RATIO_PARTS) + 1
NEARLY_WHITE, WRAPPED_UNDER, WRAPPED_FROM, VALUES = 250, 64, 200, 256
MOST_WRAPPED_RATIO = 1.2
"""Some makers of squares let values over 255 begin again at 0: then a bright pixel has a dark one beside it."""
_WIDTH = 24
_BEFORE, _BEHIND, _BESIDE = REACH_PX + 1, REACH_PX, 1


class EdgeNet(nn.Module):
    """Log odds of each strength of a side against no side, for each boundary and ``ALONG_PX`` pixels along it."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(N_FEATURES, _WIDTH, (4, 2 * REACH_PX), stride=(2, 1))
        self.mix = nn.Conv2d(_WIDTH, _WIDTH, 1)
        self.join = nn.Conv2d(_WIDTH, _WIDTH, 1)
        self.say = nn.Conv2d(_WIDTH, N_STRENGTHS, 1)

    def forward(self, light: torch.Tensor) -> torch.Tensor:
        """From padded brightness ``(n, 3, h + 2, w + 13)``, 0 to 255, to ``(n, N_STRENGTHS, h / ALONG_PX, w + 1)``."""
        rows = F.relu(self.mix(F.relu(self.look(measure_steps(light)))))  # (n, _WIDTH, h / 2, w + 1)
        logits: torch.Tensor = self.say(F.relu(self.join(F.avg_pool2d(rows, (ALONG_PX // 2, 1)))))
        return logits


def turn_photo(image: np.ndarray) -> list[torch.Tensor]:
    """An RGB image, uint8 ``(height, width, 3)``, turned so that its left, upper, right and lower sides are left ones.

    Returns:
        Four of ``(3, along + 2, across + 13)``, padded as the network needs it; both multiples of ``ALONG_PX``
        without the padding. For right and lower sides the boundaries run backwards.
    """
    light = torch.from_numpy(np.array(image, np.float32)).permute(2, 0, 1)
    turned = light.transpose(1, 2)
    padding = (_BEFORE, _BEHIND, _BESIDE, _BESIDE)
    return [
        F.pad(one.contiguous()[None], padding, mode="replicate")[0]
        for one in (light, turned, light.flip(2), turned.flip(2))
    ]


def judge_sides(net: EdgeNet, image: np.ndarray) -> list[torch.Tensor]:
    """Log odds of left, upper, right and lower sides, each ``(N_STRENGTHS, cells along, across + 1)``, in order."""
    found = [net(side[None])[0] for side in turn_photo(image)]
    return [*found[:2], found[2].flip(2), found[3].flip(2)]


def sample_boundaries(
    image: np.ndarray, squares: list[Square], rng: np.random.Generator, *, n: int = 1000, most_a_side: int = 60
) -> tuple[torch.Tensor, torch.Tensor]:
    """Boundaries to learn from: ``n`` at random in each direction, and those on the sides of the squares.

    Returns:
        What the network sees of each, ``(m, 3, 6, 13)``, and classes ``(m,)``: 0 is no side, 1 and more the strengths.
    """
    seen, classes = [], []
    for number, side in enumerate(turn_photo(image)):
        along, across = side.shape[1] // ALONG_PX, side.shape[2] - _BEFORE - _BEHIND + 1
        seen.append(_gather(side, rng.integers(0, along, n), rng.integers(0, across, n)))
        classes.append(np.zeros(n, int))
        for square in squares:
            middle, beside = (square.row, square.column) if number % 2 == 0 else (square.column, square.row)
            first = max(-(-(middle - square.r) // ALONG_PX), 0)
            cells = np.arange(first, min((middle + square.r) // ALONG_PX, along))
            if len(cells) > most_a_side:
                cells = rng.choice(cells, most_a_side, replace=False)
            boundary = beside - square.r if number < 2 else across - 1 - (beside + square.r)
            if 0 <= boundary < across and len(cells):
                seen.append(_gather(side, cells, np.full(len(cells), boundary)))
                strength = 1 + int(np.searchsorted(RATIO_PARTS, square.discolor_ratio))
                classes.append(np.full(len(cells), strength))
    return torch.cat(seen), torch.from_numpy(np.concatenate(classes))


def measure_steps(light: torch.Tensor) -> torch.Tensor:
    """Features of the boundary behind each pixel, ``(n, N_FEATURES, h, w - 1)``.

    The step of each colour, with high ones cut down, so that a few strong edges change little; their mean, cut early
    and late; how high steps are; whether values begin again at 0; the brightness; and whether it is nearly white.
    """
    before, behind = light[..., :-1], light[..., 1:]
    logarithm = torch.log(light + DARKEST)
    steps = logarithm[..., 1:] - logarithm[..., :-1]
    mean = steps.mean(1, keepdim=True)
    wrapped = (behind < WRAPPED_UNDER) & (before > WRAPPED_FROM)
    wrapped &= (behind + VALUES > before) & (behind + VALUES < MOST_WRAPPED_RATIO * before)
    return torch.cat(
        [
            torch.tanh(steps / SOFT),
            torch.tanh(mean / FAINT),
            torch.tanh(mean / STRONG),
            torch.tanh(steps.abs().mean(1, keepdim=True) / SOFT),
            wrapped.any(1, keepdim=True).float(),
            (logarithm[..., 1:].mean(1, keepdim=True) - 4) / 1.5,
            (behind.amax(1, keepdim=True) >= NEARLY_WHITE).float(),
        ],
        1,
    )


def _gather(side: torch.Tensor, cells: np.ndarray, boundaries: np.ndarray) -> torch.Tensor:
    rows = cells[:, None] * ALONG_PX + np.arange(ALONG_PX + 2 * _BESIDE)
    columns = boundaries[:, None] + np.arange(_BEFORE + _BEHIND)
    picked = side[:, torch.from_numpy(rows)[:, :, None], torch.from_numpy(columns)[:, None, :]]  # (3, m, 6, 13)
    return picked.permute(1, 0, 2, 3)
