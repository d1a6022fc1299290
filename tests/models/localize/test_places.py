"""Sums along sides and over squares are those of a slow loop, and the four sides are found where they are."""

import numpy as np
import pytest
import torch

from core.squares.square import Square, brighten
from models.localize.edges import ALONG_PX, REACH_PX, EdgeNet, judge_sides, measure_steps, sample_boundaries, turn_photo
from models.localize.places import (
    APART_PX,
    CELL_PX,
    KEPT,
    LEAST_R_PX,
    LEAST_SIDE_PX,
    PlaceNet,
    Places,
    describe_places,
    list_radii,
    search_places,
    spread,
    sum_sides,
)

HEIGHT, WIDTH = 96, 120


@pytest.fixture(scope="module", autouse=True)
def _threads():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def make_sides(seed=0):
    draws = torch.Generator().manual_seed(seed)
    return [
        torch.randn(2, along // ALONG_PX, across + 1, generator=draws) * 2 - 3
        for along, across in ((HEIGHT, WIDTH), (WIDTH, HEIGHT), (HEIGHT, WIDTH), (WIDTH, HEIGHT))
    ]


def sum_slowly(values, first, last, boundary):
    """Over the pixels of a side one by one; each has its share of what its cell says."""
    return values[:, [pixel // ALONG_PX for pixel in range(first, last)], boundary].sum(1) / ALONG_PX


def search_slowly(sides, r):
    """For each strength the sum along the four sides of the square at each place."""
    cut = [(side + 3.5).clamp(-3, 1).double() for side in sides]
    n_rows, n_columns, size = HEIGHT - 2 * r + 1, WIDTH - 2 * r + 1, 2 * r
    total = torch.zeros(2, n_rows, n_columns, dtype=torch.double)
    for top in range(n_rows):
        for left in range(n_columns):
            total[:, top, left] = (
                sum_slowly(cut[0], top, top + size, left)
                + sum_slowly(cut[1], left, left + size, top)
                + sum_slowly(cut[2], top, top + size, left + size)
                + sum_slowly(cut[3], left, left + size, top + size)
            )
    return total


def test_the_search_finds_the_best_squares_of_a_slow_loop_over_all_places():
    sides = make_sides()
    r = 42
    total = search_slowly(sides, r)
    wanted = set()
    for one in total:
        blocks = []
        for top in range(0, one.shape[0], APART_PX):
            for left in range(0, one.shape[1], APART_PX):
                block = one[top : top + APART_PX, left : left + APART_PX]
                row, column = divmod(int(block.argmax()), block.shape[1])
                blocks.append((float(block.max()), top + row, left + column))
        wanted |= {(top, left) for _, top, left in sorted(blocks)[-KEPT:]}

    found = search_places(sum_sides(sides), [r])

    assert set(zip(found.top.tolist(), found.left.tolist(), strict=True)) == wanted
    assert set(found.r.tolist()) == {r}


def test_a_square_with_four_likely_sides_is_found_to_the_pixel_at_any_place_and_radius():
    draws = np.random.default_rng(3)
    for _ in range(5):
        r = int(draws.integers(LEAST_R_PX, 39))
        top, left = int(draws.integers(0, HEIGHT - 2 * r + 1)), int(draws.integers(0, WIDTH - 2 * r + 1))
        sides = [torch.full_like(one, -5) for one in make_sides()]
        for side, first, boundary in zip(
            sides, (top, left, top, left), (left, top, left + 2 * r, top + 2 * r), strict=True
        ):
            side[0, first // ALONG_PX : (first + 2 * r) // ALONG_PX + 1, boundary] = 3
        sums = sum_sides(sides)
        places = search_places(sums, list_radii(HEIGHT, WIDTH))
        features = describe_places(sums, places)[:, :, 0].sum(1)  # what is searched for, by length
        best = int((features * places.r).argmax())
        assert (int(places.top[best]), int(places.left[best])) == (top, left)
        assert int(places.r[best]) == r


def test_features_of_a_place_are_those_of_a_loop_over_its_four_sides():
    sides = make_sides(1)
    links = [
        torch.cat(
            [
                (side + 3.5).clamp(-3, 1),
                (side + 2.5).clamp(-2, 4),
                2 * torch.sigmoid(2 * (side.logsumexp(0, keepdim=True) + 1)),
            ]
        )
        for side in sides
    ]
    squares = [Square("", 40, 50, 30, 1.1), Square("", 48, 75, 45, 1.1), Square("", 66, 31, 29, 1.1)]
    places = Places(*torch.zeros(3, 0, dtype=torch.long)).join(squares)
    features = describe_places(sum_sides(sides), places)
    assert features.shape == (3, 4, 20)

    def average(values, first, last, boundary):
        first, last = max(first, 0), min(last, values.shape[1] * ALONG_PX)
        if last <= first:
            return torch.zeros(len(values))
        return sum_slowly(values, first, last, boundary) / (last - first) * ALONG_PX

    for place, square in enumerate(squares):
        r, top, left = square.r, square.row - square.r, square.column - square.r
        for number, (first, boundary) in enumerate(
            ((top, left), (left, top), (top, left + 2 * r), (left, top + 2 * r))
        ):
            side, last = links[number], first + 2 * r
            quarters = [
                average(side, first + 2 * r * i // 4, first + 2 * r * (i + 1) // 4, boundary)[[0, 1, 4]]
                for i in range(4)
            ]
            behind = [average(side, *ends, boundary)[[0, 1, 4]] for ends in ((first - r, first), (last, last + r))]
            near = [
                average(side, first, last, min(max(boundary + off, 0), side.shape[2] - 1))[:2] for off in (-2, -1, 1, 2)
            ]
            slow = torch.cat(
                [
                    average(side, first, last, boundary),
                    torch.stack(quarters).amin(0),
                    torch.stack(quarters).amax(0),
                    torch.stack(behind).amax(0),
                    torch.stack(behind).amin(0),
                    torch.stack(near).amax(0),
                    torch.tensor([np.log(r / 90)]),
                ]
            )
            torch.testing.assert_close(features[place, number], slow.float(), atol=1e-4, rtol=1e-4)


def test_shares_are_spread_over_the_cells_that_each_square_covers():
    draws = np.random.default_rng(0)
    r = draws.integers(LEAST_R_PX, 45, 30)
    top, left = draws.integers(0, HEIGHT - 2 * r + 1), draws.integers(0, WIDTH - 2 * r + 1)
    shares = draws.random(30)
    slow = np.zeros((HEIGHT // CELL_PX, WIDTH // CELL_PX))
    for row, column, size, share in zip(top, left, 2 * r, shares, strict=True):
        a, b, c, d = (round(value / CELL_PX) for value in (row, row + size, column, column + size))
        slow[a:b, c:d] += share

    places = Places(*(torch.from_numpy(one) for one in (top, left, r)))
    np.testing.assert_allclose(spread(shares, places, HEIGHT, WIDTH), slow, atol=1e-12)


def test_places_are_compared_with_a_square():
    true = Square("", 50, 60, 30, 1.1)
    others = [true, Square("", 51, 59, 31, 1.1), Square("", 50, 63, 30, 1.1), Square("", 110, 60, 30, 1.1)]
    places = Places(*torch.zeros(3, 0, dtype=torch.long)).join(others)

    assert places.are(true).tolist() == [True, True, False, False]
    np.testing.assert_allclose(places.overlap(true), [1, 60 * 60 / 62**2, 57 * 60 / (2 * 3600 - 57 * 60), 0])


@pytest.mark.parametrize("side", [LEAST_SIDE_PX, 96, 800])
def test_radii_fit_into_the_picture_and_are_searched(side):
    radii = list_radii(side, side)
    assert radii == sorted(set(radii))
    assert 2 * radii[-1] <= side
    if side < 100:
        sides = [torch.zeros(2, side // ALONG_PX, side + 1)] * 4
        assert len(search_places(sum_sides(sides), radii))


def test_boundaries_of_a_square_are_steps_up_whichever_side_they_are_on():
    image = np.full((96, 120, 3), 100, np.uint8)
    square = Square("a", row=48, column=56, r=24, discolor_ratio=1.1)
    seen, classes = sample_boundaries(brighten(image, square), [square], np.random.default_rng(0), n=50)
    on_sides = measure_steps(seen[classes > 0])

    assert seen.shape[1:] == (3, ALONG_PX + 2, 2 * REACH_PX + 1)
    assert len(on_sides) == 4 * 48 // ALONG_PX
    rows = slice(1, 1 + ALONG_PX)  # the others may lie beyond the corner
    assert (on_sides[:, :3, rows, REACH_PX] > 0.3).all(), "in each colour it becomes brighter just there"
    others = [column for column in range(on_sides.shape[3]) if column != REACH_PX]
    assert (on_sides[:, :3, rows][..., others].abs() < 1e-5).all()


def test_a_value_that_begins_again_at_0_is_told_from_a_dark_pixel():
    image = np.full((96, 120, 3), 240, np.uint8)
    square = Square("a", row=48, column=56, r=24, discolor_ratio=1.1)
    wrapped = brighten(image, square, wraps=True)
    assert wrapped[48, 56].tolist() == [8, 8, 8], "264 less 256"
    assert brighten(image, square)[48, 56].tolist() == [255, 255, 255]

    def count(shown):
        return float(measure_steps(turn_photo(shown)[0][None])[0, 6].sum())

    assert count(wrapped) == 48
    assert count(brighten(image, square)) == 0
    assert count(np.where(wrapped < 10, np.uint8(60), wrapped)) == 0, "316 would be a third more than 240"


def test_the_four_directions_of_one_picture_are_judged_alike_and_as_in_the_samples():
    """A picture that is turned has the same sides, turned."""
    torch.manual_seed(0)
    image, net = np.random.default_rng(2).integers(60, 200, (80, 96, 3), np.uint8), EdgeNet()
    with torch.inference_mode():
        sides, turned = judge_sides(net, image), judge_sides(net, image.transpose(1, 0, 2))
        mirrored = judge_sides(net, image[:, ::-1])
        for one, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
            torch.testing.assert_close(sides[one], turned[other])
        torch.testing.assert_close(sides[0].flip(2), mirrored[2])
        assert [tuple(side.shape) for side in sides] == [(2, 20, 97), (2, 24, 81), (2, 20, 97), (2, 24, 81)]

        square = Square("a", row=40, column=48, r=28, discolor_ratio=1.1)
        seen, classes = sample_boundaries(image, [square], np.random.default_rng(0), n=1)
        found = net(seen[classes > 0])[:14, :, 0, 0]  # of the left side
        torch.testing.assert_close(found.T, sides[0][:, 3:17, 20], atol=1e-5, rtol=1e-4)


def test_the_comparison_does_not_depend_on_which_side_is_which():
    torch.manual_seed(0)
    net, features = PlaceNet(), torch.randn(5, 4, 20)
    net.measure_usual(features)
    torch.testing.assert_close(net(features), net(features[:, [2, 0, 3, 1]]), atol=1e-5, rtol=1e-4)
