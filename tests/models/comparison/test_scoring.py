"""Each species is unknown in turn: what the models may know, and whether the figures are right."""

import numpy as np
import pytest

from core.errors import AnomalureError
from models.comparison import scoring
from models.comparison.draws import draw_weights
from models.comparison.scoring import choose_unknown, limit_crops, score_unknown
from models.comparison.table import Row, Standing, make_table, measure
from models.judging.judge import fit_judge as real_fit
from tests.fakes.scored_crops import SECTIONS, draw_species

SIZES = {"good": 14.0, "poor": None}


@pytest.fixture
def crops() -> tuple[np.ndarray, list[str], list[str]]:
    """Three species of 24 crops, three an event; species 0 and 2 share an event."""
    rows = np.concatenate([draw_species(i, 24, seed=i, spread=1.0) for i in range(3)])
    kinds = [name for name in "abc" for _ in range(24)]
    groups = [f"{name}{i // 3}" for name in "abc" for i in range(24)]
    groups[0] = groups[-1] = "shared"
    return rows, kinds, groups


def test_no_model_sees_the_unknown_species_or_an_event_that_it_scores(crops, monkeypatch):
    rows, kinds, groups = crops
    seen: list[tuple[set, set]] = []

    def spy(learnt, species, events, **more):
        seen.append((set(species), set(events)))
        return real_fit(learnt, species, events, **more)

    monkeypatch.setattr(scoring, "fit_judge", spy)
    scores, p_values = score_unknown(rows, kinds, groups, unknown="c", sections=SECTIONS, one_class="knn")

    assert len(seen) == scoring.N_FOLDS
    assert all("c" not in species for species, _ in seen)
    for event in set(groups):
        others = sum(event in events for _, events in seen)
        knows = {kind for kind, group in zip(kinds, groups, strict=True) if group == event} - {"c"}
        assert others == (scoring.N_FOLDS - 1 if knows else 0), "each event is left out of the models of its own fold"
    assert np.isfinite(scores).all()
    assert ((p_values > 0) & (p_values <= 1)).all()


def test_a_species_unlike_the_others_scores_higher_than_they_do(crops):
    rows, kinds, groups = crops
    scores, _ = score_unknown(rows, kinds, groups, unknown="b", sections=SECTIONS, one_class="ocsvm")

    novel = np.array(kinds) == "b"
    assert scores[novel].min() > np.quantile(scores[~novel], 0.9)


def test_the_same_seed_gives_the_same_scores_in_any_order_of_the_crops(crops):
    rows, kinds, groups = crops
    order = np.random.default_rng(5).permutation(len(rows))
    first, _ = score_unknown(rows, kinds, groups, unknown="a", sections=SECTIONS, one_class="knn")
    second, _ = score_unknown(
        rows[order], np.array(kinds)[order], np.array(groups)[order], unknown="a", sections=SECTIONS, one_class="knn"
    )

    np.testing.assert_allclose(first[order], second, rtol=1e-4)


def test_one_species_alone_cannot_be_unknown(crops):
    rows, kinds, groups = crops
    with pytest.raises(AnomalureError, match="too few crops"):
        score_unknown(rows[:24], kinds[:24], groups[:24], unknown="a", sections=SECTIONS, one_class="knn")


def test_species_with_few_crops_or_one_event_are_always_known():
    kinds = ["many"] * 6 + ["few"] * 4 + ["burst"] * 9
    groups = [f"m{i}" for i in range(6)] + [f"f{i}" for i in range(4)] + ["b"] * 9

    assert choose_unknown(kinds, groups) == (["many"], {"burst": 9, "few": 4})


def test_crops_beyond_the_limit_are_left_out_by_whole_events():
    kinds = ["deer"] * 30 + ["fox"] * 5
    groups = [f"d{i // 3}" for i in range(30)] + ["f"] * 5

    used = limit_crops(kinds, groups, most=10)

    assert used[30:].all()
    assert used[:30].sum() == 9
    assert {used[3 * i : 3 * i + 3].sum() for i in range(10)} == {0, 3}
    assert (limit_crops(kinds, groups, most=10) == used).all()


def slow_auroc(scores: np.ndarray, novel: np.ndarray) -> float:
    pairs = [(a, b) for a in scores[novel] for b in scores[~novel]]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def test_the_table_agrees_with_figures_counted_pair_by_pair():
    rng = np.random.default_rng(1)
    kinds, groups = np.repeat(np.array(["a", "b"], object), 20), np.repeat(np.arange(20).astype(str), 2).astype(object)
    scores = {
        name: {kind: np.round(rng.normal(size=40) + shift * (kinds == kind), 1) for kind in "ab"}
        for name, shift in (("good", 3.0), ("poor", 0.3))
    }
    p_values = {kind: np.where(np.arange(40) % 4 == 0, 0.05, 0.5) for kind in "ab"}
    measured = {(name, "knn"): measure(scores[name], p_values, kinds=kinds, groups=groups) for name in ("poor", "good")}

    best, other = make_table(
        measured, seconds_per_crop={"good": 2.0, "poor": 1.0}, n_numbers={"good": 8, "poor": 4}, sizes_mb=SIZES
    )

    assert [best.encoder, other.encoder] == ["good", "poor"]
    for row in (best, other):
        each = {one.species: slow_auroc(scores[row.encoder][one.species], kinds == one.species) for one in row.species}
        assert {one.species: one.auroc for one in row.species} == pytest.approx(each)
        assert row.auroc == pytest.approx(np.mean(list(each.values())))
        assert row.worst == pytest.approx(min(each.values()))
        assert row.worst_species == min(each, key=each.get)
        assert row.recall_flagged == pytest.approx(0.25)
        assert row.false_alarm_rate == pytest.approx(0.25)
        assert row.interval[0] <= row.auroc <= row.interval[1]
    assert [best.standing, other.standing] == [Standing.BEST, Standing.WORSE]
    assert [best.size_mb, other.size_mb] == [14.0, None]


def test_two_that_score_alike_cannot_be_told_apart_and_the_quicker_comes_first():
    kinds, groups = np.repeat(np.array(["a", "b"], object), 20), np.arange(40).astype(str).astype(object)
    scores = {kind: np.arange(40.0) * (1 if kind == "b" else -1) for kind in "ab"}
    one = measure(scores, {kind: np.ones(40) for kind in "ab"}, kinds=kinds, groups=groups)

    first, second = make_table(
        {("slow", "knn"): one, ("quick", "knn"): one},
        seconds_per_crop={"slow": 0.02, "quick": 0.01},
        n_numbers={"slow": 8, "quick": 8},
        sizes_mb={"slow": 20.0, "quick": None},
    )

    assert first.encoder == "quick"
    assert second.standing is Standing.ALIKE
    assert second.is_as_good


def make_events(n_species: int, n_events: int, n_crops: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The species and the event of each crop; events are named by their species and number."""
    named = [(f"s{k:02d}", f"s{k:02d}/{i}") for k in range(n_species) for i in range(n_events) for _ in range(n_crops)]
    kinds, groups = zip(*named, strict=True)
    return np.array(kinds, object), np.array(groups, object)


def compare_with_chance(kinds: np.ndarray, groups: np.ndarray) -> list[Row]:
    """The table of an encoder that knows the unknown species well and one that only guesses."""
    rng = np.random.default_rng(3)
    shifts = {"good": 2.0, "guess": 0.0}
    names = sorted(set(kinds))
    p_values = {kind: np.ones(len(kinds)) for kind in names}
    measured = {
        (name, "knn"): measure(
            {kind: rng.normal(size=len(kinds)) + shift * (kinds == kind) for kind in names},
            p_values,
            kinds=kinds,
            groups=groups,
        )
        for name, shift in shifts.items()
    }
    return make_table(
        measured,
        seconds_per_crop=dict.fromkeys(shifts, 1.0),
        n_numbers=dict.fromkeys(shifts, 8),
        sizes_mb=dict.fromkeys(shifts),
    )


@pytest.mark.parametrize(("n_species", "n_events"), [(6, 2), (20, 3)])
def test_a_useless_encoder_is_worse_however_few_events_each_species_has(n_species, n_events):
    kinds, groups = make_events(n_species, n_events)

    best, other = compare_with_chance(kinds, groups)

    assert best.encoder == "good"
    assert best.interval is not None
    assert other.standing is Standing.WORSE


def test_with_two_species_of_two_events_nobody_can_say_and_it_is_not_called_as_good():
    kinds, groups = make_events(2, 2, n_crops=5)

    best, other = compare_with_chance(kinds, groups)

    assert best.standing is Standing.BEST
    assert (other.standing, other.is_as_good, other.behind) == (Standing.NOT_KNOWN, None, None)


def test_every_draw_has_every_species_in_whole_events_and_is_right_on_average():
    kinds, groups = make_events(4, 3)
    kinds, groups = np.append(kinds, "once"), np.append(groups, "s00/0")

    weights = draw_weights(kinds, groups, rounds=4000)

    for kind in set(kinds):
        np.testing.assert_allclose(weights[:, kinds == kind].sum(axis=1), (kinds == kind).sum(), rtol=1e-5)
    for event in set(groups):
        own = weights[:, (groups == event) & (kinds != "once")]
        assert (own == own[:, :1]).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1.0, atol=0.06)
    # The variance of a mean of 3 events is s^2 / 3 with s^2 of 2 degrees of freedom.
    values = np.array([0.0, 1.0, 5.0])
    means = weights[:, [0, 3, 6]] @ values / 3
    assert means.var() == pytest.approx(values.var(ddof=1) / 3, rel=0.1)
    order = np.random.default_rng(0).permutation(len(kinds))
    again = draw_weights(kinds[order], groups[order], rounds=4000)
    np.testing.assert_array_equal(again, weights[:, order])


def test_intervals_agree_with_weighted_pairs_counted_one_by_one():
    kinds, groups = make_events(3, 3, n_crops=2)
    rng = np.random.default_rng(7)
    scores = {
        name: {kind: np.round(rng.normal(size=18) + shift * (kinds == kind), 1) for kind in sorted(set(kinds))}
        for name, shift in (("good", 1.0), ("poor", 0.2))
    }
    p_values = {kind: np.ones(18) for kind in set(kinds)}
    measured = {(name, "knn"): measure(scores[name], p_values, kinds=kinds, groups=groups) for name in scores}
    both = {"good": 1.0, "poor": 1.0}
    best, other = make_table(measured, seconds_per_crop=both, n_numbers=both, sizes_mb=both)

    def slow_mean(of: dict[str, np.ndarray], weight: np.ndarray) -> float:
        means = []
        for kind, own in of.items():
            above = total = 0.0
            for a in np.flatnonzero(kinds == kind):
                for b in np.flatnonzero(kinds != kind):
                    pair = float(weight[a]) * float(weight[b])
                    above += pair * (1.0 if own[a] > own[b] else 0.5 if own[a] == own[b] else 0.0)
                    total += pair
            means.append(above / total)
        return float(np.mean(means))

    weights = draw_weights(kinds, groups)
    slow = {name: np.array([slow_mean(scores[name], one) for one in weights]) for name in scores}
    assert best.interval == pytest.approx(list(np.quantile(slow[best.encoder], [0.025, 0.975])), abs=1e-6)
    gap = slow[best.encoder] - slow[other.encoder]
    assert other.behind == pytest.approx(list(np.quantile(gap, [0.025, 0.975])), abs=1e-6)
