"""Puts four sides together: which squares are likely, to the pixel.

The log odds are summed along the four sides of every square of every size, and the most likely squares of each size are
kept. A small network then compares these: four sides that are all likely are a square, and two strong ones that go on
behind the corners are a branch or a horizon.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from core.squares.square import Square
from models.localize.edges import ALONG_PX, N_STRENGTHS

CELL_PX = 8
"""The heat map has cells of so many pixels."""
LEAST_R_PX, MOST_SHARE = 28, 0.8
"""Squares are looked for from this radius on, up to this share of the shorter side."""
LEAST_SIDE_PX = math.ceil(2 * LEAST_R_PX / MOST_SHARE / CELL_PX) * CELL_PX
"""A photo must have so many pixels each way."""
KEPT, APART_PX = 16, 32
"""Of each size and strength so many squares are compared, the best ones of blocks of so many pixels."""
EXACT_PX = 2
"""A square counts as found exactly if its centre and radius are off by so much at most."""
_SEARCHED, _STRONG, _ANY = (3.5, -3.0, 1.0), (2.5, -2.0, 4.0), 1.0
_PART, _NEAR_PX, _MOST_BEYOND_PX, _USUAL_R_PX, _WIDTH = 4, 2, 60, 90, 12
_N_LINKS = 2 * N_STRENGTHS + 1
_PARTLY = (*range(N_STRENGTHS), _N_LINKS - 1)
_N_FEATURES = _N_LINKS + 4 * len(_PARTLY) + N_STRENGTHS + 1


@dataclass(frozen=True)
class Places:
    """Squares of a photo, in whole pixels: the upper row, the left column and the radius, each ``(n,)``, int."""

    top: torch.Tensor
    left: torch.Tensor
    r: torch.Tensor

    def __len__(self) -> int:
        return len(self.r)

    def join(self, squares: Sequence[Square]) -> "Places":
        """These and some more."""
        more = torch.tensor([(one.row - one.r, one.column - one.r, one.r) for one in squares], dtype=torch.long)
        old = torch.stack([self.top, self.left, self.r], 1)
        return Places(*torch.cat([old, more.reshape(-1, 3)]).unbind(1))

    def are(self, square: Square) -> torch.Tensor:
        """Whether each is this square, to ``EXACT_PX``: ``(n,)``, bool."""
        off = [(self.top + self.r - square.row), (self.left + self.r - square.column), self.r - square.r]
        return torch.stack(off).abs().amax(0) <= EXACT_PX

    def overlap(self, square: Square) -> torch.Tensor:
        """Intersection over union of each with a square, ``(n,)``."""
        sides = []
        for first, middle in ((self.top, square.row), (self.left, square.column)):
            last = (first + 2 * self.r).clamp(max=middle + square.r)
            sides.append((last - first.clamp(min=middle - square.r)).clamp(min=0))
        both = (sides[0] * sides[1]).double()
        return both / (4 * self.r**2 + 4 * square.r**2 - both)


class PlaceNet(nn.Module):
    """A score for each place from its four sides: their mean, and the weakest in each respect."""

    mean: torch.Tensor  # (d,)
    scale: torch.Tensor  # (d,)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(_N_FEATURES))
        self.register_buffer("scale", torch.ones(_N_FEATURES))
        self.side = nn.Sequential(nn.Linear(_N_FEATURES, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU())
        self.square = nn.Sequential(nn.Linear(2 * _WIDTH + 2 * _N_FEATURES, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 1))

    def measure_usual(self, features: torch.Tensor) -> None:
        """Take the mean and spread of these features ``(n, 4, d)`` as the usual ones."""
        rows = features.flatten(0, 1)
        self.mean.copy_(rows.mean(0))
        self.scale.copy_(rows.std(0) + 1e-3)

    def forward(self, places: torch.Tensor) -> torch.Tensor:
        """From features ``(n, 4, d)`` to scores ``(n,)``."""
        features = (places - self.mean) / self.scale
        sides = self.side(features)
        joined = torch.cat([sides.mean(1), sides.amin(1), features.mean(1), features.amin(1)], 1)
        scores: torch.Tensor = self.square(joined)[:, 0]
        return scores


def list_radii(height: int, width: int) -> list[int]:
    """Radii of the squares that are looked for in a picture of so many pixels, ascending."""
    return list(range(LEAST_R_PX, max(int(MOST_SHARE * min(height, width)) // 2, LEAST_R_PX) + 1))


def sum_sides(sides: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """What the log odds of each side say in several ways, summed up to each pixel: ``(links, along + 1, across + 1)``.

    Summed are the log odds cut at both ends (a single boundary proves little) as the search takes them, the same with
    more room upwards, and how many boundaries are likely at any strength.
    """
    return [_sum_up(_link(side)) for side in sides]


def search_places(sums: Sequence[torch.Tensor], radii: Sequence[int]) -> Places:
    """The most likely squares of each radius, by the sum of the log odds along their four sides, at every place.

    Args:
        sums: Of left, upper, right and lower sides, as ``sum_sides`` gives them.
        radii: To look for, each with room in the picture.
    """
    left, right = sums[0], sums[2]
    upper, lower = sums[1].transpose(1, 2).contiguous(), sums[3].transpose(1, 2).contiguous()  # rows first
    height, width = left.shape[1] - 1, upper.shape[2] - 1
    found = []
    for r in radii:
        size = 2 * r
        n_rows, n_columns = height - size + 1, width - size + 1
        for strength in range(N_STRENGTHS):
            total = left[strength, size:, :n_columns] - left[strength, :n_rows, :n_columns]
            total += right[strength, size:, size:]
            total -= right[strength, :n_rows, size:]
            total += upper[strength, :n_rows, size:]
            total -= upper[strength, :n_rows, :n_columns]
            total += lower[strength, size:, size:]
            total -= lower[strength, size:, :n_columns]
            best, where = F.max_pool2d(total[None, None], APART_PX, ceil_mode=True, return_indices=True)
            best, where = best.flatten(), where.flatten()
            if len(best) > KEPT:
                where = where[best.topk(KEPT).indices]
            found.append(torch.stack([where // n_columns, where % n_columns, torch.full_like(where, r)], 1))
    return Places(*torch.unique(torch.cat(found), dim=0).unbind(1))


def describe_places(sums: Sequence[torch.Tensor], places: Places) -> torch.Tensor:
    """Features of the four sides of each place, ``(n, 4, d)``.

    The mean of each link along the side; in its quarters at least and at most; beyond its ends at most and at least;
    the most on boundaries near it; and how large the square is.
    """
    size = 2 * places.r
    four = (
        (sums[0], places.top, places.left),
        (sums[1], places.left, places.top),
        (sums[2], places.top, places.left + size),
        (sums[3], places.left, places.top + size),
    )
    sides = [_describe_side(one, first, places.r, boundary) for one, first, boundary in four]
    features = torch.stack(sides).permute(2, 0, 1)  # (n, 4, d - 1)
    large = torch.log(places.r.float() / _USUAL_R_PX)[:, None, None].expand(-1, 4, 1)
    return torch.cat([features, large], 2)


def spread(shares: np.ndarray, places: Places, height: int, width: int) -> np.ndarray:
    """For each cell the sum of the shares of the squares that cover it: ``(height / CELL_PX, width / CELL_PX)``.

    Args:
        shares: Of each place, shape ``(n,)``.
        places: The squares; their sides are taken at the nearest line between cells.
        height: Of the picture in pixels, a multiple of ``CELL_PX``.
        width: Likewise.
    """
    corners = np.zeros((height // CELL_PX + 1, width // CELL_PX + 1))
    top, left, size = (one.numpy() for one in (places.top, places.left, 2 * places.r))
    rows, columns = ([np.rint(value / CELL_PX).astype(int) for value in (one, one + size)] for one in (top, left))
    for row, column, sign in ((0, 0, 1), (1, 0, -1), (0, 1, -1), (1, 1, 1)):
        np.add.at(corners, (rows[row], columns[column]), sign * shares)
    return corners.cumsum(0).cumsum(1)[:-1, :-1]


def _link(side: torch.Tensor) -> torch.Tensor:
    searched, strong = ((side + add).clamp(least, most) for add, least, most in (_SEARCHED, _STRONG))
    likely = 2 * torch.sigmoid(2 * (side.logsumexp(0, keepdim=True) + _ANY))
    return torch.cat([searched, strong, likely])


def _sum_up(links: torch.Tensor) -> torch.Tensor:
    """Sums from the beginning up to each pixel; within a cell of ``ALONG_PX`` they grow evenly."""
    sums = F.pad(links.cumsum(1), (0, 0, 1, 0))
    n_cells = links.shape[1]
    place = torch.arange(n_cells * ALONG_PX + 1) / ALONG_PX
    cell = place.long().clamp(max=n_cells - 1)
    return torch.lerp(sums[:, cell], sums[:, cell + 1], (place - cell)[None, :, None])


def _describe_side(sums: torch.Tensor, first: torch.Tensor, r: torch.Tensor, boundary: torch.Tensor) -> torch.Tensor:
    along, across = sums.shape[1] - 1, sums.shape[2] - 1
    last = first + 2 * r

    def average(begin: torch.Tensor, end: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        begin, end = begin.clamp(0, along), end.clamp(0, along)
        return (sums[:, end, at] - sums[:, begin, at]) / (end - begin).clamp(min=1) * ALONG_PX

    parts = torch.stack(
        [
            average(first + 2 * r * part // _PART, first + 2 * r * (part + 1) // _PART, boundary)[list(_PARTLY)]
            for part in range(_PART)
        ]
    )
    beyond = r.clamp(max=_MOST_BEYOND_PX)
    behind = torch.stack(
        [average(first - beyond, first, boundary)[list(_PARTLY)], average(last, last + beyond, boundary)[list(_PARTLY)]]
    )
    near = torch.stack(
        [
            average(first, last, (boundary + off).clamp(0, across))[:N_STRENGTHS]
            for off in range(-_NEAR_PX, _NEAR_PX + 1)
            if off
        ]
    )
    whole = average(first, last, boundary)
    return torch.cat([whole, parts.amin(0), parts.amax(0), behind.amax(0), behind.amin(0), near.amax(0)])
