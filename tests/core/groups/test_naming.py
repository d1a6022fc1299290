"""Naming a group gives each of its crops a verdict: at once, once, never over a person's own look, and undone again."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import duckdb
import numpy as np
import pytest

from core.errors import AnomalureError
from core.groups.actions import GroupAction, decide
from core.groups.making import make_tree
from core.groups.naming import (
    TRIES,
    find_given,
    give_name,
    merge_groups,
    read_actions,
    redo,
    split_group,
    take_out,
    undo,
)
from core.groups.partition import Group, replay
from core.groups.tree import GroupTree
from core.store import database
from core.study.project import Project
from tests.fakes.project import add_run, make_project

N = 24


@pytest.fixture
def project(tmp_path) -> Project:
    return make_project(tmp_path, n=N)


def grow(project: Project, run=None) -> GroupTree:
    """A tree of the run's crops: three clouds."""
    crop_ids = all_rows(project, run)["crop_id"].tolist()
    rng = np.random.default_rng(5)
    return make_tree(crop_ids, rng.normal(size=(N, 3)) + 40 * np.eye(3)[np.arange(N) % 3], version="v1")


@pytest.fixture
def tree(project) -> GroupTree:
    return grow(project)


@pytest.fixture
def run(project):
    return project.latest_run()


def all_rows(project: Project, run=None):
    return project.review_queue(run, flagged_only=False, with_people=True, limit=1_000).rows


def see(project: Project, run, tree: GroupTree, *, k: int = 3) -> list[Group]:
    return replay(tree, read_actions(project, run, tree.version), k=k)


def said(project: Project, run=None) -> dict[str, tuple[str, str, str]]:
    """Verdict, species and reviewer of each decided crop."""
    rows = all_rows(project, run)
    rows = rows[rows["verdict"] != ""]
    return dict(
        zip(rows["crop_id"], zip(rows["verdict"], rows["verdict_species"], rows["reviewer"], strict=True), strict=True)
    )


def ids(tree: GroupTree, group: Group) -> set[str]:
    return set(tree.crop_ids[group.rows])


@pytest.mark.parametrize(
    ("meaning", "species", "verdict"),
    [
        ("species", "fox", ("normal", "fox")),
        ("odd", "stoat", ("anomaly", "stoat")),
        ("odd", "", ("anomaly", "")),
        ("nothing", "", ("normal", "nothing")),
        ("people", "", ("normal", "person")),
    ],
)
def test_a_name_gives_each_crop_of_the_group_a_verdict(project, run, tree, meaning, species, verdict):
    group = see(project, run, tree)[0]

    given = give_name(project, run, tree, group, meaning=meaning, species=species, reviewer="Ada")

    assert (given.n_given, given.n_kept) == (8, 0)
    assert said(project) == dict.fromkeys(ids(tree, group), (*verdict, "Ada"))
    rows = all_rows(project).set_index("crop_id")
    assert {rows["given_to"][crop_id] for crop_id in ids(tree, group)} == {group.group_id}
    named = see(project, run, tree)[-1]
    assert (named.group_id, named.meaning, named.species, named.reviewer) == (group.group_id, meaning, species, "Ada")


def test_what_a_person_said_of_a_crop_itself_stays_before_and_after(project, run, tree):
    group = see(project, run, tree)[0]
    first, second = sorted(ids(tree, group))[:2]
    project.save_verdict(first, "anomaly", reviewer="Ben", species="stoat")

    given = give_name(project, run, tree, group, meaning="species", species="fox", reviewer="Ada")
    project.save_verdict(second, "unsure", reviewer="Ben")
    give_name(project, run, tree, see(project, run, tree)[-1], meaning="species", species="deer", reviewer="Ada")

    assert (given.n_given, given.n_kept) == (7, 1)
    assert said(project)[first] == ("anomaly", "stoat", "Ben")
    assert said(project)[second] == ("unsure", "", "Ben")
    assert list(said(project).values()).count(("normal", "deer", "Ada")) == 6
    undo(project, run, tree, reviewer="Ada")
    undo(project, run, tree, reviewer="Ada")
    assert set(said(project)) == {first, second}


def test_an_action_sent_twice_is_kept_once_and_answered_alike(project, run, tree):
    group, action_id = see(project, run, tree)[0], uuid4().hex
    how = {"meaning": "species", "species": "fox", "reviewer": "Ada", "action_id": action_id}

    first = give_name(project, run, tree, group, **how)
    n = len(project.store.verdicts())

    assert give_name(project, run, tree, group, **how) == first == find_given(project, action_id)
    assert len(project.store.verdicts()) == n == 8
    assert len(read_actions(project, run, tree.version)) == 1
    split_group(project, run, tree, group, reviewer="Ada")
    assert give_name(project, run, tree, group, **how) == first, "also when the group is gone since"
    assert find_given(project, uuid4().hex) is None


def test_undo_goes_back_action_by_action_through_ones_own(project, run, tree):
    a, b, c = see(project, run, tree)
    give_name(project, run, tree, a, meaning="species", species="fox", reviewer="Ada")
    give_name(project, run, tree, b, meaning="odd", reviewer="Ben")
    give_name(project, run, tree, a, meaning="species", species="deer", reviewer="Ada")

    assert undo(project, run, tree, reviewer="Ada").undid == "name"
    assert {said(project)[crop_id] for crop_id in ids(tree, a)} == {("normal", "fox", "Ada")}
    undo(project, run, tree, reviewer="Ada")
    assert set(said(project)) == ids(tree, b)
    with pytest.raises(AnomalureError, match="nothing of yours to undo"):
        undo(project, run, tree, reviewer="Ada")
    with pytest.raises(AnomalureError, match="nothing of yours to undo"):
        undo(project, run, tree)
    assert set(said(project)) == ids(tree, b)
    assert ids(tree, c) & set(said(project)) == set()


def test_redo_does_again_what_was_undone_step_by_step_until_something_else_is_done(project, run, tree):
    a, b, c = see(project, run, tree)
    give_name(project, run, tree, a, meaning="species", species="fox", reviewer="Ada")
    give_name(project, run, tree, b, meaning="odd", reviewer="Ada")
    named = said(project)
    for _ in range(2):
        undo(project, run, tree, reviewer="Ada")
    give_name(project, run, tree, c, meaning="people", reviewer="Ben")
    bens = said(project)

    redo(project, run, tree, reviewer="Ada")
    assert {said(project)[crop_id] for crop_id in ids(tree, a)} == {("normal", "fox", "Ada")}
    redo(project, run, tree, reviewer="Ada")
    assert said(project) == named | bens
    with pytest.raises(AnomalureError, match="nothing of yours to do again"):
        redo(project, run, tree, reviewer="Ada")

    undo(project, run, tree, reviewer="Ada")
    assert set(said(project)) == ids(tree, a) | ids(tree, c)
    give_name(project, run, tree, b, meaning="nothing", reviewer="Ada")
    for who in ("Ada", "Ben"):
        with pytest.raises(AnomalureError, match="nothing of yours to do again"):
            redo(project, run, tree, reviewer=who)


def test_a_split_takes_the_name_back_and_its_undo_gives_it_again(project, run, tree):
    group = see(project, run, tree)[0]
    give_name(project, run, tree, group, meaning="species", species="fox", reviewer="Ada")
    before = said(project)

    given = split_group(project, run, tree, see(project, run, tree)[-1], reviewer="Ben")

    assert (given.n_given, given.n_taken_back) == (0, 8)
    assert said(project) == {}
    assert len(see(project, run, tree)) == 4
    undo(project, run, tree, reviewer="Ben")
    assert said(project) == before, "in the name of the one who named it"
    assert len(see(project, run, tree)) == 3


def test_a_merge_passes_the_name_on_and_its_undo_takes_it_back(project, run, tree):
    a, b, c = see(project, run, tree)
    give_name(project, run, tree, a, meaning="species", species="fox", reviewer="Ada")
    merged = merge_groups(project, run, tree, [see(project, run, tree)[-1], b], reviewer="Ben")

    assert (merged.n_given, len(see(project, run, tree))) == (8, 2)
    assert {said(project)[crop_id] for crop_id in ids(tree, b)} == {("normal", "fox", "Ben")}
    undo(project, run, tree, reviewer="Ben")
    assert set(said(project)) == ids(tree, a)

    give_name(project, run, tree, b, meaning="species", species="deer", reviewer="Ben")
    _, one, other = see(project, run, tree)
    assert merge_groups(project, run, tree, [one, other], reviewer="Ben").n_taken_back == 16
    assert said(project) == {}
    with pytest.raises(AnomalureError, match="two or more"):
        merge_groups(project, run, tree, [c, c])


def test_a_crop_taken_out_loses_the_groups_verdict_only(project, run, tree):
    group = see(project, run, tree)[0]
    lost, kept, *_ = sorted(ids(tree, group))
    give_name(project, run, tree, group, meaning="species", species="fox", reviewer="Ada")
    project.save_verdict(kept, "anomaly", reviewer="Ben")

    take_out(project, run, tree, [lost, kept], reviewer="Ada")

    assert lost not in said(project)
    assert said(project)[kept][0] == "anomaly"
    assert len(see(project, run, tree)[-1].rows) == 6
    with pytest.raises(AnomalureError, match="in no group any more"):
        take_out(project, run, tree, [lost])
    with pytest.raises(AnomalureError, match="no crop 'x'"):
        take_out(project, run, tree, [lost, "x"])
    undo(project, run, tree, reviewer="Ada")
    assert said(project)[lost] == ("normal", "fox", "Ada")


def test_what_a_person_took_back_is_not_given_again_by_an_undo(project, run, tree):
    group = see(project, run, tree)[0]
    crop_id = min(ids(tree, group))
    give_name(project, run, tree, group, meaning="species", species="fox", reviewer="Ada")
    give_name(project, run, tree, group, meaning="species", species="deer", reviewer="Ada")
    project.undo_verdict(crop_id, reviewer="Ben")

    undo(project, run, tree, reviewer="Ada")

    assert set(said(project)) == ids(tree, group) - {crop_id}
    assert set(said(project).values()) == {("normal", "fox", "Ada")}


def test_a_group_that_is_not_there_any_more_is_refused_and_nothing_is_kept(project, run, tree):
    group = see(project, run, tree)[0]
    others = make_tree(tree.crop_ids, tree.points.astype(np.float32), version="v2")
    with pytest.raises(AnomalureError, match="made anew"):
        give_name(project, run, others, group, meaning="odd")
    strangers = make_tree([f"x{i}" for i in range(N)], tree.points.astype(np.float32), version="v1")
    with pytest.raises(AnomalureError, match="other crops than the run"):
        give_name(project, run, strangers, group, meaning="odd")
    split_group(project, run, tree, group, reviewer="Ben")
    for act in (split_group, lambda *values: give_name(*values, meaning="odd")):
        with pytest.raises(AnomalureError, match="changed this group meanwhile"):
            act(project, run, tree, group)
    with pytest.raises(AnomalureError, match="name of the species"):
        give_name(project, run, tree, group, meaning="species", species=" ")
    assert said(project) == {}
    assert len(read_actions(project, run, tree.version)) == 1


def test_crops_that_are_all_alike_cannot_be_split(project, run, tree):
    alike = make_tree(tree.crop_ids, np.zeros((N, 3)), version="alike")
    with pytest.raises(AnomalureError, match="cannot be split"):
        split_group(project, run, alike, see(project, run, alike)[0])


def test_an_action_and_its_verdicts_are_kept_both_or_neither(project, run, tree, monkeypatch):
    group = see(project, run, tree)[0]

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(database, "_insert", die)
        with pytest.raises(KeyboardInterrupt):
            give_name(project, run, tree, group, meaning="species", species="fox", reviewer="Ada")

    assert read_actions(project, run, tree.version) == []
    assert said(project) == {}
    with duckdb.connect(project.store.path, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM group_actions").fetchone() == (0,)


def test_two_people_who_name_at_once_lose_nothing(project, run, tree):
    groups = see(project, run, tree, k=6)

    def work(nth: int) -> None:
        mine = Project(project.path)
        for group in groups[nth::2]:
            give_name(mine, run.run_id, tree, group, meaning="species", species=f"s{nth}", reviewer="AB"[nth])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))

    expected = {
        crop_id: ("normal", f"s{nth}", "AB"[nth])
        for nth in (0, 1)
        for group in groups[nth::2]
        for crop_id in ids(tree, group)
    }
    assert said(project) == expected
    assert len(read_actions(project, run, tree.version)) == 6
    assert len(project.store.verdicts()) == N


def test_a_name_is_worked_out_anew_when_somebody_acts_meanwhile(project, run, tree, monkeypatch):
    a, b, _ = see(project, run, tree)
    append, calls = database.Store.append_group_action, []

    def be_overtaken(store, **values):
        calls.append(values["action_id"])
        if len(calls) == 1:
            give_name(Project(project.path), run, tree, b, meaning="odd", reviewer="Ben")
        return append(store, **values)

    monkeypatch.setattr(database.Store, "append_group_action", be_overtaken)
    give_name(project, run, tree, a, meaning="species", species="fox", reviewer="Ada")

    assert len(calls) == 3
    assert len(said(project)) == 16
    monkeypatch.setattr(database.Store, "append_group_action", lambda *_, **__: False)
    with pytest.raises(AnomalureError, match="same moment"):
        give_name(project, run, tree, a, meaning="odd")
    assert TRIES > 5


def test_an_undo_brings_back_the_name_that_the_groups_of_an_earlier_run_gave(project, run, tree, tmp_path):
    group = see(project, run, tree)[0]
    give_name(project, run, tree, group, meaning="species", species="fox", reviewer="Ada")
    before = said(project)
    later = add_run(project, tmp_path / "photos", n=N, name="later", shift_px=4.0)
    newer = grow(project, later)
    everything = replay(newer, [], k=1)[0]

    given = give_name(project, later, newer, everything, meaning="odd", reviewer="Ben")

    assert given.n_given == N
    assert set(said(project, later).values()) == {("anomaly", "", "Ben")}
    assert len(project.verdicts()) == N, "an animal that two runs found has one verdict"
    undo(project, later, newer, reviewer="Ben")
    assert set(said(project, later).values()) == {("normal", "fox", "Ada")}
    assert said(project) == said(project, later) or len(said(project, later)) == len(before)


@pytest.mark.parametrize("seed", range(2))
def test_after_any_actions_each_crop_says_what_its_group_says_and_all_can_be_undone(project, run, tree, seed):
    rng = np.random.default_rng(seed)
    own: dict[str, str] = {}
    refused: set[str] = set()
    for _ in range(14):
        groups = see(project, run, tree, k=int(rng.integers(2, 8)))
        some = [groups[i] for i in rng.permutation(len(groups))[:2]]
        who = str(rng.choice(["Ada", "Ben"]))
        kind = str(rng.choice(["name", "name", "split", "merge", "out", "undo", "undo", "redo", "own"]))
        try:
            if kind == "name":
                meaning = str(rng.choice(["species", "odd", "nothing", "people"]))
                species = str(rng.choice(["fox", "deer"])) if meaning == "species" else ""
                give_name(project, run, tree, some[0], meaning=meaning, species=species, reviewer=who)
            elif kind == "split":
                split_group(project, run, tree, some[0], reviewer=who)
            elif kind == "merge":
                merge_groups(project, run, tree, some, reviewer=who)
            elif kind == "out":
                take_out(project, run, tree, [tree.crop_ids[some[0].rows[0]]], reviewer=who)
            elif kind == "undo":
                undo(project, run, tree, reviewer=who)
            elif kind == "redo":
                redo(project, run, tree, reviewer=who)
            else:
                crop_id = str(rng.choice(tree.crop_ids))
                project.save_verdict(crop_id, "unsure", reviewer=who)
                own[crop_id] = "unsure"
        except AnomalureError:
            refused.add(kind)
        check_said(project, run, tree, read_actions(project, run, tree.version), own)
    assert refused <= {"split", "merge", "undo", "redo"}
    for who in ("Ada", "Ben"):
        while True:
            try:
                undo(project, run, tree, reviewer=who)
            except AnomalureError:
                break
            check_said(project, run, tree, read_actions(project, run, tree.version), own)
    assert {crop_id: verdict for crop_id, (verdict, *_) in said(project).items()} == own
    assert all(not group.meaning for group in see(project, run, tree))


def check_said(project: Project, run, tree: GroupTree, actions: list[GroupAction], own: dict[str, str]) -> None:
    expected = dict.fromkeys(own, ("unsure", ""))
    for group in replay(tree, actions, k=3):
        if group.meaning:
            verdict, species = decide(group.meaning, group.species)
            expected |= {crop_id: (str(verdict), species) for crop_id in ids(tree, group) - set(own)}
    assert {crop_id: what[:2] for crop_id, what in said(project, run).items()} == expected
