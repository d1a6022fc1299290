"""Crops scored by an autoencoder's error: the promised false-alarm rate holds, whatever they look like."""

import numpy as np
import pytest

from core.errors import AnomalureError
from models.encoders.sections import check_scored_by, find_error, weigh_sections
from models.encoders.spec import EncoderSpec
from models.groups.features import choose_columns
from models.judging.judge import WORST_ERROR, fit_judge
from tests.fakes.scored_crops import SECTIONS, draw_species

SPECS = (EncoderSpec(backbone="autoencoder_conv", weights="some.safetensors", input_px=64),)
WIDTH = sum(SECTIONS)
LENGTHS = (WIDTH, 2)
USUAL = {"deer": 8.0, "fox": 20.0}


def draw(nth: int, n: int, *, error: float, seed: int) -> np.ndarray:
    """Bottlenecks of a species with errors around ``error``, and twice that in the worst part."""
    errors = error + np.random.default_rng(seed + 100).normal(0, 1, (n, 1))
    return np.concatenate([draw_species(nth, n, seed=seed), errors, 2 * errors], axis=1)


def fit(scored_by: str, n: int = 150):
    rows = np.concatenate([draw(i, n, error=error, seed=i) for i, error in enumerate(USUAL.values())])
    kinds = [name for name in USUAL for _ in range(n)]
    return fit_judge(
        rows,
        kinds,
        [f"photo-{i}" for i in range(2 * n)],
        sections=LENGTHS,
        weights=weigh_sections(SPECS, LENGTHS),
        error_at=find_error(SPECS, LENGTHS, scored_by),
    )


@pytest.mark.parametrize("scored_by", ["reconstruction", "worst_part"])
def test_the_rate_holds_for_each_species_although_one_is_harder_to_put_together(scored_by):
    judge = fit(scored_by)
    for i, error in enumerate(USUAL.values()):
        flagged = judge.judge(draw(i, 600, error=error, seed=50 + i)).p_values <= 0.05
        assert 0.01 < flagged.mean() < 0.11
        odd = judge.judge(draw(i, 200, error=error + 5, seed=70 + i))
        assert (odd.p_values <= 0.05).mean() > 0.9


def test_a_higher_error_scores_higher_and_never_has_a_larger_p_value():
    judge = fit("reconstruction")
    rows = np.repeat(draw(0, 1, error=8.0, seed=3), 40, axis=0)
    rows[:, WIDTH] = np.linspace(4, 60, 40)

    judged = judge.judge(rows)

    assert (np.diff(judged.scores) > 0).all()
    assert (np.diff(judged.p_values) <= 0).all()
    assert set(judged.kinds) == {"deer"}
    named = judge.judge_as(rows, "deer")
    assert (np.diff(named.scores) > 0).all()
    assert named.p_values[-1] < 0.05 < named.p_values[0]


def test_an_error_has_no_part_in_which_species_a_crop_is_taken_for():
    rows = draw(1, 80, error=8.0, seed=9)
    rows[:, WIDTH:] = 8.0  # the error of a deer
    assert (fit("reconstruction").judge(rows).kinds == "fox").mean() > 0.95


def test_an_error_that_is_no_number_is_the_worst():
    rows = draw(0, 2, error=8.0, seed=3)
    rows[0, WIDTH] = np.nan
    judged = fit("reconstruction").judge(rows)
    assert np.isfinite(judged.scores).all()
    assert judged.scores[0] > judged.scores[1]
    assert WORST_ERROR == 255


def test_groups_leave_the_errors_out():
    columns, sections, _ = choose_columns(["features", "errors"], LENGTHS, weigh_sections(SPECS, LENGTHS))
    assert columns.tolist() == list(range(WIDTH))
    assert sections == (WIDTH,)


def test_other_encoders_cannot_be_scored_by_reconstruction():
    assert find_error(SPECS, LENGTHS, "one_class") is None
    with pytest.raises(AnomalureError, match="Only an autoencoder puts crops together again"):
        check_scored_by((EncoderSpec(),), "reconstruction")
