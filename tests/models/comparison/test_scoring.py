"""Each species is unknown in turn: what the models may know, and whether the figures are right."""

import numpy as np
import pytest

from core.errors import AnomalureError
from models.comparison import scoring
from models.comparison.scoring import choose_unknown, limit_crops, score_unknown
from models.comparison.table import make_table, measure
from models.judging.judge import fit_judge as real_fit
from tests.fakes.scored_crops import SECTIONS, draw_species


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

    best, other = make_table(measured, seconds_per_crop={"good": 2.0, "poor": 1.0}, n_numbers={"good": 8, "poor": 4})

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
    assert best.behind is None
    assert best.is_as_good
    assert other.behind[0] > 0
    assert not other.is_as_good


def test_two_that_score_alike_cannot_be_told_apart_and_the_quicker_comes_first():
    kinds, groups = np.repeat(np.array(["a", "b"], object), 20), np.arange(40).astype(str).astype(object)
    scores = {kind: np.arange(40.0) * (1 if kind == "b" else -1) for kind in "ab"}
    one = measure(scores, {kind: np.ones(40) for kind in "ab"}, kinds=kinds, groups=groups)

    first, second = make_table(
        {("slow", "knn"): one, ("quick", "knn"): one},
        seconds_per_crop={"slow": 0.02, "quick": 0.01},
        n_numbers={"slow": 8, "quick": 8},
    )

    assert first.encoder == "quick"
    assert second.is_as_good
