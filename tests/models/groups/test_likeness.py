"""Groups of a later run that look like named ones come with their name; what is unlike all of them does not."""

import numpy as np
import pytest

from core.groups.naming import give_name
from core.groups.partition import replay
from core.study.project import Project
from models.groups.features import group_run
from models.groups.likeness import Likeness, compare_with_named, find_alike, measure_limits
from tests.fakes.season import STRANGER, add_season


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


def kinds_of(run, crop_ids) -> np.ndarray:
    """What each crop of ``add_season`` with 80 usual crops is."""
    places = {}
    for crops, _ in run.embedded_shards():
        for crop_id in crops["crop_id"]:
            n = len(places)
            places[crop_id] = STRANGER if n >= 80 else "deer" if n % 2 else "fox"
    return np.array([places[crop_id] for crop_id in crop_ids])


def test_groups_of_a_later_run_come_with_the_names_of_an_earlier_one(project):
    first = add_season(project, "first", n_odd=0)
    tree = group_run(first)
    tree.write(first.path / "groups" / "tree.npz")
    kinds = kinds_of(first, tree.crop_ids)
    for group in replay(tree, [], k=2):
        (names, counts) = np.unique(kinds[group.rows], return_counts=True)
        give_name(project, first, tree, group, meaning="species", species=str(names[counts.argmax()]))
    second = add_season(project, "second", seed=50)
    ids = [crop_id for crops, _ in second.embedded_shards() for crop_id in crops["crop_id"]]

    likeness = compare_with_named(project, second, ids)

    kinds = kinds_of(second, ids)
    for kind in ("deer", "fox"):
        assert likeness.suggest(np.flatnonzero(kinds == kind)) == ("species", kind)
    assert likeness.suggest(np.arange(80)) is None, "a mixed group has no name"
    assert likeness.suggest(np.flatnonzero(kinds == STRANGER)) is None, "it is like none of them"


def test_without_named_groups_nothing_is_suggested(project):
    run = add_season(project, "only")
    ids = [crop_id for crops, _ in run.embedded_shards() for crop_id in crops["crop_id"]]

    assert compare_with_named(project, run, ids).suggest(np.arange(5)) is None


def test_what_is_far_from_every_name_is_like_none():
    known = np.array([[0.0, 0], [1, 0], [0, 1], [50, 50], [51, 50], [50, 51]])
    given = np.array([0, 0, 0, 1, 1, 1])
    limits = measure_limits(known, given, n_names=2)

    points = np.array([[0.4, 0.4], [50.5, 50.2], [25, 25]])
    codes, near = find_alike(points, known, given, limits)
    assert (codes[:2].tolist(), near.tolist()) == ([0, 1], [True, True, False])


def test_a_name_of_a_single_crop_is_suggested_to_nothing_but_its_copy():
    limits = measure_limits(np.array([[1.0, 2]]), np.array([0]), n_names=1)

    points = np.array([[1.0, 2], [1, 2.1]])
    assert find_alike(points, points[:1], np.array([0]), limits)[1].tolist() == [True, False]


def test_most_crops_of_a_group_must_agree():
    near = np.array([True, True, True, False, False, False])
    likeness = Likeness((("odd", "lynx"), ("species", "fox")), np.array([0, 0, 0, 0, 1, -1]), near)

    assert likeness.suggest(np.arange(5)) == ("odd", "lynx")
    assert likeness.suggest(np.arange(6)) is None
    assert likeness.suggest(np.array([1, 2, 3, 3, 3])) is None, "most of them are not near"
