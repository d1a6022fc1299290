"""Sums along sides and over squares are those of a slow loop, and the four sides are found where they are."""

import numpy as np
import pytest
import torch

from core.squares.square import Square, brighten
from models.localize.edges import EdgeNet, list_sides, sample_boundaries, take_logarithm
from models.localize.places import (
    CELL_PX,
    FINE_PX,
    LEAST_SIDE_PX,
    SLACK_PX,
    PlaceNet,
    describe_places,
    find_nearest,
    index_places,
    list_sizes,
    spread,
)

HEIGHT, WIDTH = 96, 120


def make_sides(seed=0):
    draws = torch.Generator().manual_seed(seed)
    n_rows, n_columns = HEIGHT // CELL_PX, WIDTH // CELL_PX
    return [
        torch.randn(2, along, across + 1, generator=draws)
        for along, across in ((n_rows, WIDTH), (n_columns, HEIGHT), (n_rows, WIDTH), (n_columns, HEIGHT))
    ]


def test_features_of_a_place_are_those_of_a_loop_over_its_four_sides():
    sides = make_sides()
    features = describe_places(sides, HEIGHT, WIDTH).numpy()
    rows, columns, radii = index_places(HEIGHT, WIDTH)
    assert len(features) == len(rows)

    def best_line(side, start, size, boundary):
        values = []
        for near in range(boundary - SLACK_PX, boundary + SLACK_PX + 1, FINE_PX):
            if 0 <= near < side.shape[2]:
                pair = side[:, start : start + size, near : near + FINE_PX].max(2).values
                values.append(pair.mean(1).numpy())
        return np.max(values, axis=0)

    for place in range(0, len(rows), 17):
        size = round(2 * radii[place] / CELL_PX)
        top, left = (round((one[place] - radii[place]) / CELL_PX) for one in (rows, columns))
        four = np.stack(
            [
                best_line(sides[0], top, size, left * CELL_PX),
                best_line(sides[1], left, size, top * CELL_PX),
                best_line(sides[2], top, size, (left + size) * CELL_PX),
                best_line(sides[3], left, size, (top + size) * CELL_PX),
            ]
        )
        slow = np.concatenate([*np.sort(four, axis=0)[:2], four.mean(0)])
        np.testing.assert_allclose(features[place, :6], slow, atol=1e-5)


def test_shares_are_spread_over_the_cells_that_each_square_covers():
    rows, columns, radii = index_places(HEIGHT, WIDTH)
    shares = np.random.default_rng(0).random(len(rows))
    slow = np.zeros((HEIGHT // CELL_PX, WIDTH // CELL_PX))
    for row, column, r, share in zip(rows, columns, radii, shares, strict=True):
        top, left, size = (round(value / CELL_PX) for value in (row - r, column - r, 2 * r))
        slow[top : top + size, left : left + size] += share

    np.testing.assert_allclose(spread(shares, HEIGHT, WIDTH), slow)


@pytest.mark.parametrize("side", [LEAST_SIDE_PX // CELL_PX * CELL_PX, 96, 800])
def test_sizes_grow_and_fit_into_the_picture(side):
    sizes = list_sizes(side, side)
    assert sizes
    assert sizes == sorted(set(sizes))
    assert sizes[-1] <= side // CELL_PX


def test_boundaries_of_a_square_are_steps_up_whichever_side_they_are_on():
    image = np.full((96, 120, 3), 100, np.uint8)
    square = Square("a", row=48, column=56, r=24, discolor_ratio=1.1)
    light = take_logarithm(brighten(image, square))
    _, classes = sample_boundaries(light, [square], np.random.default_rng(0), n=50)
    features, _ = sample_boundaries(light, [square], np.random.default_rng(0), n=50)
    on_sides = features[classes > 0]

    assert len(on_sides) == 4 * 6
    middle = on_sides.shape[3] // 2
    assert (on_sides[:, :3, 0, middle] > 1).all(), "in each colour it becomes brighter just there"
    others = [column for column in range(on_sides.shape[3]) if column != middle]
    assert (on_sides[:, :3, 0, others].abs() < 1e-5).all()


def test_a_square_at_any_place_has_places_that_count_as_it():
    index = index_places(240, 320)
    draws = np.random.default_rng(1)
    for _ in range(200):
        r = int(draws.integers(28, 96))
        square = Square("a", int(draws.integers(r, 240 - r + 1)), int(draws.integers(r, 320 - r + 1)), r, 1.1)
        near = find_nearest(index, square)
        assert len(near), square
        assert np.abs(index[0][near] - square.row).max() <= CELL_PX


def test_the_four_directions_of_one_picture_are_judged_alike():
    """A picture that is turned has the same sides, turned."""
    light = take_logarithm(np.random.default_rng(2).integers(60, 200, (80, 80, 3), np.uint8))
    sides, turned = list_sides(light), list_sides(light.transpose(1, 2).contiguous())

    torch.testing.assert_close(sides[0], turned[1])
    torch.testing.assert_close(sides[2], turned[3])
    assert EdgeNet()(sides[0][None]).shape[-1] == 81
    assert PlaceNet()(torch.zeros(5, 13)).shape == (5,)
