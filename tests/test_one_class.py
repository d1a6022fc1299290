"""Embeddings are brought to one scale, and a species' model scores what is far from it higher."""

import io
import pickle
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.svm import OneClassSVM

from models.normaliser import Normaliser
from models.one_class import OneClassModel
from tests.scored_crops import SECTIONS, draw_species


def unit_rows(n: int, *, width: int = 12, seed: int = 0, around: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, width)) * 0.4
    rows[:, around] += 1
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def normalise_slowly(rows: np.ndarray, sections: tuple[int, ...]) -> np.ndarray:
    """The same by the book, one number at a time."""
    result = np.zeros(rows.shape)
    for i, row in enumerate(rows):
        start = 0
        for width in sections:
            part = []
            for column in range(start, start + width):
                values = [float(other[column]) for other in rows]
                mean = sum(values) / len(values)
                deviation = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
                part.append((row[column] - mean) / deviation)
            length = sum(value**2 for value in part) ** 0.5
            result[i, start : start + width] = np.array(part) / length / len(sections) ** 0.5
            start += width
    return result


def test_rows_are_standardised_and_each_section_has_the_same_length():
    rows = draw_species(0, 30, seed=1) * np.linspace(0.1, 50, 24, dtype=np.float32)
    before = rows.copy()

    normalised = Normaliser.fit(rows, sections=SECTIONS).transform(rows)

    np.testing.assert_allclose(normalised, normalise_slowly(rows, SECTIONS), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(normalised, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(normalised[:, :16], axis=1), 0.5**0.5, atol=1e-5)
    np.testing.assert_array_equal(rows, before)


def test_without_centring_rows_of_one_species_stay_on_one_side():
    rows = draw_species(0, 30, seed=1)

    normalised = Normaliser.fit(rows, sections=SECTIONS, centre=False).transform(rows)

    np.testing.assert_allclose(np.linalg.norm(normalised, axis=1), 1, atol=1e-5)
    assert (normalised @ normalised.mean(axis=0)).min() > 0.5


def test_a_column_that_never_varies_does_no_harm():
    rows = draw_species(0, 30, seed=1)
    rows[:, 3] = 7.3

    normalised = Normaliser.fit(rows, sections=SECTIONS).transform(rows)

    assert np.isfinite(normalised).all()
    np.testing.assert_allclose(normalised[:, 3], 0, atol=1e-6)


def test_crops_that_are_all_alike_become_nothing_rather_than_rounding_noise():
    rows = np.tile(draw_species(0, 1, seed=1), (20, 1))

    np.testing.assert_array_equal(Normaliser.fit(rows, sections=SECTIONS).transform(rows), 0)


def test_a_broken_embedding_becomes_zero_and_spoils_no_other():
    rows = draw_species(0, 30, seed=1)
    clean = Normaliser.fit(rows, sections=SECTIONS)
    spoilt = np.concatenate([rows, np.full((1, 24), np.nan, np.float32), np.full((1, 24), np.inf, np.float32)])

    normaliser = Normaliser.fit(spoilt, sections=SECTIONS)

    np.testing.assert_allclose(normaliser.mean_, clean.mean_)
    np.testing.assert_array_equal(normaliser.transform(spoilt)[30:], 0)


def test_a_normaliser_comes_back_from_its_arrays():
    rows = draw_species(0, 30, seed=1)
    normaliser = Normaliser.fit(rows, sections=SECTIONS)

    again = Normaliser.from_arrays(normaliser.to_arrays())

    np.testing.assert_array_equal(again.transform(rows), normaliser.transform(rows))
    assert again.sections == SECTIONS


@pytest.mark.parametrize(
    ("rows", "sections", "said"),
    [
        (np.ones((3, 4)), (16, 8), "shape"),
        (np.ones(24), (16, 8), "shape"),
        (np.ones((3, 4)), (), "sections"),
        (np.ones((3, 4)), (4, 0), "sections"),
        (np.full((3, 4), np.nan), (4,), "finite"),
        (np.ones((0, 4)), (4,), "finite"),
    ],
)
def test_a_normaliser_says_what_it_expected(rows, sections, said):
    with pytest.raises(ValueError, match=said):
        Normaliser.fit(rows, sections=sections)


@pytest.mark.parametrize(
    "change",
    [{"mean": np.zeros(3, np.float32)}, {"scale": np.zeros(24, np.float32)}, {"mean": np.full(24, np.nan)}],
)
def test_damaged_arrays_are_no_normaliser(change):
    arrays = Normaliser.fit(draw_species(0, 30, seed=1), sections=SECTIONS).to_arrays()

    with pytest.raises(ValueError, match="must"):
        Normaliser.from_arrays({**arrays, **change})
    with pytest.raises(ValueError, match="needs scale"):
        Normaliser.from_arrays({key: value for key, value in arrays.items() if key != "scale"})


@pytest.mark.parametrize(("n", "method"), [(1, "mean"), (4, "mean"), (60, "exact")])
def test_a_strange_crop_scores_higher_than_those_of_the_species(n, method):
    model = OneClassModel.fit(unit_rows(n, seed=1))

    own, strange = model.score_samples(unit_rows(20, seed=2)), model.score_samples(unit_rows(20, seed=3, around=5))

    assert model.method == method
    assert model.n_rows == n
    assert own.mean() < strange.mean()
    if n > 1:
        assert own.max() < strange.max()
        assert np.median(own) < strange.min()


def test_scores_are_those_of_scikit_learn_turned_round_and_freed_of_the_number_of_crops():
    rows, others = unit_rows(80, seed=1), unit_rows(30, seed=2, around=4)
    reference = OneClassSVM(nu=0.1, gamma=1.0).fit(rows)

    scores = OneClassModel.fit(rows).score_samples(others)

    np.testing.assert_allclose(scores, 1 - reference.score_samples(others) / (0.1 * len(rows)), atol=1e-5)


def test_with_few_crops_every_one_counts_the_same():
    rows, others = unit_rows(5, seed=1), unit_rows(7, seed=2)
    similar = [[np.exp(-np.sum((x - y) ** 2)) for y in rows] for x in others]

    scores = OneClassModel.fit(rows).score_samples(others)

    np.testing.assert_allclose(scores, 1 - np.mean(similar, axis=1), atol=1e-3)


def test_models_of_half_the_crops_score_on_the_same_scale():
    rows, others = unit_rows(200, seed=1), unit_rows(50, seed=2)

    whole, half = (OneClassModel.fit(part).score_samples(others).mean() for part in (rows, rows[:100]))

    assert half == pytest.approx(whole, rel=0.05)


def test_very_many_crops_are_learnt_approximately_and_ranked_alike():
    rows = unit_rows(400, seed=1)
    asked = np.concatenate([unit_rows(100, seed=2), unit_rows(100, seed=3, around=5)])
    exact, fast = OneClassModel.fit(rows), OneClassModel.fit(rows, exact_rows=300)

    ranks = [np.argsort(np.argsort(model.score_samples(asked))) for model in (exact, fast)]

    assert (exact.method, fast.method) == ("exact", "approximate")
    assert np.corrcoef(*ranks)[0, 1] > 0.95
    np.testing.assert_array_equal(
        OneClassModel.fit(rows, exact_rows=300).score_samples(asked), fast.score_samples(asked)
    )


@pytest.mark.parametrize("exact_rows", [10, 1_000])
def test_a_model_comes_back_from_its_file_with_the_same_scores(exact_rows):
    model = OneClassModel.fit(unit_rows(60, seed=1), exact_rows=exact_rows)

    again = OneClassModel.from_bytes(model.to_bytes(), n_rows=60, method=model.method)

    np.testing.assert_array_equal(again.score_samples(unit_rows(9, seed=2)), model.score_samples(unit_rows(9, seed=2)))


def _zip(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip",
        _zip("schema.json", b"{"),
        _zip("schema.json", b"{}"),
        _zip("other.txt", b""),
        pickle.dumps({"a": 1}),
        skops.io.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1])),
        skops.io.dumps(OneClassSVM()),
        skops.io.dumps([1, 2]),
    ],
    ids=["empty", "text", "half", "hollow", "other", "pickle", "other model", "not fitted", "list"],
)
def test_a_file_that_is_no_model_of_ours_is_refused(content):
    with pytest.raises(ValueError, match=r"model file|machine|run code"):
        OneClassModel.from_bytes(content, n_rows=1, method="exact")


def test_a_file_that_names_code_to_run_is_refused_unread():
    content = skops.io.dumps(zipfile.Path)

    with pytest.raises(ValueError, match="run code"):
        OneClassModel.from_bytes(content, n_rows=1, method="exact")


@pytest.mark.parametrize("rows", [np.ones((0, 4)), np.ones(4)])
def test_there_must_be_something_to_learn_from(rows):
    with pytest.raises(ValueError, match="n >= 1"):
        OneClassModel.fit(rows)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"\(n, 12\)"):
        OneClassModel.fit(unit_rows(20)).score_samples(np.ones((3, 5), np.float32))
