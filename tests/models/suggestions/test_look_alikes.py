"""Labels against look-alikes: the fast comparison is that of a slow one, and says what it cannot compare."""

import numpy as np
import pytest

from models.suggestions import look_alikes
from models.suggestions.look_alikes import compare_with_look_alikes


def compare_slowly(points, species, groups, *, n_alike):
    """The same in plain loops."""
    names = sorted(set(species))
    likeness = np.full((len(points), len(names)), -np.inf)
    for i, own in enumerate(points):
        for s, name in enumerate(names):
            similar = [
                float(own @ other / (np.linalg.norm(own) * np.linalg.norm(other)))
                for j, other in enumerate(points)
                if species[j] == name and groups[j] != groups[i]
            ]
            if similar:
                likeness[i, s] = np.mean(sorted(similar, reverse=True)[:n_alike])
    return names, likeness


@pytest.mark.parametrize("n_alike", [1, 3, 10])
@pytest.mark.parametrize("chunk", [7, 2_000])
def test_the_fast_comparison_is_that_of_plain_loops(n_alike, chunk, monkeypatch):
    monkeypatch.setattr(look_alikes, "CHUNK", chunk)
    random = np.random.default_rng(n_alike)
    points = random.normal(size=(60, 5))
    species = random.choice(["fox", "hare", "lynx"], 60, p=[0.6, 0.35, 0.05]).tolist()
    groups = [f"event-{i // 3}" for i in range(60)]

    found = compare_with_look_alikes(points, species, groups, n_alike=n_alike)

    names, likeness = compare_slowly(points, species, groups, n_alike=n_alike)
    assert list(found.names) == names
    np.testing.assert_allclose(found.likeness, likeness, atol=1e-5)


def two_kinds(n=12):
    """Foxes to the right and hares above, each in an event of its own."""
    points = np.array([[1.0, 0.1 * (i % 3)] if i % 2 else [0.1 * (i % 3), 1.0] for i in range(n)])
    return points, ["fox" if i % 2 else "hare" for i in range(n)], [f"event-{i}" for i in range(n)]


def test_a_wrong_label_disagrees_and_the_others_do_not():
    points, species, groups = two_kinds()
    species[3] = "hare"

    found = compare_with_look_alikes(points, species, groups)

    assert np.flatnonzero(found.margins > 0).tolist() == [3]
    assert found.names[found.suggested[3]] == "fox"


def test_the_same_mistake_in_one_burst_does_not_confirm_itself():
    points, species, groups = two_kinds()
    for i in (3, 5, 7):  # three photos of one fox, all called hare
        species[i], groups[i] = "hare", "burst"

    margins = compare_with_look_alikes(points, species, groups).margins

    assert np.flatnonzero(margins > 0).tolist() == [3, 5, 7]


def test_a_rare_species_is_not_outvoted_by_a_common_one():
    random = np.random.default_rng(0)
    common = random.normal([1, 0, 0, 0], 0.3, (200, 4))
    rare = random.normal([0.6, 0.8, 0, 0], 0.05, (4, 4))
    points = np.concatenate([common, rare])
    species = ["deer"] * 200 + ["lynx"] * 4

    margins = compare_with_look_alikes(points, species, [str(i) for i in range(204)]).margins

    assert (margins[200:] < 0).all()


@pytest.mark.parametrize(
    ("species", "groups", "comparable"),
    [
        (["fox", "fox", "fox"], ["a", "b", "c"], [False, False, False]),  # no other species
        (["fox", "hare", "hare"], ["a", "b", "c"], [False, True, True]),  # one fox alone
        (["fox", "fox", "hare"], ["a", "a", "b"], [False, False, False]),  # both foxes of one event
    ],
)
def test_what_has_nothing_to_be_compared_with_is_said_and_never_doubted(species, groups, comparable):
    found = compare_with_look_alikes(np.eye(3), species, groups)

    assert found.is_comparable.tolist() == comparable
    assert not (found.margins[~found.is_comparable] > 0).any()


def test_no_crops_and_crops_without_direction_are_no_error():
    assert len(compare_with_look_alikes(np.empty((0, 3)), [], []).margins) == 0
    found = compare_with_look_alikes(np.zeros((4, 3)), ["a", "a", "b", "b"], list("wxyz"))
    assert found.margins.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("points", "species", "groups", "n_alike"),
    [
        (np.zeros(3), list("abc"), list("abc"), 1),
        (np.zeros((3, 2)), list("ab"), list("abc"), 1),
        (np.zeros((3, 2)), list("abc"), list("ab"), 1),
        (np.zeros((3, 2)), list("abc"), list("abc"), 0),
    ],
)
def test_arrays_that_do_not_fit_are_refused(points, species, groups, n_alike):
    with pytest.raises(ValueError, match=r"differ|at least 1"):
        compare_with_look_alikes(points, species, groups, n_alike=n_alike)


def test_of_very_many_crops_of_a_species_a_sample_is_compared(monkeypatch):
    monkeypatch.setattr(look_alikes, "MOST_COMPARED", 5)
    points, species, groups = two_kinds(60)
    species[3] = "hare"

    found = compare_with_look_alikes(points, species, groups)

    assert np.flatnonzero(found.margins > 0).tolist() == [3]
