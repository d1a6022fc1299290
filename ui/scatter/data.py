"""The data of the scatterplot: addresses of arrays, groups, clusters."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.maps.clusters import NOISE, ClusterTree, EpsRange
from core.maps.projection import Projection, ProjectionKind
from ui.scatter.addresses import PLOTLY_ADDRESS
from ui.scatter.charts import build_k_distance_figure, build_noise_share_figure
from ui.scatter.colours import Colouring, list_cluster_marks
from ui.scatter.memory import code_labels, offer_array, offer_tree
from ui.scatter.view import Side, View

SHARE_STEPS = 48
PLOT_HEIGHTS_PX = {"wide": 640, "narrow": 820}
"""With the lists beside the map, and below it."""
AXES = {
    ProjectionKind.TSNE: ("t-SNE 1", "t-SNE 2"),
    ProjectionKind.UMAP: ("UMAP 1", "UMAP 2"),
    ProjectionKind.PCA: ("PC 1", "PC 2"),
}


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """How the crops of one plot are grouped.

    Either by a ``tree`` that can be cut at any eps in the range ``eps``, or by fixed ``labels``. ``key`` identifies it;
    ``curves`` are figures in Plotly's JSON.
    """

    key: str
    tree: ClusterTree | None = None
    labels: np.ndarray | None = None
    eps: EpsRange | None = None
    curves: Mapping[str, Any] | None = None

    def label(self, side: Side) -> np.ndarray:
        """Each point's cluster or ``NOISE``; shape ``(n,)``.

        Raises:
            AnomalureError: If eps is not above 0.
        """
        if self.labels is not None:
            return self.labels
        assert self.tree is not None
        assert self.eps is not None
        return self.tree.cut(side.eps or self.eps.usual)


def group_by_tree(tree: ClusterTree, *, key: str, points: np.ndarray) -> Grouping:
    """A grouping by DBSCAN, with the range of the slider for eps and the two curves that help to choose eps."""
    eps = tree.span_eps(points)
    grid = np.geomspace(eps.least, eps.most, SHARE_STEPS)
    curves = None
    if np.isfinite(tree.k_distances).any() and tree.k_distances.any():
        curves = {
            "distances": build_k_distance_figure(
                tree.k_distances, k=tree.min_samples, knee=eps.suggested
            ).to_plotly_json(),
            "shares": build_noise_share_figure(grid, tree.noise_shares(grid)).to_plotly_json(),
        }
    return Grouping(key=key, tree=tree, eps=eps, curves=curves)


def describe_grouping(grouping: Grouping | None, side: Side) -> dict[str, Any] | None:
    """The part of the plot's data that says how crops are grouped; None while they are not grouped."""
    if grouping is None:
        return None
    if grouping.tree is None or grouping.eps is None:
        assert grouping.labels is not None
        return {"labels": offer_array(code_labels(grouping.labels)), "cut": None}
    eps = side.eps or grouping.eps.usual
    return {
        "cut": offer_tree(grouping.tree, key=grouping.key),
        "labels": None,
        "eps": eps,
        "least": min(grouping.eps.least, eps),
        "most": max(grouping.eps.most, eps),
        "suggested": grouping.eps.suggested,
        "curves": grouping.curves,
        "on_map": side.on_map,
    }


def build_plot_data(
    *,
    view: View,
    side: int,
    points: np.ndarray,
    points_key: str,
    run_name: str,
    projection: Projection,
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
        view: The view that the page shows.
        side: The number of this plot on the page.
        points: Shape ``(n, 2)``.
        points_key: Identifies the map; zoom and pan are kept as long as it stays the same.
        run_name: The run and ...
        projection: ... the map that are shown; they are the title of the picture that can be saved.
        species: The points by species, for the list beside the plot.
        colouring: The groups by which the points are coloured.
        grouping: Their clusters, or None while there are none.
        selected: Which points are selected, shape ``(n,)``, bool; None: no selection.
        facts: The address of the facts about each point.
        message: A sentence shown over the plot.
        draft: The address of newer pictures while the map is being computed; None: it is finished.
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
        "heights": PLOT_HEIGHTS_PX,
        "title": f"{run_name}, {projection.label}",
        "axes": AXES[projection.kind],
        "narrow": view.is_comparing,
        "message": message,
        "draft": draft,
    }


def count_clusters(labels: np.ndarray) -> tuple[int, int]:
    """How many clusters there are, and how many crops are noise."""
    return int(labels.max(initial=NOISE)) + 1, int((labels == NOISE).sum())
