"""Groups crops that lie close together, so that unusual crops stand out as noise."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.disk.files import write_stream
from core.errors import AnomalureError
from core.maps.spanning_tree import cut_row, find_border_reach, line_up_points, span_points

NOISE = -1
_FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class EpsRange:
    """The range of useful values of eps, in the units of the points, > 0.

    ``suggested`` is the knee of the k-distance curve; None if the curve has none.
    """

    least: float
    most: float
    suggested: float | None

    @property
    def usual(self) -> float:
        """The eps if the user has not chosen one: the suggested one, else the middle of the range."""
        return self.suggested or round_eps(float(np.sqrt(self.least * self.most)))


def round_eps(eps: float) -> float:
    """Round to three digits, the precision of the slider and of the address."""
    return float(f"{eps:.3g}")


class ClusterTree:
    """DBSCAN of one set of points at every eps: built once by ``build_tree``, then cut at once for any eps.

    The points are sorted into a row in which each cluster of any eps is contiguous; a cut goes through it once.

    Attributes:
        n_points: How many.
        min_samples: Points within eps, itself included, that make a core point.
    """

    def __init__(self, *, min_samples: int, arrays: dict[str, np.ndarray]) -> None:
        self.min_samples = min_samples
        self._arrays = arrays
        self._row = arrays["row"]  # (n,) int32: which point stands at each place
        self._places = np.empty_like(self._row)
        self._places[self._row] = np.arange(len(self._row), dtype=np.int32)
        self._joints_sq = arrays["joints_sq"]  # (n - 1,) float64, between each place and the next
        self._core_sq = arrays["core_sq"]  # (n,) float64, by place, as what follows
        self._neighbours = arrays["neighbours"]  # (n, min_samples - 1) int32: places
        self._neighbours_sq = arrays["neighbours_sq"]  # (n, min_samples - 1) float64
        self._border_sq = find_border_reach(self._neighbours, self._neighbours_sq, self._core_sq)

    @property
    def n_points(self) -> int:
        """How many points."""
        return len(self._row)

    @cached_property
    def k_distances(self) -> np.ndarray:
        """The eps from which on each point is a core point, sorted ascending, shape ``(n,)``, float64.

        It is the distance to its ``min_samples``-th nearest, itself counted as the first; infinite if there are
        fewer points than ``min_samples``.
        """
        distances = np.sqrt(self._sorted_core_sq)
        # The square root may be rounded down, but at the eps that the curve shows the point has to be a core point.
        return np.where(distances * distances < self._sorted_core_sq, np.nextafter(distances, np.inf), distances)

    def cut(self, eps: float) -> np.ndarray:
        """The clusters at one eps, as ``sklearn.cluster.DBSCAN(eps=eps, min_samples=min_samples)`` finds them.

        Core points and noise are the same as in scikit-learn, and clusters have the same numbers, by their first core
        point. A border point joins the nearest core point within eps (the first of equally near ones), where
        scikit-learn gives it to whichever cluster it meets first. A distance counts as within eps if its square in
        float64 is at most that of eps.

        Args:
            eps: Largest distance between neighbours, in the units of the points, > 0.

        Returns:
            Shape ``(n,)``, int32: 0, 1, ... or ``NOISE``.

        Raises:
            AnomalureError: If eps is not a finite number above 0.

        Source: Ester et al., KDD 1996.
        """
        eps = check_eps(eps)
        return cut_row(
            eps * eps,
            self._row,
            self._places,
            self._joints_sq,
            self._core_sq,
            self._border_sq,
            self._neighbours,
            self._neighbours_sq,
        )

    def span_eps(self, points: np.ndarray) -> "EpsRange":
        """The values of eps between which the clusters change.

        Args:
            points: The points of the tree, shape ``(n, d)``; their extent is used if no distance is informative.
        """
        finite = self.k_distances[np.isfinite(self.k_distances) & (self.k_distances > 0)]
        if len(finite):
            least, most = float(np.percentile(finite, 1)) / 3, float(finite[-1]) * 1.3
        else:
            extent = float(np.ptp(points, axis=0).max()) or 1.0
            least, most = extent / 1000, extent
        least = round_eps(least)
        try:
            suggested: float | None = round_eps(suggest_eps(self.k_distances))
        except AnomalureError:
            suggested = None
        return EpsRange(least=least, most=max(round_eps(most), least * 10), suggested=suggested)

    def is_core(self, eps: float) -> np.ndarray:
        """Which points are core points at this eps; shape ``(n,)``, bool.

        Raises:
            AnomalureError: If eps is not a finite number above 0.
        """
        eps = check_eps(eps)
        return (self._core_sq <= eps * eps)[self._places]

    def noise_shares(self, eps: np.ndarray) -> np.ndarray:
        """The share of noise among all points, 0 to 1, at each of these eps; same shape as ``eps``."""
        eps = np.asarray(eps, dtype=np.float64)
        return 1.0 - np.searchsorted(self._sorted_border_sq, eps * eps, side="right") / self.n_points

    def cluster_counts(self, eps: np.ndarray) -> np.ndarray:
        """The number of clusters, noise not counted, at each of these eps; same shape as ``eps``, int."""
        eps = np.asarray(eps, dtype=np.float64)
        n_core = np.searchsorted(self._sorted_core_sq, eps * eps, side="right")
        return n_core - np.searchsorted(self._sorted_joints_sq, eps * eps, side="right")

    @cached_property
    def _sorted_core_sq(self) -> np.ndarray:
        return np.sort(self._core_sq)

    @cached_property
    def _sorted_border_sq(self) -> np.ndarray:
        return np.sort(self._border_sq)

    @cached_property
    def _sorted_joints_sq(self) -> np.ndarray:
        return np.sort(self._joints_sq)

    def find_hdbscan(self, *, min_cluster_size: int) -> np.ndarray:
        """The clusters that HDBSCAN finds with the tree's ``min_samples``; the same as ``cluster_hdbscan``, but faster.

        Raises:
            AnomalureError: If a number is out of range.
        """
        _check_cluster_size(min_cluster_size)
        if max(min_cluster_size, self.min_samples) > self.n_points:
            return np.full(self.n_points, NOISE, dtype=np.int32)
        # Two neighbours in the row stand for the edge of the tree that joins the groups on either side of them.
        ascending = np.argsort(self._joints_sq, kind="stable")
        return _find_hdbscan(
            self._row[:-1][ascending],
            self._row[1:][ascending],
            self._joints_sq[ascending],
            min_cluster_size=min_cluster_size,
        )

    def save(self, path: Path) -> None:
        """Write it as one npz file, whole or not at all."""
        facts = {"format": np.array(_FORMAT), "min_samples": np.array(self.min_samples)}
        write_stream(path, lambda file: np.savez(file, allow_pickle=False, **facts, **self._arrays), durable=True)

    @classmethod
    def load(cls, path: Path) -> "ClusterTree":
        """What ``save`` wrote; the file can run no code.

        Raises:
            AnomalureError: If the file is missing or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                if int(file["format"]) != _FORMAT:
                    raise ValueError("it comes from another version")
                min_samples = int(file["min_samples"])
                arrays = {name: file[name] for name in _TYPES}
            _check_arrays(arrays, min_samples=min_samples)
        except Exception as error:  # a damaged zip fails in many ways
            raise AnomalureError(
                f"{path} is not a tree of clusters that Anomalure wrote ({error}). Delete it: it is made again."
            ) from error
        return cls(min_samples=min_samples, arrays=arrays)


_TYPES: dict[str, Any] = {
    "row": np.int32,
    "joints_sq": np.float64,
    "core_sq": np.float64,
    "neighbours": np.int32,
    "neighbours_sq": np.float64,
}


def _check_arrays(arrays: dict[str, np.ndarray], *, min_samples: int) -> None:
    n = len(arrays["row"])
    width = arrays["neighbours"].shape[1] if arrays["neighbours"].ndim == 2 else -1
    shapes = {
        "row": (n,),
        "joints_sq": (n - 1,),
        "core_sq": (n,),
        "neighbours": (n, width),
        "neighbours_sq": (n, width),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != _TYPES[name]:
            raise ValueError(f"{name} has another shape or type")
    if width not in (0, min_samples - 1) or n == 0:
        raise ValueError("its parts do not fit together")
    for name in ("row", "neighbours"):  # the compiled code does not check indices
        if arrays[name].size and not 0 <= arrays[name].min() <= arrays[name].max() < n:
            raise ValueError(f"{name} has an index out of range")
    if not np.array_equal(np.bincount(arrays["row"], minlength=n), np.ones(n, dtype=np.int64)):
        raise ValueError("a point stands twice in its row")
    for name in ("joints_sq", "core_sq", "neighbours_sq"):
        if not (arrays[name] >= 0).all():  # nor is one NaN
            raise ValueError(f"{name} has a distance below 0")


def build_tree(points: np.ndarray, *, min_samples: int, on_share: Callable[[float], None] | None = None) -> ClusterTree:
    """Everything that DBSCAN needs for any eps.

    Args:
        points: Shape ``(n, d)``, n >= 1, finite numbers; fastest with few columns.
        min_samples: Points within eps, itself included, that make a core point, >= 1. With more than n, all is noise.
        on_share: Called now and then with the share that is done, 0 to 1; an exception that it raises ends the work.

    Raises:
        AnomalureError: If ``min_samples`` is under 1, there are no points, or one is not finite.
    """
    points = check_points(points)
    if min_samples < 1:
        raise AnomalureError(f"A core point needs at least 1 crop within eps, itself included, got {min_samples}.")
    n = len(points)
    if min_samples > n:  # no point can be a core point
        arrays = {
            "row": np.arange(n, dtype=np.int32),
            "joints_sq": np.full(n - 1, np.inf),
            "core_sq": np.full(n, np.inf),
            "neighbours": np.empty((n, 0), dtype=np.int32),
            "neighbours_sq": np.empty((n, 0)),
        }
        return ClusterTree(min_samples=min_samples, arrays=arrays)
    tree = span_points(points, min_samples=min_samples, on_share=on_share)
    row, joints = line_up_points(tree.first, tree.second, n)
    places = np.empty_like(row)
    places[row] = np.arange(n, dtype=np.int32)
    arrays = {
        "row": row,
        "joints_sq": tree.reach_sq[joints],
        "core_sq": tree.core_sq[row],
        "neighbours": places[tree.neighbours[row]],
        "neighbours_sq": tree.neighbours_sq[row],
    }
    return ClusterTree(min_samples=min_samples, arrays=arrays)


def warm_up() -> None:
    """Compile everything that a tree needs; the first time on a computer this takes some seconds."""
    tree = build_tree(np.arange(24, dtype=np.float32).reshape(-1, 2), min_samples=3)
    tree.cut(1.5)


def suggest_eps(k_distances: np.ndarray) -> float:
    """The knee of the k-distance curve: where it leaves the straight line from its start to its end farthest.

    Args:
        k_distances: ``ClusterTree.k_distances``.

    Returns:
        An eps > 0 in the units of the points.

    Raises:
        AnomalureError: If no distance is finite and above 0, as when all crops are alike.

    Source: the reading of the curve is Ester et al., KDD 1996; the rule is Satopaa et al., "Kneedle", 2011.
    """
    curve = np.sort(k_distances[np.isfinite(k_distances)])
    if len(curve) == 0 or curve[-1] <= 0:
        raise AnomalureError("No eps can be suggested: the crops all lie on one point, or are fewer than min_samples.")
    if curve[-1] == curve[0]:
        return float(curve[-1])
    along = np.linspace(0, 1, len(curve))
    up = (curve - curve[0]) / (curve[-1] - curve[0])
    knee = float(curve[int(np.argmax(along - up))])
    return knee if knee > 0 else float(curve[curve > 0][0])


def cluster_hdbscan(points: np.ndarray, *, min_cluster_size: int, min_samples: int | None = None) -> np.ndarray:
    """Clusters of any density, without an eps.

    Args:
        points: Shape ``(n, d)``, finite numbers.
        min_cluster_size: Fewest points of a cluster, >= 2.
        min_samples: As for DBSCAN; None: as ``min_cluster_size``.

    Returns:
        Shape ``(n,)``, int32: 0, 1, ... or ``NOISE``.

    Raises:
        AnomalureError: If a number is out of range.

    Source: Campello, Moulavi and Sander, PAKDD 2013.
    """
    points = check_points(points)
    _check_cluster_size(min_cluster_size)
    if min_samples is not None and min_samples < 1:
        raise AnomalureError(f"A core point needs at least 1 crop near it, itself included, got {min_samples}.")
    min_samples = min_cluster_size if min_samples is None else min_samples
    if max(min_cluster_size, min_samples) > len(points):
        return np.full(len(points), NOISE, dtype=np.int32)
    tree = span_points(points, min_samples=min_samples)
    return _find_hdbscan(tree.first, tree.second, tree.reach_sq, min_cluster_size=min_cluster_size)


def _check_cluster_size(min_cluster_size: int) -> None:
    if min_cluster_size < 2:
        raise AnomalureError(f"A cluster needs at least 2 crops, got {min_cluster_size}.")


def _find_hdbscan(first: np.ndarray, second: np.ndarray, reach_sq: np.ndarray, *, min_cluster_size: int) -> np.ndarray:
    # Private steps of scikit-learn's HDBSCAN after its own, slower tree. The version is pinned, and a test compares.
    from sklearn.cluster._hdbscan._linkage import MST_edge_dtype, make_single_linkage
    from sklearn.cluster._hdbscan._tree import tree_to_labels

    edges = np.empty(len(first), dtype=MST_edge_dtype)
    edges["current_node"], edges["next_node"], edges["distance"] = first, second, np.sqrt(reach_sq)
    labels, _ = tree_to_labels(make_single_linkage(edges), min_cluster_size=min_cluster_size)
    return np.asarray(labels, dtype=np.int32)


def check_points(points: np.ndarray) -> np.ndarray:
    """The points as floats, or an AnomalureError that says what is wrong with them."""
    points = np.asarray(points)
    if points.ndim != 2:
        raise ValueError(f"points must have shape (n, d), got {points.shape}")
    if len(points) == 0:
        raise AnomalureError("There are no crops to group. Choose a run that found some.")
    if not np.isfinite(points).all():
        raise AnomalureError("Some crops have no place on the plot: their points are not finite numbers.")
    if points.dtype not in (np.float32, np.float64):
        points = points.astype(np.float64)
    return np.ascontiguousarray(points)


def check_eps(eps: float) -> float:
    """Eps as a float, or an AnomalureError."""
    eps = float(eps)
    if not (np.isfinite(eps) and eps > 0):
        raise AnomalureError(f"eps is a distance on the plot and must be above 0, got {eps:g}.")
    return eps
