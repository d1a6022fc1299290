"""What the Explore page shows as one value, its address, and what is selected in it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.maps.projection import Projection, ProjectionKind
from ui.explore.picks import BOTH, FLAG_ONLY, NEITHER, NOISE_ONLY, resolve_pick, say_pick, sort_agreement
from ui.scatter.shapes import find_inside
from ui.scatter.view import Method, Pick, PickKind, Side, View

FULL = View(
    sides=(
        Side(run="spring 2", projection=Projection(perplexity=42.5), eps=0.125, min_samples=4, view=(-1.5, 2, 0, 7.25)),
        Side(
            run="autumn",
            projection=Projection(kind=ProjectionKind.UMAP, n_neighbors=9, min_dist=0.25),
            method=Method.HDBSCAN,
            min_cluster_size=21,
            on_map=False,
        ),
    ),
    colour="p_value",
    off=("red fox", "Größe: 1, 2"),
    fade={"a:b": 0.05, "hare": 0.5},
    rings=False,
    pick=Pick(
        PickKind.OUTLINE,
        1,
        outlines=(((0.0, 1.5), (2.0, -3.0), (4.0, 5.0)), ((9.0, 8.0), (7.0, 6.0), (5, 4))),
        on=Projection(kind=ProjectionKind.UMAP, n_neighbors=5),
    ),
)


@pytest.mark.parametrize(
    "view",
    [
        View(),
        FULL,
        View(sides=(Side(run="r", projection=Projection(kind=ProjectionKind.PCA)),)),
        View(pick=Pick(PickKind.CLUSTER, value="12")),
        View(pick=Pick(PickKind.SPECIES, value="red: fox")),
        View(pick=Pick(PickKind.NOISE)),
        View(pick=Pick(PickKind.AGREEMENT, value=BOTH)),
    ],
)
def test_a_link_reproduces_the_picture(view):
    assert View.from_address(view.to_address()) == view


def test_what_is_as_usual_is_not_in_the_address():
    assert View(sides=(Side(run="spring"),)).to_address() == {"run": "spring", "map": "tsne-30"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map", "tsne-much"),
        ("map", "umap-1.5-0.1-0"),
        ("map", "pca-3"),
        ("map", "../x"),
        ("eps", "wide"),
        ("eps", "nan"),
        ("min", "2.5"),
        ("method", "kmeans"),
        ("view", "1,2,3"),
        ("view", "2,1,0,1"),
        ("view", "a,b,c,d"),
        ("colour", "<b>"),
        ("fade", "fox"),
        ("fade", "fox:7"),
        ("pick", "3:noise:"),
        ("pick", "1:all:"),
        ("pick", "2:noise:"),
        ("pick", "1:outline:0,0;1,1"),
        ("pick", "1:outline:0,0;1,1;x,y"),
        ("pick", "1:outline:pca"),
        ("pick", "1:outline:pca/0,0;1,1"),
        ("pick", ""),
    ],
)
def test_a_value_that_is_none_is_as_if_it_were_not_there(name, text):
    assert View.from_address({name: text}) == View()


def test_an_eps_of_zero_reaches_the_page_so_that_it_can_say_what_is_wrong():
    assert View.from_address({"eps": "0"}).sides[0].eps == 0


def test_a_selection_is_forgotten_only_with_what_it_hangs_on():
    outline, noise = Pick(PickKind.OUTLINE, outlines=(((0, 0), (1, 0), (1, 1)),)), Pick(PickKind.NOISE)
    cluster = Pick(PickKind.CLUSTER, value="3")
    other = Projection(perplexity=50)
    assert View(pick=outline).with_side(0, eps=2.0).pick == outline
    assert View(pick=outline).with_side(0, projection=other).pick is None
    named = replace(outline, on=Projection(kind=ProjectionKind.PCA))
    assert View(pick=named).with_side(0, projection=other).pick == named, "the crops are those on the map it names"
    assert View(pick=noise).with_side(0, eps=2.0, projection=other).pick == noise
    assert View(pick=cluster).with_side(0, eps=2.0).pick is None
    assert View(pick=noise).with_side(0, run="other").pick is None


def test_an_outline_holds_what_a_slow_test_of_each_point_says():
    rng = np.random.default_rng(3)
    points = rng.uniform(-1, 1, (400, 2)).astype(np.float32)
    angles = np.linspace(0, 2 * np.pi, 11)[:-1]
    star = np.c_[np.cos(angles), np.sin(angles)] * np.tile([0.9, 0.35], 5)[:, None]

    def slow(x, y):
        crossings = 0
        for (ax, ay), (bx, by) in zip(star, np.roll(star, -1, axis=0), strict=True):
            crossings += (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax
        return crossings % 2 == 1

    found = find_inside(points, star)
    assert found.tolist() == [slow(float(x), float(y)) for x, y in points]
    assert 0 < found.sum() < len(points)
    assert not find_inside(points, star[:2]).any()
    assert not find_inside(points, []).any()


@pytest.fixture
def facts():
    return pd.DataFrame(
        {
            "species": ["fox", "fox", "hare", "", "hare"],
            "kind": ["detection", "detection", "detection", "frame", "detection"],
            "detector_class": ["animal", "animal", "animal", "", "animal"],
            "flagged": [True, True, False, False, False],
        }
    )


LABELS = np.array([-1, 0, 0, 1, -1])
POINTS = np.array([[0, 0], [1, 1], [2, 2], [3, 3], [0.5, 0.5]], dtype=np.float32)


@pytest.mark.parametrize(
    ("pick", "expected"),
    [
        (Pick(PickKind.NOISE), [0, 4]),
        (Pick(PickKind.CLUSTER, value="1"), [1, 2]),
        (Pick(PickKind.CLUSTER, value="2"), [3]),
        (Pick(PickKind.CLUSTER, value="9"), []),
        (Pick(PickKind.CLUSTER, value="0"), []),
        (Pick(PickKind.CLUSTER, value="x"), []),
        (Pick(PickKind.SPECIES, value="hare"), [2, 4]),
        (Pick(PickKind.SPECIES, value="Whole frame"), [3]),
        (Pick(PickKind.AGREEMENT, value=BOTH), [0]),
        (Pick(PickKind.AGREEMENT, value=FLAG_ONLY), [1]),
        (Pick(PickKind.AGREEMENT, value=NOISE_ONLY), [4]),
        (Pick(PickKind.AGREEMENT, value=NEITHER), [2, 3]),
        (Pick(PickKind.OUTLINE, outlines=(((-1, -1), (1.5, -1), (1.5, 1.5), (-1, 1.5)),)), [0, 1, 4]),
    ],
)
def test_a_selection_means_these_crops(facts, pick, expected):
    mask = resolve_pick(pick, points=POINTS, facts=facts, labels=LABELS, hidden=())
    assert np.flatnonzero(mask).tolist() == expected
    assert say_pick(pick, n=len(expected)).startswith(f"{len(expected)} crop")


def test_an_outline_does_not_take_what_nobody_sees(facts):
    outline = Pick(PickKind.OUTLINE, outlines=(((-1, -1), (9, -1), (9, 9), (-1, 9)),))
    mask = resolve_pick(outline, points=POINTS, facts=facts, labels=None, hidden={"fox"})
    assert np.flatnonzero(mask).tolist() == [2, 3, 4]


def test_without_clusters_nothing_is_noise(facts):
    for pick in (Pick(PickKind.NOISE), Pick(PickKind.CLUSTER, value="1"), Pick(PickKind.AGREEMENT, value=NEITHER)):
        assert not resolve_pick(pick, points=POINTS, facts=facts, labels=None, hidden=()).any()
    assert sort_agreement(facts, LABELS).tolist() == [BOTH, FLAG_ONLY, NEITHER, NEITHER, NOISE_ONLY]
