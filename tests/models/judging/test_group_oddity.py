"""A small group that is far from larger ones is odd, and a crop is as odd as the crop that it looks like."""

import numpy as np

from models.judging.group_oddity import GroupOddity, LeaningModel
from models.judging.outliers import scale_rows


def draw(n_usual: int, n_odd: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    usual = np.array([[5.0, 0, 0, 1, 0, 0]]) + rng.normal(size=(n_usual, 6)) * 0.5
    odd = np.array([[0.0, 5, 0, 0, 1, 0]]) + rng.normal(size=(n_odd, 6)) * 0.1
    rows = np.concatenate([usual, odd]).astype(np.float32)
    return scale_rows(rows, sections=(6,)), np.arange(len(rows)) >= n_usual


def test_a_small_band_that_looks_alike_is_odd_as_a_group():
    rows, odd = draw(200, 6)
    model = GroupOddity.fit(rows, sections=(6,))
    scores = model.score_samples(rows)
    assert scores[odd].min() > np.median(scores[~odd])
    np.testing.assert_allclose(scores, model.values)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_few_crops_or_crops_that_are_all_alike_have_no_odd_groups():
    assert not GroupOddity.fit(draw(6, 1)[0], sections=(6,)).values.any()
    assert not GroupOddity.fit(np.ones((50, 6), np.float32), sections=(6,)).values.any()


def test_a_camera_is_scored_by_both():
    rows, odd = draw(200, 6)
    photos = [f"p{i}" for i in range(len(rows))]
    scores = LeaningModel.fit(rows, photos, sections=(6,)).score_samples(rows, photos)
    assert np.isfinite(scores).all()
    assert scores[odd].mean() > scores[~odd].mean() + 1
