"""A model of normal images keeps its promised rate, finds others, is saved without code, and says what it cannot do."""

import json

import numpy as np
import pytest

from core.errors import AnomalureError
from core.settings.images import ImageSettings
from models.images.descriptors.descriptor import Descriptor
from models.images.model import INLIER, OUTLIER, ImageModel, fit_images
from models.one_class.methods import list_one_class

WIDTH = 12  # of a colour histogram with four bins, as which the model is kept


class Given(Descriptor):
    """Rows that a test makes itself."""

    label, about = "Given", "For tests."
    sections = (WIDTH // 3,) * 3

    def describe(self, images):
        return np.stack(images)


def make_rows(n, *, seed=0, shift=0.0):
    rows = np.random.default_rng(seed).normal(size=(n, WIDTH)).astype(np.float32) + 5
    rows[:, 0] += shift
    return rows


def fit(rows, *, rate=0.05, one_class="mahalanobis", groups=None):
    settings = ImageSettings(false_alarm_rate=rate, bins=4)
    return fit_images(
        rows,
        groups or [str(i) for i in range(len(rows))],
        descriptor=Given(settings),
        name="colour_histogram",
        one_class=one_class,
    )


@pytest.mark.parametrize("one_class", list_one_class())
def test_new_normal_images_are_flagged_at_the_promised_rate_and_others_are_found(one_class):
    shares = []
    for seed in range(2):
        model = fit(make_rows(120, seed=seed), one_class=one_class)
        shares.append((model.answer(make_rows(500, seed=100 + seed)).answers == OUTLIER).mean())
    odd = model.answer(make_rows(50, seed=7, shift=25))

    assert 0.01 <= np.mean(shares) <= 0.09
    assert (odd.answers == OUTLIER).mean() > 0.9
    assert set(odd.answers) <= {INLIER, OUTLIER}
    assert (odd.p_values > 0).all()


def test_an_answer_is_the_p_value_compared_with_the_rate():
    model = fit(make_rows(100))
    rows = make_rows(200, seed=3, shift=3)
    scores = model.model.score_samples(model.normaliser.transform(rows))
    slow = np.array([(1 + sum(other >= score for other in model.held_out)) / 101 for score in scores])

    np.testing.assert_allclose(model.answer(rows).p_values, slow)
    for rate in (0.01, 0.05, 0.3):
        np.testing.assert_array_equal(model.at_rate(rate).answer(rows).answers, np.where(slow <= rate, OUTLIER, INLIER))


@pytest.mark.parametrize(
    ("n", "rate", "groups", "why"),
    [
        (1, 0.05, None, "needs 19 normal images or more, got 1"),
        (18, 0.05, None, "needs 19 normal images or more, got 18"),
        (50, 0.01, None, "needs 99 normal images or more, got 50"),
        (9, 0.5, None, "needs 10 normal images or more, got 9"),
        (30, 0.05, ["same"] * 30, "All normal images are the same one"),
    ],
)
def test_too_few_images_are_refused_in_a_sentence(n, rate, groups, why):
    with pytest.raises(AnomalureError, match=why):
        fit(make_rows(n), rate=rate, groups=groups)


def test_images_that_are_all_alike_make_a_model_that_flags_another():
    model = fit(np.ones((40, WIDTH), np.float32))
    other = np.zeros((1, WIDTH), np.float32)
    other[0, 0] = 9
    assert model.answer(np.ones((3, WIDTH), np.float32)).answers.tolist() == [INLIER] * 3
    assert np.isfinite(model.answer(other).scores).all()


@pytest.mark.parametrize("one_class", list_one_class())
def test_a_model_that_was_saved_answers_the_same(tmp_path, one_class):
    model = fit(make_rows(60), one_class=one_class)
    model.save(tmp_path)
    rows = make_rows(20, seed=5, shift=2)

    found = ImageModel.load(tmp_path)
    np.testing.assert_allclose(found.answer(rows).p_values, model.answer(rows).p_values)
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".pkl", ".pickle", ".pt", ".joblib")]


@pytest.fixture(scope="module")
def small_model():
    return fit(make_rows(40), one_class="knn")


def _change(folder, **facts):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "model.json").unlink(), "There is no model of images"),
        (lambda folder: (folder / "model.json").write_text("{"), "cannot be used"),
        (lambda folder: (folder / "model.json").write_text("[]"), "cannot be used"),
        (lambda folder: _change(folder, format=99), "it has the format 99"),
        (lambda folder: _change(folder, descriptor="../../x"), "An image is described by one of"),
        (lambda folder: _change(folder, one_class="os.system"), "there is no one-class model"),
        (lambda folder: _change(folder, ending="pkl"), "ends in 'pkl'"),
        (lambda folder: _change(folder, ending="/../../x.safetensors"), "ends in"),
        (lambda folder: _change(folder, settings={"bins": 8}), "its parts do not fit each other"),
        (lambda folder: _change(folder, settings={"bins": "many"}), "cannot be used"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"cut"), "cannot be used"),
        (lambda folder: (folder / "model.safetensors").unlink(), "There is no model|cannot be used"),
        (lambda folder: next(folder.glob("one-class.*")).write_bytes(b"\x80\x04cposix\nsystem\n."), "cannot be used"),
    ],
)
def test_a_damaged_or_foreign_model_is_a_sentence(tmp_path, spoil, why, small_model):
    small_model.save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(AnomalureError, match=why):
        ImageModel.load(tmp_path)
