"""The DBSCAN noise in a saved view of the Explore page, as a selection to review."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from core.errors import AnomalureError
from core.maps.clusters import NOISE
from core.maps.exploration import Exploration
from core.runs.folder import RunFolder
from core.store.saved_views import list_views
from core.study.project import Project
from core.study.selections import Selection
from ui.scatter.groupings import check_grouping, find_missing_tree
from ui.scatter.view import Method, Side, View
from ui.shared.state import Key

PREFIX = "noise-of:"
"""The keys of views begin with this, which tells them from the ids of selections."""


def find_noise_views(project: Project, run_id: str) -> Mapping[str, tuple[str, Side]]:
    """The plots of a run that are grouped by DBSCAN: the one seen last, and those of saved views.

    Returns each by its key, with its name.
    """
    seen = st.session_state.get(Key.EXPLORE_BY_RUN, {}).get(run_id)
    views = [("seen", ", last seen", seen)] if isinstance(seen, View) else []
    views += [(one.view_id, f" of {one.name}", View.from_address(one.address)) for one in list_views(project.store)]
    return {
        PREFIX + key: (f"DBSCAN noise{name}", view.sides[0])
        for key, name, view in views
        if view.sides[0].run == run_id and view.sides[0].method is Method.DBSCAN
    }


def select_noise(project: Project, run: RunFolder, name: str, side: Side) -> Selection:
    """Make a selection of the crops that are in no cluster, or return the one that was made before.

    Raises:
        AnomalureError: If the clusters are not computed, or every crop is in one.
    """
    crop_ids, eps = find_noise(Exploration(run), side)
    if not crop_ids:
        raise AnomalureError(f"No crop is noise at eps {eps:g}: each is in a cluster. Choose a smaller eps on Explore.")
    for one in project.selections():
        same = one.run_id == run.run_id and one.name == name and one.n_crops == len(crop_ids) and not one.problem
        if same and one.crop_ids() == crop_ids:
            return one
    where = side.projection.label if side.on_map else "the embeddings"
    return project.save_selection(name, run.run_id, crop_ids, source=f"noise of DBSCAN, eps {eps:g}, on {where}")


def find_noise(exploration: Exploration, side: Side) -> tuple[list[str], float]:
    """The crops that are in no cluster of a plot, in the order of the run, and the eps that was used.

    Raises:
        AnomalureError: If the plot's map or tree is not there, or its numbers are out of range.
    """
    check_grouping(side)
    points = exploration.points(side.projection)
    if points is None or find_missing_tree(exploration, side) is not None:
        raise AnomalureError("The clusters of this view are not computed yet. Open it on Explore once.")
    tree = exploration.tree(side.projection if side.on_map else None, min_samples=side.min_samples)
    eps = side.eps or tree.span_eps(points if side.on_map else exploration.prepared()).usual
    return np.asarray(exploration.crop_ids, dtype=object)[tree.cut(eps) == NOISE].tolist(), eps
