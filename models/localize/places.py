"""Puts four sides together: how likely a square of each size is at each place.

The log odds along a side are averaged, for each size of square, and compared with the other lines of the
photo. All of it is a convolution: the same sums and the same small network at every place.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from core.squares.square import Square
from models.localize.edges import MEAN_ROWS, N_STRENGTHS

CELL_PX = 8
"""Places and sizes are looked for in steps of so many pixels."""
FINE_PX = 2
SLACK_PX = 6
"""A side may be so far from the step, because sides of a square lie between steps."""
LEAST_CELLS, GROWTH, MOST_SHARE = 7, 1.05, 0.8
LEAST_SIDE_PX = math.ceil(LEAST_CELLS / MOST_SHARE) * CELL_PX
"""A photo must have so many pixels each way."""
_USUAL_CELLS, _WIDTH, _FAR = 20, 24, -30.0
_N_FEATURES = 6 * N_STRENGTHS + 1


class PlaceNet(nn.Module):
    """A score for each place from its four sides: the weakest, the second weakest and all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Sequential(
            nn.Linear(_N_FEATURES, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, 1)
        )
        self.plain = nn.Linear(_N_FEATURES, 1)
        with torch.no_grad():  # so it begins with what was found to work without learning
            for layer in (self.deep[-1], self.plain):
                for parameter in layer.parameters():
                    parameter.zero_()
            self.plain.weight[0, 3 * N_STRENGTHS : 4 * N_STRENGTHS] = 0.3
            self.plain.weight[0, 5 * N_STRENGTHS : 6 * N_STRENGTHS] = 0.7

    def forward(self, places: torch.Tensor) -> torch.Tensor:
        """From features ``(n, d)`` to scores ``(n,)``."""
        scores: torch.Tensor = (self.deep(places) + self.plain(places))[:, 0]
        return scores


def list_sizes(height: int, width: int) -> list[int]:
    """Sides of the squares that are looked for in a picture of so many pixels, in cells, ascending."""
    sizes, size = [], float(LEAST_CELLS)
    while size <= MOST_SHARE * min(height, width) / CELL_PX:
        sizes.append(round(size))
        size = max(size + 1, size * GROWTH)
    return sizes


def describe_places(
    sides: list[torch.Tensor], height: int, width: int, sizes: Sequence[int] | None = None
) -> torch.Tensor:
    """Features of each place and size, ``(n, d)``, in the order of ``index_places``.

    Args:
        sides: Log odds of left, upper, right and lower sides, as ``judge_sides`` gives them.
        height: Of the picture in pixels, a multiple of ``CELL_PX``.
        width: Likewise.
        sizes: Only these; None: all.
    """
    sums = [_sum_along(side) for side in sides]
    return torch.cat([_describe_size(sums, size).flatten(1).t() for size in sizes or list_sizes(height, width)])


def index_places(
    height: int, width: int, sizes: Sequence[int] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of the centre and the radius of each place and size, in pixels, each ``(n,)``."""
    rows, columns, radii = [], [], []
    for size in sizes or list_sizes(height, width):
        top, left = np.mgrid[: height // CELL_PX + 1 - size, : width // CELL_PX + 1 - size]
        rows.append((top.ravel() + size / 2) * CELL_PX)
        columns.append((left.ravel() + size / 2) * CELL_PX)
        radii.append(np.full(top.size, size * CELL_PX / 2))
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(radii)


def counts_as(size: int, square: Square) -> bool:
    """Whether places of this size can count as the square."""
    return abs(size * CELL_PX / 2 - square.r) <= max(CELL_PX, 0.07 * square.r)


def find_nearest(index: tuple[np.ndarray, np.ndarray, np.ndarray], square: Square) -> np.ndarray:
    """The places that count as this square: within a step of its centre, and of nearly its size."""
    rows, columns, radii = index
    near = (np.abs(rows - square.row) <= CELL_PX) & (np.abs(columns - square.column) <= CELL_PX)
    return np.flatnonzero(near & (np.abs(radii - square.r) <= max(CELL_PX, 0.07 * square.r)))


def spread(shares: np.ndarray, height: int, width: int) -> np.ndarray:
    """For each cell the sum of the shares of the squares that cover it: ``(height / CELL_PX, width / CELL_PX)``.

    Args:
        shares: Of each place and size, shape ``(n,)``, in the order of ``index_places``.
    """
    n_rows, n_columns = height // CELL_PX, width // CELL_PX
    corners = np.zeros((n_rows + 1, n_columns + 1))
    start = 0
    for size in list_sizes(height, width):
        shape = (n_rows + 1 - size, n_columns + 1 - size)
        part = shares[start : start + shape[0] * shape[1]].reshape(shape)
        start += part.size
        corners[: shape[0], : shape[1]] += part
        corners[size:, : shape[1]] -= part
        corners[: shape[0], size:] -= part
        corners[size:, size:] += part
    return corners.cumsum(0).cumsum(1)[:n_rows, :n_columns]


def _sum_along(side: torch.Tensor) -> torch.Tensor:
    """Sums from the beginning up to each cell: ``(N_STRENGTHS, cells + 1, across / FINE_PX + 1)``."""
    strengths, along, across = side.shape
    cells = side.reshape(strengths, along * MEAN_ROWS // CELL_PX, CELL_PX // MEAN_ROWS, across).mean(2)
    fine = F.max_pool1d(F.pad(cells, (0, FINE_PX - 1), value=_FAR), FINE_PX)  # so that the rest is half the work
    return F.pad(fine.cumsum(1), (0, 0, 1, 0))


def _average_lines(sums: torch.Tensor, size: int) -> torch.Tensor:
    """The best average of a line of this size near each cell: ``(N_STRENGTHS, starts, cells across + 1)``."""
    lines = (sums[:, size:] - sums[:, :-size]) / size
    slack = SLACK_PX // FINE_PX
    return F.max_pool1d(F.pad(lines, (slack, slack), value=_FAR), 2 * slack + 1, CELL_PX // FINE_PX)


def _describe_size(sums: list[torch.Tensor], size: int) -> torch.Tensor:
    """Features of the places of one size: ``(d, rows, columns)``."""
    lines = [_average_lines(one, size) for one in sums]
    # Lines are compared with the others of the photo, because a busy photo has many that look like sides.
    unusual = [
        (one - one.mean((1, 2), keepdim=True)) / (one.std((1, 2), keepdim=True) + 1e-3) if one[0].numel() > 1 else one
        for one in lines
    ]
    features = []
    for left, upper, right, lower in (lines, unusual):
        a, b = left[:, :, :-size], right[:, :, size:]
        c, d = upper[:, :, :-size].transpose(1, 2), lower[:, :, size:].transpose(1, 2)
        least = torch.minimum(torch.minimum(a, b), torch.minimum(c, d))
        second = torch.minimum(
            torch.maximum(torch.minimum(a, b), torch.minimum(c, d)),
            torch.minimum(torch.maximum(a, b), torch.maximum(c, d)),
        )
        features += [least, second, (a + b + c + d) / 4]
    return torch.cat([*features, torch.full_like(features[0][:1], math.log(size / _USUAL_CELLS))])
