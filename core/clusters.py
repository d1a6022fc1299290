"""Group crops that lie close together, so that the ones like no other stand out as noise."""

from pathlib import Path

import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.neighbors import NearestNeighbors

from core.errors import AnomalureError
from core.files import replace_file, temporary_beside

NOISE = -1


class ClusterTree:
    """DBSCAN of one set of points at every eps: built once by ``build_tree``, then cut at once for any eps.

    Attributes:
        points: Shape ``(n, d)``, float32.
        min_samples: Points within eps, itself included, that make a core point.
        k_distances: Distance of each point to its ``min_samples``-th nearest, itself counted as the first: the eps
            from which on it is a core point. Sorted ascending, shape ``(n,)``, float64; infinite if
            ``min_samples > n``.
    """

    def __init__(self, points: np.ndarray, min_samples: int, k_distances: np.ndarray) -> None:
        self.points = points
        self.min_samples = min_samples
        self.k_distances = k_distances

    def cut(self, eps: float) -> np.ndarray:
        """The clusters at one eps, as ``sklearn.cluster.DBSCAN(eps=eps, min_samples=min_samples)`` gives them.

        Core points and noise are the same as there, numbered as there: in the order of their first core point. A border
        point, which is within eps of core points of several clusters, joins the nearest core point (the first one
        of equally near ones), where sklearn gives it to the cluster with the lowest number.

        Args:
            eps: Largest distance between neighbours, in the units of the points, > 0.

        Returns:
            Shape ``(n,)``, int32: 0, 1, ... or ``NOISE``.

        Raises:
            AnomalureError: If eps is not a finite number above 0.
        """
        return DBSCAN(eps=check_eps(eps), min_samples=self.min_samples).fit_predict(self.points).astype(np.int32)

    def is_core(self, eps: float) -> np.ndarray:
        """Which points are core points at this eps; shape ``(n,)``, bool, in the order of the points."""
        found = DBSCAN(eps=check_eps(eps), min_samples=self.min_samples).fit(self.points)
        mask = np.zeros(len(self.points), dtype=bool)
        mask[found.core_sample_indices_] = True
        return mask

    def noise_shares(self, eps: np.ndarray) -> np.ndarray:
        """The share of noise among all points, 0 to 1, at each of these eps; same shape as ``eps``."""
        return np.array([float((self.cut(one) == NOISE).mean()) for one in np.atleast_1d(eps)])

    def cluster_counts(self, eps: np.ndarray) -> np.ndarray:
        """The number of clusters, noise not counted, at each of these eps; same shape as ``eps``, int."""
        return np.array([int(self.cut(one).max()) + 1 for one in np.atleast_1d(eps)])

    def save(self, path: Path) -> None:
        """Write it as one npz file, whole or not at all."""
        temporary = temporary_beside(path)
        try:
            with temporary.open("xb") as file:
                np.savez(file, points=self.points, min_samples=self.min_samples, k_distances=self.k_distances)
            replace_file(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> "ClusterTree":
        """What ``save`` wrote; the file can run no code.

        Raises:
            AnomalureError: If the file is missing or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(file["points"], int(file["min_samples"]), file["k_distances"])
        except (OSError, ValueError, KeyError) as error:
            raise AnomalureError(f"{path} is not a tree of clusters that Anomalure wrote ({error}). Delete it: it is "
                                 "made again.") from error  # fmt: skip


def build_tree(points: np.ndarray, *, min_samples: int) -> ClusterTree:
    """Everything that DBSCAN needs for any eps.

    Args:
        points: Shape ``(n, d)``, n >= 1, finite numbers.
        min_samples: Points within eps, itself included, that make a core point, >= 1.

    Raises:
        AnomalureError: If ``min_samples`` is under 1, there are no points, or one is not finite.
    """
    points = check_points(points)
    if min_samples < 1:
        raise AnomalureError(f"A core point needs at least 1 crop within eps, itself included; got {min_samples}.")
    if min_samples > len(points):
        return ClusterTree(points, min_samples, np.full(len(points), np.inf))
    distances, _ = NearestNeighbors(n_neighbors=min_samples).fit(points).kneighbors(points)
    return ClusterTree(points, min_samples, np.sort(distances[:, -1]).astype(np.float64))


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
    if min_cluster_size < 2:
        raise AnomalureError(f"A cluster needs at least 2 crops, got {min_cluster_size}.")
    found = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, copy=True).fit_predict(points)
    return found.astype(np.int32)


def check_points(points: np.ndarray) -> np.ndarray:
    """The points as float32, or an AnomalureError that says what is wrong with them."""
    points = np.asarray(points)
    if points.ndim != 2:
        raise ValueError(f"points must have shape (n, d), got {points.shape}")
    if len(points) == 0:
        raise AnomalureError("There are no crops to group. Choose a run that found some.")
    if not np.isfinite(points).all():
        raise AnomalureError("Some crops have no place on the plot: their points are not finite numbers.")
    return np.ascontiguousarray(points, dtype=np.float32)


def check_eps(eps: float) -> float:
    """Eps as a float, or an AnomalureError."""
    eps = float(eps)
    if not (np.isfinite(eps) and eps > 0):
        raise AnomalureError(f"eps is a distance on the plot and must be above 0, got {eps:g}.")
    return eps
