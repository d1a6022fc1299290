"""What the scatterplot is told: arrays by their address, groups, clusters. Knows no Streamlit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.errors import AnomalureError
from core.maps.clusters import NOISE, ClusterTree, suggest_eps
from ui.scatter.addresses import PLOTLY_ADDRESS
from ui.scatter.charts import build_k_distance_figure, build_noise_share_figure
from ui.scatter.colours import Colouring, list_cluster_marks
from ui.scatter.memory import code_labels, offer_array, offer_tree
from ui.scatter.view import Side, View

SHARE_STEPS = 48
PLOT_HEIGHT_PX = 640
COMPARE_HEIGHT_PX = 820


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """How the crops of one plot are grouped.

    Either by a ``tree`` that can be cut at any eps from ``least`` to ``most`` (``suggested`` is the knee, None if
    there is none), or by fixed ``labels``. ``key`` names it; ``curves`` are figures in Plotly's JSON.
    """

    key: str
    tree: ClusterTree | None = None
    labels: np.ndarray | None = None
    least: float = 0.0
    most: float = 0.0
    suggested: float | None = None
    curves: Mapping[str, Any] | None = None

    def eps_of(self, side: Side) -> float:
        """The eps that is in force: what was asked for, else the suggested one, else the middle of the range."""
        return side.eps or self.suggested or round_eps(float(np.sqrt(self.least * self.most)))

    def label(self, side: Side) -> np.ndarray:
        """Each point's cluster or ``NOISE``; shape ``(n,)``.

        Raises:
            AnomalureError: If eps is not above 0.
        """
        if self.tree is None:
            assert self.labels is not None
            return self.labels
        return self.tree.cut(self.eps_of(side))


def group_by_tree(tree: ClusterTree, *, key: str, points: np.ndarray) -> Grouping:
    """A grouping by DBSCAN, with the range of eps that is worth a slider and the two curves to choose it by."""
    finite = tree.k_distances[np.isfinite(tree.k_distances) & (tree.k_distances > 0)]
    if len(finite):
        least, most = float(np.percentile(finite, 1)) / 3, float(finite[-1]) * 1.3
    else:
        span = float(np.ptp(points, axis=0).max()) or 1.0
        least, most = span / 1000, span
    least, most = round_eps(least), max(round_eps(most), round_eps(least) * 10)
    try:
        suggested: float | None = round_eps(suggest_eps(tree.k_distances))
    except AnomalureError:
        suggested = None
    grid = np.geomspace(least, most, SHARE_STEPS)
    curves = None
    if len(finite):
        curves = {
            "distances": build_k_distance_figure(tree.k_distances, knee=suggested).to_plotly_json(),
            "shares": build_noise_share_figure(grid, tree.noise_shares(grid)).to_plotly_json(),
        }
    return Grouping(key=key, tree=tree, least=least, most=most, suggested=suggested, curves=curves)


def round_eps(eps: float) -> float:
    """Three digits: what the slider sets and the address holds."""
    return float(f"{eps:.3g}")


def describe_grouping(grouping: Grouping | None, side: Side) -> dict[str, Any] | None:
    """The part of the plot's data that says how crops are grouped; None while they are not."""
    if grouping is None:
        return None
    if grouping.tree is None:
        assert grouping.labels is not None
        return {"labels": offer_array(code_labels(grouping.labels)), "cut": None}
    eps = grouping.eps_of(side)
    return {
        "cut": offer_tree(grouping.tree, key=grouping.key),
        "labels": None,
        "eps": eps,
        "least": min(grouping.least, eps),
        "most": max(grouping.most, eps),
        "suggested": grouping.suggested,
        "curves": grouping.curves,
        "on_map": side.on_map,
    }


def build_plot_data(
    *,
    view: View,
    side: int,
    points: np.ndarray,
    points_key: str,
    species: Colouring,
    colouring: Colouring,
    grouping: Grouping | None,
    selected: np.ndarray | None,
    facts: str,
    message: str = "",
    draft: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything that the scatterplot of one side needs, fit for JSON.

    Args:
        view: What the page shows.
        side: Which of its plots this is.
        points: Shape ``(n, 2)``.
        points_key: Names what the points show: as long as it stays, zoom and pan stay.
        species: The points by species, for the list beside the plot.
        colouring: The points by what they are coloured by.
        grouping: Their clusters, or None while there are none.
        selected: Which points are selected, shape ``(n,)``, bool; None: no selection.
        facts: The address of what is known of each point.
        message: A sentence over the plot.
        draft: Where newer pictures of a map that is being made are found; None: it is finished.
    """
    arrays = {
        "points": offer_array(points.astype(np.float32)),
        "species": {"codes": offer_array(species.codes), "groups": [asdict(group) for group in species.groups]},
        "colour": {
            **colouring.for_plot(),
            "codes": offer_array(colouring.codes) if colouring.groups else None,
            "cycle": list_cluster_marks() if colouring.by == "cluster" else None,
        },
    }
    return {
        **arrays,
        "plotly": PLOTLY_ADDRESS,
        "clusters": describe_grouping(grouping, view.sides[side]),
        "looks": {"off": list(view.off), "fade": dict(view.fade)},
        "rings": view.rings,
        "selected": None if selected is None else {"mask": offer_array(selected.astype(np.uint8))},
        "view": view.sides[side].view,
        "uirevision": points_key,
        "facts": facts,
        "height": COMPARE_HEIGHT_PX if view.is_comparing else PLOT_HEIGHT_PX,
        "narrow": view.is_comparing,
        "message": message,
        "draft": draft,
    }


def count_clusters(labels: np.ndarray) -> tuple[int, int]:
    """How many clusters there are, and how many crops are noise."""
    return int(labels.max(initial=NOISE)) + 1, int((labels == NOISE).sum())
