"""Finds the points that an outline, noise, a cluster or a species selects in a plot."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from core.maps.clusters import NOISE
from ui.scatter.colours import name_species
from ui.scatter.shapes import find_inside
from ui.scatter.view import Pick, PickKind

BOTH, FLAG_ONLY, NOISE_ONLY, NEITHER = "flag+noise", "flag", "noise", "neither"


def resolve_pick(
    pick: Pick, *, points: np.ndarray, facts: pd.DataFrame, labels: np.ndarray | None, hidden: Collection[str]
) -> np.ndarray:
    """Which points a selection means.

    Args:
        pick: The selection.
        points: Shape ``(n, 2)``, of the map that outlines were drawn on.
        facts: One row a point, with ``species, kind, detector_class, flagged``.
        labels: Each point's cluster or ``NOISE``; None while there are no clusters, and then no point is noise.
        hidden: Species that are not drawn: an outline does not select hidden points.

    Returns:
        Shape ``(n,)``, bool.
    """
    species = name_species(facts)
    nothing = np.zeros(len(points), dtype=bool)
    match pick.kind:
        case PickKind.OUTLINE:
            inside = nothing
            for outline in pick.outlines:
                inside = inside | find_inside(points, outline)
            return inside & ~species.isin(list(hidden)).to_numpy()
        case PickKind.SPECIES:
            return (species == pick.value).to_numpy()
        case PickKind.NOISE:
            return nothing if labels is None else labels == NOISE
        case PickKind.CLUSTER:
            number = int(pick.value) if pick.value.isascii() and pick.value.isdigit() else 0
            return nothing if labels is None or number < 1 else labels == number - 1
        case PickKind.AGREEMENT:
            return nothing if labels is None else sort_agreement(facts, labels) == pick.value
    raise ValueError(f"unknown kind of selection {pick.kind!r}")


def sort_agreement(facts: pd.DataFrame, labels: np.ndarray) -> np.ndarray:
    """The signs that mark each crop: ``BOTH``, ``FLAG_ONLY``, ``NOISE_ONLY`` or ``NEITHER``; shape ``(n,)``."""
    flagged, noise = facts["flagged"].to_numpy(bool), labels == NOISE
    return np.select([flagged & noise, flagged, noise], [BOTH, FLAG_ONLY, NOISE_ONLY], NEITHER)


def say_pick(pick: Pick, *, n: int) -> str:
    """A selection in words: ``the 132 crops of noise``."""
    crops = f"{n:,} crop{'' if n == 1 else 's'}"
    match pick.kind:
        case PickKind.NOISE:
            return f"{crops} of noise"
        case PickKind.CLUSTER:
            return f"{crops} of cluster {pick.value}"
        case PickKind.SPECIES:
            return f"{crops} of {pick.value}"
        case PickKind.AGREEMENT:
            words = {
                BOTH: "flagged and noise",
                FLAG_ONLY: "flagged, but in a cluster",
                NOISE_ONLY: "noise, but not flagged",
                NEITHER: "neither flagged nor noise",
            }
            return f"{crops}, {words.get(pick.value, pick.value)}"
    return f"{crops} drawn around"
