"""Embeddings are brought to one scale, and a species' model scores what is far from it higher."""

import io
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import skops.io
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from core.errors import AnomalureError
from models.judging.normaliser import Normaliser
from models.one_class.elliptic_envelope import RobustEllipseModel
from models.one_class.isolation_forest import ForestModel
from models.one_class.knn import NeighbourModel
from models.one_class.lof import LocalOutlierModel
from models.one_class.mahalanobis import GaussianModel
from models.one_class.methods import check_one_class, fit_one_class, read_one_class
from models.one_class.ocsvm import GAMMA, SupportVectorModel
from tests.fakes.scored_crops import SECTIONS, draw_species, unit_rows


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


def test_a_section_can_count_less_than_the_other():
    rows = draw_species(0, 30, seed=1)

    normalised = Normaliser.fit(rows, sections=SECTIONS, weights=(2.0, 1.0)).transform(rows)

    np.testing.assert_allclose(np.linalg.norm(normalised, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(normalised[:, 16:], axis=1), 0.2**0.5, atol=1e-5)


def test_rows_can_be_reduced_to_their_main_directions():
    rows = draw_species(0, 60, seed=1)

    whole = Normaliser.fit(rows, sections=SECTIONS)
    reduced = Normaliser.fit(rows, sections=SECTIONS, components=24)
    short = Normaliser.from_arrays(Normaliser.fit(rows, sections=SECTIONS, components=3).to_arrays())

    full, turned = whole.transform(rows), reduced.transform(rows)
    np.testing.assert_allclose(turned @ turned.T, full @ full.T, atol=1e-4)  # all directions: only turned
    assert short.width == 3
    np.testing.assert_allclose(np.linalg.norm(short.transform(rows), axis=1), 1, atol=1e-4)


@pytest.mark.parametrize(
    "options", [{"weights": (1.0,)}, {"weights": (1.0, 0.0)}, {"components": 25}, {"components": -1}]
)
def test_weights_and_components_that_do_not_fit_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        Normaliser.fit(draw_species(0, 60, seed=1), sections=SECTIONS, **options)


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
    "change", [{"mean": np.zeros(3, np.float32)}, {"scale": np.zeros(24, np.float32)}, {"mean": np.full(24, np.nan)}]
)
def test_damaged_arrays_are_no_normaliser(change):
    arrays = Normaliser.fit(draw_species(0, 30, seed=1), sections=SECTIONS).to_arrays()

    with pytest.raises(ValueError, match="must"):
        Normaliser.from_arrays({**arrays, **change})
    with pytest.raises(ValueError, match="needs scale"):
        Normaliser.from_arrays({key: value for key, value in arrays.items() if key != "scale"})


def test_a_forest_whose_walks_would_never_end_is_refused():
    forest = fit_one_class(unit_rows(60, seed=1), name="isolation_forest")
    left = forest.left.copy()
    left[np.flatnonzero(left != -1)[-1]] = 0

    with pytest.raises(ValueError, match="not trees"):
        read_one_class(replace(forest, left=left).to_bytes(), name="isolation_forest", n_rows=60)


def test_an_unknown_model_is_refused_by_name():
    with pytest.raises(AnomalureError, match=r"one of ocsvm, .*, got 'magic'"):
        check_one_class("magic")


def test_the_local_outlier_factor_is_that_of_scikit_learn():
    rows, asked = unit_rows(80, seed=1), unit_rows(30, seed=2, around=4)
    kept = rows.astype(np.float16).astype(np.float32)
    reference = LocalOutlierFactor(n_neighbors=20, novelty=True).fit(kept)

    scores = LocalOutlierModel.fit(rows).score_samples(asked)

    np.testing.assert_allclose(scores, -reference.score_samples(asked), rtol=1e-4)


def test_the_isolation_forest_is_that_of_scikit_learn():
    rows, asked = unit_rows(80, seed=1), unit_rows(30, seed=2, around=4)
    reference = IsolationForest(n_estimators=200, random_state=3).fit(rows)

    scores = ForestModel.fit(rows, seed=3).score_samples(asked)

    np.testing.assert_allclose(scores, -reference.score_samples(asked), rtol=1e-5)


@pytest.mark.parametrize("n", [8, 60])
def test_the_mahalanobis_distance_is_that_of_ledoit_and_wolf_with_fewer_rows_than_columns_too(n):
    rows, asked = unit_rows(n, seed=1), unit_rows(30, seed=2, around=4)
    reference = LedoitWolf().fit(rows)

    scores = GaussianModel.fit(rows).score_samples(asked)

    np.testing.assert_allclose(scores, np.sqrt(reference.mahalanobis(asked)), rtol=1e-3)


def test_the_nearest_neighbours_are_those_of_a_slow_search():
    rows, asked = unit_rows(40, seed=1), unit_rows(9, seed=2, around=4)

    scores = NeighbourModel.fit(rows).score_samples(asked)

    for score, one in zip(scores, asked, strict=True):
        assert score == pytest.approx(np.mean(sorted(np.linalg.norm(rows - one, axis=1))[:5]), rel=1e-3)


def test_the_distance_from_the_plane_counts_in_the_elliptic_envelope():
    flat = np.zeros((200, 40), np.float32)
    flat[:, :5] = np.random.default_rng(0).normal(size=(200, 5))
    flat += np.random.default_rng(1).normal(size=flat.shape) * 0.01
    beside = flat[:10].copy()
    beside[:, 30] += 1.0

    model = RobustEllipseModel.fit(flat)

    assert model.score_samples(beside).min() > model.score_samples(flat).max()


@pytest.mark.parametrize(("n", "few", "form"), [(1, True, "mean"), (4, True, "mean"), (60, False, "exact")])
def test_the_form_of_the_machine_is_said(n, few, form):
    model = SupportVectorModel.fit(unit_rows(n, seed=1), few=few)

    assert (model.form, model.n_rows) == (form, n)


def test_scores_are_those_of_scikit_learn_turned_round_and_freed_of_the_number_of_crops():
    rows, others = unit_rows(80, seed=1), unit_rows(30, seed=2, around=4)
    reference = OneClassSVM(nu=0.1, gamma=0.7).fit(rows)

    scores = SupportVectorModel.fit(rows, gamma=0.7).score_samples(others)

    np.testing.assert_allclose(scores, 1 - reference.score_samples(others) / (0.1 * len(rows)), atol=1e-5)


def test_with_few_crops_every_one_counts_the_same():
    rows, others = unit_rows(5, seed=1), unit_rows(7, seed=2)
    similar = [[np.exp(-GAMMA * np.sum((x - y) ** 2)) for y in rows] for x in others]

    scores = SupportVectorModel.fit(rows, few=True).score_samples(others)

    np.testing.assert_allclose(scores, 1 - np.mean(similar, axis=1), atol=1e-3)


def test_models_of_half_the_crops_score_on_the_same_scale():
    rows, others = unit_rows(200, seed=1), unit_rows(50, seed=2)

    whole, half = (SupportVectorModel.fit(part).score_samples(others).mean() for part in (rows, rows[:100]))

    assert half == pytest.approx(whole, rel=0.05)


def test_very_many_crops_are_learnt_approximately_and_ranked_alike():
    rows = unit_rows(400, seed=1)
    asked = np.concatenate([unit_rows(100, seed=2), unit_rows(100, seed=3, around=5)])
    exact, fast = SupportVectorModel.fit(rows), SupportVectorModel.fit(rows, exact_rows=300)

    ranks = [np.argsort(np.argsort(model.score_samples(asked))) for model in (exact, fast)]

    assert (exact.form, fast.form) == ("exact", "approximate")
    assert np.corrcoef(*ranks)[0, 1] > 0.95
    np.testing.assert_array_equal(
        SupportVectorModel.fit(rows, exact_rows=300).score_samples(asked), fast.score_samples(asked)
    )


@pytest.mark.parametrize("exact_rows", [10, 1_000])
def test_a_model_comes_back_from_its_file_with_the_same_scores(exact_rows):
    model = SupportVectorModel.fit(unit_rows(60, seed=1), exact_rows=exact_rows)

    again = SupportVectorModel.from_bytes(model.to_bytes(), n_rows=60, form=model.form)

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
        SupportVectorModel.from_bytes(content, n_rows=1, form="exact")


def test_a_file_that_names_code_to_run_is_refused_unread():
    content = skops.io.dumps(zipfile.Path)

    with pytest.raises(ValueError, match="run code"):
        SupportVectorModel.from_bytes(content, n_rows=1, form="exact")


@pytest.mark.parametrize("rows", [np.ones((0, 4)), np.ones(4)])
def test_there_must_be_something_to_learn_from(rows):
    with pytest.raises(ValueError, match="n >= 1"):
        SupportVectorModel.fit(rows)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"\(n, 12\)"):
        SupportVectorModel.fit(unit_rows(20)).score_samples(np.ones((3, 5), np.float32))
