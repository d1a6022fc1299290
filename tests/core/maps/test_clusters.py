"""Clusters at any eps are those of scikit-learn's DBSCAN, to the last point; ties, duplicates and grids too."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.metrics import adjusted_rand_score

import core.maps.spanning_tree
from core.errors import AnomalureError
from core.maps.clusters import NOISE, ClusterTree, build_tree, cluster_hdbscan, suggest_eps


def make_blobs(rng, n, d):
    centres = rng.normal(size=(5, d)) * 6
    return centres[rng.integers(0, 5, n)] + rng.normal(size=(n, d)) * rng.uniform(0.3, 2, (n, 1))


def make_points(seed):
    """A data set of its own kind for each seed: blobs, noise, grids full of ties, duplicates; 1 to 10 columns."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(12, 300)), (2, 2, 2, 10, 3, 1)[seed % 6]
    kind = seed % 5
    if kind == 0:
        points = make_blobs(rng, n, d)
    elif kind == 1:
        points = rng.uniform(-5, 5, (n, d))
    elif kind == 2:
        points = rng.integers(0, 9, (n, d)).astype(float)
    elif kind == 3:
        points = make_blobs(rng, n, d)[rng.integers(0, n // 3, n)]
    else:
        points = np.repeat(np.round(make_blobs(rng, n, d)), 2, axis=0)
    return points.astype(np.float32)


def measure_all_sq(points):
    """Squared distances of all pairs, added up column by column in float64."""
    rows = points.astype(np.float64)
    return sum((rows[:, None, column] - rows[None, :, column]) ** 2 for column in range(rows.shape[1]))


def choose_eps(all_sq, rng):
    """Some eps of all sizes, and some that are exactly a distance between two points."""
    some_sq = np.unique(all_sq[all_sq > 0])
    some = np.sqrt(some_sq)
    # sqrt(x)**2 is not always x: where it is, scikit-learn's own tree is of one mind about the tie.
    ties = some[some * some == some_sq]
    return [*np.quantile(some, [0.001, 0.02, 0.1, 0.4]) * 1.0001, *rng.choice(ties, 3)]


@pytest.mark.parametrize("seed", range(30))
def test_every_cut_is_what_dbscan_finds(seed):
    points = make_points(seed)
    rng = np.random.default_rng(seed)
    all_sq = measure_all_sq(points)
    for min_samples in (1, 3, 10):
        tree = build_tree(points, min_samples=min_samples)
        for eps in choose_eps(all_sq, rng):
            theirs = DBSCAN(eps=eps, min_samples=min_samples, algorithm="kd_tree").fit(points)
            core = np.zeros(len(points), dtype=bool)
            core[theirs.core_sample_indices_] = True

            ours = tree.cut(eps)

            assert (tree.is_core(eps) == core).all()
            assert (ours[core] == theirs.labels_[core]).all()
            assert ((ours == NOISE) == (theirs.labels_ == NOISE)).all()
            for i in np.flatnonzero(~core & (ours != NOISE)):
                near = np.where(core, all_sq[i], np.inf)
                assert near.min() <= eps * eps
                assert ours[i] == ours[int(np.argmin(near))], "the nearest core point, the first of equals"
            assert tree.noise_shares(eps) == pytest.approx((theirs.labels_ == NOISE).mean())
            assert tree.cluster_counts(eps) == theirs.labels_.max() + 1


def test_many_points_are_cut_as_dbscan_does():
    points = make_blobs(np.random.default_rng(1), 5_000, 2).astype(np.float32)
    tree = build_tree(points, min_samples=10)
    for eps in np.quantile(tree.k_distances, [0.05, 0.5, 0.95]):
        theirs = DBSCAN(eps=eps, min_samples=10).fit(points)
        core = theirs.core_sample_indices_
        assert (tree.cut(eps)[core] == theirs.labels_[core]).all()
        assert ((tree.cut(eps) == NOISE) == (theirs.labels_ == NOISE)).all()


def test_a_point_is_a_core_point_from_its_k_distance_on():
    points = np.random.default_rng(2).normal(size=(300, 2)).astype(np.float32)
    tree = build_tree(points, min_samples=5)

    for rank in (0, 7, 150, 299):
        eps = tree.k_distances[rank]
        assert tree.is_core(eps).sum() == rank + 1
        assert tree.is_core(np.nextafter(np.nextafter(eps, 0), 0)).sum() == rank


def test_the_suggested_eps_parts_a_tight_group_from_scattered_points():
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.normal(size=(300, 2)) * 0.1, rng.uniform(-20, 20, (20, 2)) + 40])
    tree = build_tree(points, min_samples=5)

    labels = tree.cut(suggest_eps(tree.k_distances))

    assert (labels[:300] == 0).mean() > 0.95
    assert (labels[300:] == NOISE).mean() > 0.8


def test_with_fewer_points_than_a_core_point_needs_all_is_noise():
    tree = build_tree(np.zeros((3, 2)), min_samples=4)

    assert tree.cut(1.0).tolist() == [NOISE] * 3
    assert tree.noise_shares(np.array([1.0, 5.0])).tolist() == [1.0, 1.0]
    assert tree.cluster_counts(5.0) == 0


def test_a_tree_that_was_kept_cuts_as_before_and_another_file_is_refused(tmp_path):
    points = make_points(0)
    tree = build_tree(points, min_samples=4)
    tree.save(tmp_path / "tree.npz")

    assert (ClusterTree.load(tmp_path / "tree.npz").cut(1.0) == tree.cut(1.0)).all()

    content = (tmp_path / "tree.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.npz").write_text("no tree")
    np.savez(tmp_path / "other.npz", row=np.arange(4))
    arrays = dict(np.load(tmp_path / "tree.npz"))
    np.savez(tmp_path / "outside.npz", **{**arrays, "row": arrays["row"] + np.int32(1)})
    for name in ("cut", "text", "other", "outside", "missing"):
        with pytest.raises(AnomalureError, match="Delete it"):
            ClusterTree.load(tmp_path / f"{name}.npz")


def test_hdbscan_finds_what_scikit_learn_finds():
    points = make_blobs(np.random.default_rng(5), 600, 2).astype(np.float32)

    ours = cluster_hdbscan(points, min_cluster_size=15, min_samples=5)

    theirs = HDBSCAN(min_cluster_size=15, min_samples=5, copy=True).fit_predict(points)
    assert ours.max() == theirs.max()
    assert adjusted_rand_score(ours, theirs) > 0.98, "the same, but for points of equal reach"


def test_hdbscan_of_a_kept_tree_is_that_of_the_points():
    points = make_blobs(np.random.default_rng(6), 500, 10)
    tree = build_tree(points, min_samples=12)
    assert np.array_equal(tree.find_hdbscan(min_cluster_size=12), cluster_hdbscan(points, min_cluster_size=12))
    assert (tree.find_hdbscan(min_cluster_size=501) == NOISE).all()


def test_a_tree_says_how_far_it_is_and_can_be_stopped():
    points = make_blobs(np.random.default_rng(7), 400, 3)
    told: list[float] = []
    build_tree(points, min_samples=4, on_share=told.append)
    assert told == sorted(told)
    assert (told[0], told[-1] <= 1) == (0, True)

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_tree(points, min_samples=4, on_share=stop)


def test_threads_that_share_out_the_points_find_the_same_clusters(monkeypatch):
    points = make_blobs(np.random.default_rng(8), 900, 12)
    monkeypatch.setattr(core.maps.spanning_tree, "BLOCK", 64)
    trees = []
    for threads in (1, 3):
        monkeypatch.setattr(core.maps.spanning_tree.os, "cpu_count", lambda threads=threads: threads)
        trees.append(build_tree(points, min_samples=6))
    for eps in np.quantile(trees[0].k_distances, [0.05, 0.3, 0.6, 0.9, 0.99]):
        assert np.array_equal(trees[0].cut(float(eps)), trees[1].cut(float(eps)))


def test_hdbscan_finds_groups_of_different_density():
    rng = np.random.default_rng(4)
    points = np.concatenate([rng.normal(size=(100, 2)) * 0.1, rng.normal(size=(100, 2)) * 1.5 + 20])

    labels = cluster_hdbscan(points, min_cluster_size=20, min_samples=5)

    assert labels.max() == 1
    assert labels[labels >= 0].size > 180
    assert len(set(labels[:100]) - {NOISE}) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: build_tree(np.zeros((5, 2)), min_samples=2).cut(0), "above 0, got 0"),
        (lambda: build_tree(np.zeros((5, 2)), min_samples=2).cut(-1.5), "above 0, got -1.5"),
        (lambda: build_tree(np.zeros((5, 2)), min_samples=2).cut(float("nan")), "above 0, got nan"),
        (lambda: build_tree(np.zeros((5, 2)), min_samples=2).cut(float("inf")), "above 0, got inf"),
        (lambda: build_tree(np.zeros((5, 2)), min_samples=0), "at least 1 crop"),
        (lambda: build_tree(np.zeros((0, 2)), min_samples=2), "no crops"),
        (lambda: build_tree(np.array([[0.0, np.nan]]), min_samples=1), "not finite"),
        (lambda: suggest_eps(np.zeros(9)), "No eps can be suggested"),
        (lambda: suggest_eps(np.full(3, np.inf)), "No eps can be suggested"),
        (lambda: cluster_hdbscan(np.zeros((9, 2)), min_cluster_size=1), "at least 2 crops"),
        (lambda: build_tree(np.zeros((9, 2)), min_samples=2).find_hdbscan(min_cluster_size=1), "at least 2 crops"),
        (lambda: cluster_hdbscan(np.zeros((9, 2)), min_cluster_size=2, min_samples=0), "at least 1 crop"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, words):
    with pytest.raises(AnomalureError, match=words):
        call()
