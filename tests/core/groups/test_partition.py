"""Which groups a run has after people's actions, whatever number it is cut into."""

from uuid import uuid4

import numpy as np
import pytest

from core.errors import AnomalureError
from core.groups.actions import GroupAction, Kind, Meaning, check_name
from core.groups.making import make_tree
from core.groups.partition import Group, identify_group, replay
from core.groups.tree import GroupTree

N = 40


def grow(n: int = N) -> GroupTree:
    """Four clouds of crops."""
    rng = np.random.default_rng(3)
    points = rng.normal(size=(n, 4)) + 30 * np.eye(4)[np.arange(n) % 4]
    return make_tree([f"crop-{i:03d}" for i in range(n)], points, version="v1")


@pytest.fixture(scope="module")
def tree() -> GroupTree:
    return grow()


def act(kind: Kind, **values) -> GroupAction:
    return GroupAction(action_id=uuid4().hex, kind=kind, run="r", tree="v1", **values)


def name(group: Group, species: str = "fox", meaning: Meaning = Meaning.SPECIES) -> GroupAction:
    return act(Kind.NAME, leaves=group.leaves, meaning=meaning, species=species, reviewer="Ada")


def crops_of(groups: list[Group]) -> list[int]:
    return sorted(row for group in groups for row in group.rows.tolist())


def test_without_actions_the_groups_are_the_cut_from_small_to_large(tree):
    groups = replay(tree, [], k=6)

    assert sorted(group.leaves for group in groups) == sorted(tree.leaves_of(node) for node in tree.cut(6))
    sizes = [len(group.rows) for group in groups]
    assert sizes == sorted(sizes)
    assert crops_of(groups) == list(range(N))


def test_a_named_group_stays_whatever_the_number_of_groups_and_stands_last(tree):
    chosen = replay(tree, [], k=9)[4]

    for k in (1, 4, 9, 39):
        groups = replay(tree, [name(chosen)], k=k)
        assert (groups[-1].group_id, groups[-1].leaves) == (chosen.group_id, chosen.leaves)
        assert (groups[-1].meaning, groups[-1].species, groups[-1].reviewer) == ("species", "fox", "Ada")
        assert crops_of(groups) == list(range(N)), k


def test_a_split_makes_two_unnamed_groups_and_an_undo_the_one_of_before(tree):
    chosen = replay(tree, [], k=4)[0]
    named, split = name(chosen), act(Kind.SPLIT, leaves=chosen.leaves)

    after = replay(tree, [named, split], k=4)
    undone = replay(tree, [named, split, act(Kind.UNDO, undoes=split.action_id)], k=4)

    assert {group.leaves for group in after} >= set(tree.split(chosen.leaves))
    assert all(not group.meaning for group in after)
    assert undone[-1].leaves == chosen.leaves
    assert undone[-1].species == "fox"


def test_a_merged_group_has_the_name_of_its_parts_unless_they_have_two(tree):
    a, b, c, _ = replay(tree, [], k=4)
    merge = act(Kind.MERGE, leaves=a.leaves + b.leaves)

    (one,) = [group for group in replay(tree, [name(a), merge], k=4) if set(a.leaves) <= set(group.leaves)]
    (two,) = [group for group in replay(tree, [name(a), name(b, "deer"), merge], k=4) if a.leaves[0] in group.leaves]

    assert (one.species, sorted(one.leaves)) == ("fox", sorted(a.leaves + b.leaves))
    assert two.meaning == ""
    assert c.leaves in [group.leaves for group in replay(tree, [merge], k=4)]


def test_a_crop_that_was_taken_out_is_in_no_group_until_that_is_undone(tree):
    group = replay(tree, [], k=4)[0]
    crop_ids = tuple(tree.crop_ids[group.rows[:3]])
    out = act(Kind.TAKE_OUT, crop_ids=crop_ids)

    assert crops_of(replay(tree, [out], k=4)) == sorted(set(range(N)) - set(group.rows[:3].tolist()))
    assert crops_of(replay(tree, [out, act(Kind.UNDO, undoes=out.action_id)], k=4)) == list(range(N))


def test_a_group_that_lost_all_its_crops_is_not_shown(tree):
    group = replay(tree, [], k=4)[0]
    out = act(Kind.TAKE_OUT, crop_ids=tuple(tree.crop_ids[group.rows]))
    assert group.leaves not in [one.leaves for one in replay(tree, [name(group), out], k=4)]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_done_each_crop_is_in_one_group_as_by_following_sets_of_leaves(tree, seed):
    rng = np.random.default_rng(seed)
    actions: list[GroupAction] = []
    for _ in range(25):
        groups = replay(tree, actions, k=int(rng.integers(1, 12)))
        some = [groups[i] for i in rng.permutation(len(groups))[:2]]
        if not some:
            continue
        kind = rng.choice(["name", "split", "merge", "take_out", "undo"])
        if kind == "name":
            actions.append(name(some[0], str(rng.choice(["fox", "deer"]))))
        elif kind == "split":
            actions.append(act(Kind.SPLIT, leaves=some[0].leaves))
        elif kind == "merge" and len(some) == 2:
            actions.append(act(Kind.MERGE, leaves=some[0].leaves + some[1].leaves))
        elif kind == "take_out":
            actions.append(act(Kind.TAKE_OUT, crop_ids=(str(tree.crop_ids[some[0].rows[0]]),)))
        elif kind == "undo" and actions:
            actions.append(act(Kind.UNDO, undoes=actions[rng.integers(len(actions))].action_id))
    k = int(rng.integers(1, 12))

    groups = replay(tree, actions, k=k)

    expected = follow_slowly(tree, actions, k)
    assert {(frozenset(group.rows.tolist()), group.species) for group in groups} == expected
    assert all(group.group_id == identify_group(tree, group.leaves) for group in groups)


def follow_slowly(tree: GroupTree, actions: list[GroupAction], k: int) -> set[tuple[frozenset[int], str]]:
    """The crops and the name of each group, by following what was done to each leaf."""
    undone: set[str] = set()
    for one in reversed(actions):
        if one.kind is Kind.UNDO and one.action_id not in undone:
            undone.add(one.undoes)
    of_leaf: dict[int, tuple[str, int]] = {
        leaf: ("base", node) for node in tree.cut(k) for leaf in tree.leaves_of(node)
    }
    species: dict[tuple[str, int], str] = {}
    out: set[str] = set()
    for n, one in enumerate(actions):
        if one.kind is Kind.UNDO or one.action_id in undone:
            continue
        if one.kind is Kind.TAKE_OUT:
            out |= set(one.crop_ids)
        if one.kind is Kind.NAME:
            species[f"name {n}", 0] = one.species
        if one.kind is Kind.MERGE:
            names = {species[of_leaf[leaf]] for leaf in one.leaves if of_leaf[leaf] in species}
            if len(names) == 1:
                species[f"merge {n}", 0] = names.pop()
        parts = tree.split(one.leaves) if one.kind is Kind.SPLIT else [one.leaves]
        for nth, part in enumerate(parts if one.kind is not Kind.TAKE_OUT else []):
            for leaf in part:
                of_leaf[leaf] = (f"{one.kind} {n}", nth)
    groups: dict[tuple[str, int], set[int]] = {}
    for row, leaf in enumerate(tree.leaf_of.tolist()):
        if tree.crop_ids[row] not in out:
            groups.setdefault(of_leaf[leaf], set()).add(row)
    return {(frozenset(rows), species.get(key, "")) for key, rows in groups.items()}


def test_a_tree_of_one_crop_and_of_none():
    assert [group.rows.tolist() for group in replay(grow(1), [], k=5)] == [[0]]
    assert replay(grow(0), [], k=5) == []
    with pytest.raises(ValueError, match="at least 1"):
        replay(grow(4), [], k=0)


@pytest.mark.parametrize(
    ("meaning", "species", "expected"),
    [
        ("species", "  red   fox ", ("species", "red fox")),
        ("species", "x" * 200, ("species", "x" * 200)),
        ("species", "fo\0x", ("species", "fox")),
        ("species", "Nothing", ("nothing", "")),
        ("species", "person", ("people", "")),
        ("species", "Homo sapiens", ("people", "")),
        ("species", "blank", ("nothing", "")),
        ("odd", "", ("odd", "")),
        ("odd", "stoat", ("odd", "stoat")),
        ("nothing", " ", ("nothing", "")),
        ("people", "", ("people", "")),
    ],
)
def test_a_name_is_tidied(meaning, species, expected):
    assert check_name(meaning, species) == expected


@pytest.mark.parametrize(
    ("meaning", "species", "words"),
    [
        ("species", "", "name of the species"),
        ("species", " \n ", "name of the species"),
        ("species", "x" * 201, "at most 200"),
        ("species", "\ud800", "cannot be shown"),
        ("odd", "nothing", "cannot be odd"),
        ("people", "Ada", "has no species"),
        ("mixed", "", "one of species, odd, nothing, people"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_a_sentence(meaning, species, words):
    with pytest.raises(AnomalureError, match=words):
        check_name(meaning, species)


def test_an_action_has_an_id_of_32_digits():
    with pytest.raises(AnomalureError, match="32 hex digits"):
        GroupAction(action_id="once", kind=Kind.NAME, run="r", tree="v1")
