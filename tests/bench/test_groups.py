"""The simulated person of bench/groups.py decides as its page says."""

import numpy as np

from bench.groups import Season, look_one_by_one, measure_names, name_clusters, name_groups, thin_out
from core.groups.making import make_tree


def make_season(n_each=(40, 30, 20, 6)) -> Season:
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.array(["deer", "fox", "badger", "raccoon"], dtype=object), n_each)
    looks = np.repeat(np.eye(4, 12) * 5, n_each, axis=0)
    rows = (looks + rng.normal(size=looks.shape) * 0.2).astype(np.float32)
    return Season(
        rows=rows,
        truth=kinds,
        events=np.array([f"e{i // 2}" for i in range(len(kinds))], dtype=object),
        scores=rng.random(len(kinds)),
        names=("features",),
        sections=(12,),
        weights=(),
        novel=frozenset(["raccoon"]),
    )


def test_clear_groups_are_all_named_right():
    season = make_season()
    tree = make_tree([""] * 96, season.points(), version="")

    names, made = name_groups(tree, season.truth, decisions=40)

    assert tree.suggested <= made <= 40
    figures = measure_names(season, names, made)
    assert (figures["right"], figures["found"], figures["lost"], figures["precision"]) == (1.0, 1.0, 0.0, 1.0)


def test_no_more_decisions_are_made_than_there_are_and_mixed_groups_are_split():
    season = make_season()
    tree = make_tree([""] * 96, season.points(), version="")

    names, made = name_groups(tree, season.truth, decisions=2)
    assert made == 2
    assert set(names) <= {"deer", "fox", "badger", "raccoon"}

    mixed = np.array(["deer", "fox"] * 48, dtype=object)
    _, made = name_groups(tree, mixed, decisions=40)
    assert tree.suggested < made <= 40


def test_a_cluster_is_named_by_what_most_of_it_is():
    truth = np.array(["a", "a", "b", "b", "b"], dtype=object)
    names, made = name_clusters(np.array([0, 0, 0, 1, -1]), truth, decisions=5)
    assert names.tolist() == ["a", "a", "a", "b", ""]
    assert made == 2


def test_novel_crops_are_thinned_out_and_others_stay():
    season = thin_out(make_season(), 3, seed=0)
    assert season.is_novel.sum() == 3
    assert len(season.truth) == 93


def test_crop_by_crop_finds_what_it_was_shown():
    season = make_season()
    names, made = look_one_by_one(season, decisions=20, learns=False)
    assert made == 20
    shown = np.argsort(-season.scores)[:20]
    assert (names == "raccoon").sum() == season.is_novel[shown].sum()
