"""A p-value keeps its word: at 5%, about one in twenty normal crops is flagged."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import AnomalureError
from models.judging.calibration import Units, assign_folds, compute_p_values, merge_small_groups, score_held_out
from models.judging.judge import Judge, choose_calibrating, fit_judge
from tests.fakes.scored_crops import SECTIONS, draw_species


def fit_on(sizes: dict[str, int], *, seed: int = 0) -> Judge:
    rows = np.concatenate([draw_species(i, n, seed=seed + i) for i, n in enumerate(sizes.values())])
    kinds = [name for name, n in sizes.items() for _ in range(n)]
    return fit_judge(rows, kinds, [f"photo-{i}" for i in range(len(rows))], sections=SECTIONS)


def test_a_p_value_counts_the_held_out_crops_that_score_at_least_as_high():
    p_values = compute_p_values(np.array([0.0, 2.0, 2.5, 9.0]), reference=np.array([3.0, 1.0, 2.0, 2.0]))

    np.testing.assert_allclose(p_values, [1.0, 4 / 5, 2 / 5, 1 / 5])


def test_without_held_out_crops_nothing_is_odd():
    np.testing.assert_array_equal(compute_p_values(np.array([5.0]), reference=np.empty(0)), [1.0])


def test_units_put_the_median_at_0_and_the_95th_percentile_at_1():
    scores = np.arange(101.0)

    np.testing.assert_allclose(Units.of(scores).standardise(np.array([50.0, 95.0, 140.0])), [0, 1, 2])
    np.testing.assert_allclose(Units.of(np.full(5, 3.0)).standardise(np.array([3.0, 4.0])), [0, 1])


@pytest.mark.parametrize("scores", [np.empty(0), np.array([1.0, np.nan])])
def test_units_need_finite_scores(scores):
    with pytest.raises(ValueError, match="finite"):
        Units.of(scores)


def test_folds_keep_an_event_together_and_spread_each_species():
    labels = ["deer"] * 50 + ["fox"] * 10 + ["deer", "fox"]
    groups = [f"e{i // 2}" for i in range(60)] + ["shared", "shared"]

    folds = assign_folds(labels, groups, n_folds=5)

    of_group = {group: set() for group in groups}
    for group, fold in zip(groups, folds, strict=True):
        of_group[group].add(int(fold))
    assert all(len(members) == 1 for members in of_group.values())
    fox = np.array(labels) == "fox"
    assert set(folds[fox]) == {0, 1, 2, 3, 4}
    assert np.bincount(folds[~fox], minlength=5).tolist() == pytest.approx([10, 10, 10, 10, 10], abs=2)
    np.testing.assert_array_equal(folds, assign_folds(labels, groups, n_folds=5))


@pytest.mark.parametrize(("arguments", "n_folds"), [((["a"], ["x"]), 1), ((["a", "b"], ["x"]), 5)])
def test_folds_that_cannot_be_dealt_are_refused(arguments, n_folds):
    with pytest.raises(ValueError, match=r"fold|labels"):
        assign_folds(*arguments, n_folds=n_folds)


def test_every_row_is_scored_once_by_what_has_not_seen_it():
    folds = np.array([0, 1, 0, 2, 1])

    scores = score_held_out(
        5,
        folds,
        fit_and_score=lambda learn, held: np.stack(
            [held, [int(set(learn) & set(held) != set())] * len(held), [len(learn)] * len(held)], axis=1
        ),
    )

    np.testing.assert_array_equal(scores, [[0, 0, 3], [1, 0, 3], [2, 0, 3], [3, 0, 4], [4, 0, 3]])


@pytest.mark.parametrize(
    ("counts", "shared"),
    [
        ([100, 50, 30], [0, 1, 2]),  # all large: each alone
        ([100, 5, 30], [0, 1, 1]),  # one small joins the smallest large one
        ([100, 12, 30, 9], [0, 1, 2, 1]),  # two small are enough together
        ([3, 4], [0, 0]),  # never enough: one group
        ([7], [0]),
        ([], []),
    ],
)
def test_small_groups_share_their_p_values(counts, shared):
    assert merge_small_groups(counts, enough=20).tolist() == shared


@pytest.mark.parametrize(("rate", "low", "high"), [(0.05, 0.03, 0.07), (0.01, 0.002, 0.02)])
def test_of_new_crops_of_known_species_about_the_promised_share_is_flagged(rate, low, high):
    judge = fit_on({"deer": 300, "fox": 200, "hare": 120})
    fresh = np.concatenate([draw_species(i, n, seed=90 + i) for i, n in enumerate([1_500, 1_000, 600])])

    flagged = judge.judge(fresh).p_values <= rate

    assert low < flagged.mean() < high


def test_the_promise_holds_too_where_species_look_so_alike_that_crops_go_to_the_wrong_one():
    rng = np.random.default_rng(5)
    shared_place = rng.normal(size=24) * 2

    def draw(n: int) -> np.ndarray:
        return (shared_place + rng.normal(size=(n, 24))).astype(np.float32)

    kinds = ["deer"] * 150 + ["roe"] * 150 + ["elk"] * 150
    judge = fit_judge(draw(450), kinds, [f"p{i}" for i in range(450)], sections=SECTIONS)
    judged = judge.judge(draw(3_000))

    assert 0.03 < (judged.p_values <= 0.05).mean() < 0.07
    for kind in ("deer", "roe", "elk"):
        assert 0.015 < (judged.p_values[judged.kinds == kind] <= 0.05).mean() < 0.1


def test_crops_are_taken_for_their_species_and_strangers_are_flagged():
    judge = fit_on({"deer": 200, "fox": 150, "hare": 100})

    known, strange = judge.judge(draw_species(1, 100, seed=50)), judge.judge(draw_species(7, 100, seed=51))

    assert (known.kinds == "fox").mean() > 0.95
    assert np.median(known.scores) == pytest.approx(0, abs=0.3)
    assert (strange.p_values <= 0.05).mean() > 0.95
    assert strange.scores.min() > np.quantile(known.scores, 0.9)


def test_with_a_single_species_strangers_are_flagged_too():
    judge = fit_on({"deer": 200})

    assert (judge.judge(draw_species(7, 100, seed=51)).p_values <= 0.05).mean() > 0.95
    assert 0.02 < (judge.judge(draw_species(0, 2_000, seed=52)).p_values <= 0.05).mean() < 0.08


def test_a_rare_species_shares_its_p_values_so_that_its_crops_can_be_flagged():
    judge = fit_on({"deer": 200, "fox": 40, "marten": 6})
    marten = next(kind for kind in judge.kinds if kind.name == "marten")
    group = judge.groups[marten.group]

    assert "marten" in group.name
    assert "fox" in group.name
    assert group.least_p_value <= 0.05
    assert marten.model.form == "mean"


def test_a_species_seen_at_one_event_only_is_left_out_and_said():
    rows = np.concatenate([draw_species(0, 40, seed=1), draw_species(1, 9, seed=2), draw_species(2, 1, seed=3)])
    groups = [f"p{i}" for i in range(40)] + ["burst"] * 9 + ["single"]

    judge = fit_judge(rows, ["deer"] * 40 + ["badger"] * 9 + ["lynx"], groups, sections=SECTIONS)

    assert [kind.name for kind in judge.kinds] == ["deer"]
    assert "9 crops of 1 event;" in judge.left_out["badger"]
    assert "1 crop of 1 event;" in judge.left_out["lynx"]


def test_too_little_of_everything_is_a_plain_error():
    with pytest.raises(AnomalureError, match=r"too few crops to train on\. lynx: 1 crop of 1 event"):
        fit_judge(draw_species(0, 1, seed=0), ["lynx"], ["p"], sections=SECTIONS)


def test_a_burst_does_not_vouch_for_itself():
    """Bursts of twenty near-equal crops: dealt out one by one, a burst's crops would make each other look normal."""
    rng = np.random.default_rng(0)
    visits = np.repeat(draw_species(0, 30, seed=4, spread=2.0), 20, axis=0)
    rows = (visits + 0.05 * rng.normal(size=visits.shape)).astype(np.float32)
    events = [f"e{i // 20}" for i in range(600)]
    fresh = np.repeat(draw_species(0, 60, seed=5, spread=2.0), 20, axis=0)

    def flag(groups: list[str]) -> float:
        return float((fit_judge(rows, ["deer"] * 600, groups, sections=SECTIONS).judge(fresh).p_values <= 0.05).mean())

    assert flag(events) < 0.15 < flag([f"p{i}" for i in range(600)])


def test_judging_as_the_detector_says_uses_that_species_alone():
    judge = fit_on({"deer": 200, "fox": 150})

    judged = judge.judge_as(draw_species(1, 50, seed=50), "deer")

    assert set(judged.kinds) == {"deer"}
    assert (judged.p_values <= 0.05).mean() > 0.95
    assert 0.02 < (judge.judge_as(draw_species(0, 2_000, seed=51), "deer").p_values <= 0.05).mean() < 0.08
    with pytest.raises(KeyError):
        judge.judge_as(draw_species(0, 1, seed=0), "wolf")


def test_one_crop_or_many_at_once_are_judged_alike():
    judge, rows = fit_on({"deer": 100, "fox": 60}), draw_species(0, 40, seed=9)

    together = judge.judge(rows)
    alone = [judge.judge(rows[i : i + 1]) for i in range(40)]

    np.testing.assert_allclose(together.scores, [one.scores[0] for one in alone], atol=1e-4)
    assert len(judge.judge(rows[:0]).scores) == 0


def test_a_trained_encoder_is_calibrated_by_crops_that_it_has_not_seen():
    """An encoder that learned its crops by heart puts them close together; other crops of the species lie apart."""
    rng = np.random.default_rng(0)
    seen = draw_species(0, 200, seed=1, spread=0.3), draw_species(1, 200, seed=2, spread=0.3)
    unseen = draw_species(0, 60, seed=3), draw_species(1, 60, seed=4)
    rows = np.concatenate([*seen, *unseen])
    kinds = ["deer"] * 200 + ["fox"] * 200 + ["deer"] * 60 + ["fox"] * 60
    groups = [f"p{i}" for i in range(len(rows))]
    fresh = np.concatenate([draw_species(0, 300, seed=5), draw_species(1, 300, seed=6)])
    mask = np.arange(len(rows)) >= 400

    def flagged(**options) -> float:
        judged = fit_judge(rows, kinds, groups, sections=SECTIONS, **options).judge(rng.permutation(fresh))
        return float((judged.p_values <= 0.05).mean())

    assert flagged() > 0.15
    assert 0.02 <= flagged(unseen=mask) <= 0.09


def test_too_few_unseen_crops_calibrate_nothing():
    assert choose_calibrating(np.arange(50) < 5, 50).all()
    assert choose_calibrating(None, 3).all()
    assert choose_calibrating(np.arange(100) < 60, 100).sum() == 60


def test_a_higher_score_never_has_a_larger_p_value_whatever_the_species():
    """Species with few and with many crops: the smallest p-value does not depend on which one a crop fits best."""
    judge = fit_on({"deer": 300, "fox": 60, "hare": 24})
    rows = np.concatenate([draw_species(i, 150, seed=70 + i) for i in (0, 1, 2, 7)])

    judged = judge.judge(rows)

    in_order = judged.p_values[np.argsort(-judged.scores, kind="stable")]
    assert (np.diff(in_order) >= 0).all()
    assert in_order[0] == judge.list_limits()[0][2] < 1 / 300


def test_the_limit_at_the_usual_rate_is_a_score_of_1_for_each_species():
    judge = fit_on({"deer": 300, "fox": 200, "hare": 120})

    fresh = judge.judge(np.concatenate([draw_species(i, 2_000, seed=80 + i) for i in range(3)]))

    assert fresh.scores[fresh.p_values <= 0.05].min() == pytest.approx(1, abs=0.1)
    for kind in ("deer", "fox", "hare"):
        own = fresh.scores[fresh.kinds == kind]
        assert 0.02 < (own > 1).mean() < 0.09
        assert np.median(own) == pytest.approx(0, abs=0.15)


def test_a_detectors_species_with_few_crops_is_compared_with_these_alone():
    judge = fit_on({"deer": 200, "fox": 8})

    judged = judge.judge_as(draw_species(7, 30, seed=3), "fox")

    assert judged.p_values.min() == pytest.approx(1 / 9)


def test_a_bundle_of_an_earlier_version_goes_on_scoring_as_it_was_made():
    judge = replace(fit_on({"deer": 300, "fox": 60}), one_scale=False)

    judged = judge.judge(draw_species(1, 100, seed=3))

    group = judge.groups[1]
    own = judged.kinds == "fox"
    np.testing.assert_allclose(judged.p_values[own], compute_p_values(judged.scores[own], reference=group.scores))
    assert [name for name, _, _ in judge.list_limits()] == ["deer", "fox"]
