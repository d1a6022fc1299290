"""Pictures of a run's crops: neighbours stay neighbours, nothing jumps, and what cannot be done is refused."""

import importlib

import numpy as np
import pytest

from core.errors import AnomalureError
from core.maps.projection import (
    COMPILED_BY_UMAP,
    Projection,
    ProjectionKind,
    largest_perplexity,
    prepare_embeddings,
    project_pca,
    project_umap,
)
from core.maps.tsne import TsneNeighbours, align_points, choose_presets, refine_tsne


@pytest.fixture(scope="module")
def embeddings():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 24)) * 4
    return (centres[np.arange(150) % 3] + rng.normal(size=(150, 24))).astype(np.float32)


@pytest.fixture(scope="module")
def prepared(embeddings):
    return prepare_embeddings(embeddings)


@pytest.fixture(scope="module")
def neighbours(prepared):
    return TsneNeighbours.compute(prepared)


def count_own_kind(points):
    """Share of points whose nearest other is of the same of the three kinds."""
    gaps = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(gaps, np.inf)
    return (gaps.argmin(1) % 3 == np.arange(len(points)) % 3).mean()


def test_pca_is_that_of_scikit_learn_but_for_the_signs(prepared):
    from sklearn.decomposition import PCA

    theirs = PCA(n_components=2, svd_solver="full").fit_transform(prepared)

    assert np.abs(np.abs(project_pca(prepared)) - np.abs(theirs)).max() < 1e-5


def test_prepared_embeddings_give_each_encoder_the_same_weight(embeddings):
    loud = np.concatenate([embeddings[:, :12], embeddings[:, 12:] * 1000], axis=1)

    prepared = prepare_embeddings(loud, sections=(12, 12))

    assert prepared.shape == (150, 24)
    assert np.linalg.norm(prepared, axis=1).max() < 1.5
    assert np.abs(prepared - prepare_embeddings(embeddings, sections=(12, 12))).max() < 1e-3


def test_a_column_that_never_changes_does_no_harm(embeddings):
    with_constant = np.concatenate([embeddings, np.full((150, 2), 7.0)], axis=1)

    assert np.isfinite(prepare_embeddings(with_constant)).all()


def test_neighbours_are_the_nearest_and_never_the_crop_itself(prepared, neighbours):
    gaps = np.linalg.norm(prepared[:, None] - prepared[None], axis=2)
    np.fill_diagonal(gaps, np.inf)

    assert neighbours.indices.shape == (150, 90)
    assert (neighbours.indices != np.arange(150)[:, None]).all()
    assert np.abs(neighbours.distances - np.sort(gaps, axis=1)[:, :90]).max() < 1e-3


def test_many_copies_of_one_crop_are_not_their_own_neighbours():
    found = TsneNeighbours.compute(np.repeat(np.eye(2, 4, dtype=np.float32), 20, axis=0), perplexity=3)

    assert (found.indices != np.arange(40)[:, None]).all()


def test_tsne_keeps_groups_together_and_comes_nearer_step_by_step(prepared, neighbours):
    pictures = list(refine_tsne(neighbours, project_pca(prepared), perplexity=15, warm=False))

    assert pictures[0].iteration == 10
    assert pictures[-1].is_final
    assert not any(picture.is_final for picture in pictures[:-1])
    assert pictures[-1].kl < pictures[3].kl
    assert count_own_kind(pictures[-1].points) == 1


def test_another_perplexity_from_a_warm_start_does_not_jump_and_is_as_good(prepared, neighbours):
    start = list(refine_tsne(neighbours, project_pca(prepared), perplexity=15, warm=False))[-1].points

    warm = list(refine_tsne(neighbours, start, perplexity=20))

    cold = list(refine_tsne(neighbours, project_pca(prepared), perplexity=20, warm=False))[-1]
    size = np.linalg.norm(start - start.mean(0), axis=1).mean()
    assert np.linalg.norm(warm[0].points - start, axis=1).mean() < 0.2 * size
    assert warm[-1].iterations < cold.iterations / 2
    assert warm[-1].kl < cold.kl * 1.1, "of so few crops; bench/explore.py holds many to 3%"


def test_a_turned_and_mirrored_picture_is_laid_over_the_other():
    rng = np.random.default_rng(1)
    picture = rng.normal(size=(40, 2))
    turned = picture @ np.array([[0.6, 0.8], [0.8, -0.6]]) + 5

    assert np.abs(align_points(turned, to=picture) - picture).max() < 1e-5


def test_umap_gives_the_same_picture_for_the_same_seed(prepared):
    small = prepared[:60]

    first = project_umap(small, n_neighbors=10, min_dist=0.1, seed=1)

    assert count_own_kind(first) > 0.9
    assert (project_umap(small, n_neighbors=10, min_dist=0.1, seed=1) == first).all()
    for module, functions in COMPILED_BY_UMAP.items():
        for function in functions:
            compiled = getattr(importlib.import_module(module), function).stats
            assert compiled.cache_hits or compiled.cache_misses, f"what is compiled of {function} is not kept"


def test_the_presets_have_only_what_the_crops_allow():
    assert choose_presets(10_000) == (5, 15, 30, 50, 100)
    assert choose_presets(150) == (5, 15, 30)
    assert choose_presets(91) == (5, 15, 30)
    assert choose_presets(90) == (5, 15)
    assert choose_presets(10) == (3,)
    assert choose_presets(3) == ()
    assert largest_perplexity(91) == 30


@pytest.mark.parametrize(
    ("projection", "n_crops", "words"),
    [
        (Projection(perplexity=30), 90, "needs more than 90 crops, and this run has 90: choose 29 or less"),
        (Projection(perplexity=1), 3, "t-SNE needs at least 4 crops"),
        (Projection(perplexity=0.5), 100, "at least 1, got 0.5"),
        (Projection(perplexity=float("nan")), 100, "at least 1, got nan"),
        (Projection(kind=ProjectionKind.UMAP, n_neighbors=50), 50, "fewer than the 50 crops, got 50"),
        (Projection(kind=ProjectionKind.UMAP, n_neighbors=1), 50, "at least 2"),
        (Projection(kind=ProjectionKind.UMAP, min_dist=1.5), 50, "between 0 and 1, got 1.5"),
        (Projection(kind=ProjectionKind.PCA), 2, "at least 3 crops, and this run has 2"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_limit_named(projection, n_crops, words):
    with pytest.raises(AnomalureError, match=words):
        projection.check(n_crops)


@pytest.mark.parametrize(
    ("embeddings", "words"),
    [
        (np.ones((2, 4)), "at least 3 crops"),
        (np.ones((5, 4)), "exactly alike"),
        (np.array([[0.0, 1], [np.nan, 1], [2, 3]]), "1 of 3 crops are not finite"),
        (np.array([[0.0, 1], [np.inf, 1], [2, np.nan]]), "2 of 3 crops are not finite"),
    ],
)
def test_embeddings_that_cannot_be_laid_out_are_refused_in_a_sentence(embeddings, words):
    with pytest.raises(AnomalureError, match=words):
        prepare_embeddings(embeddings)
