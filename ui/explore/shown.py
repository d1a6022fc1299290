"""One plot of the Explore page as it is drawn."""

from dataclasses import dataclass

import numpy as np

from core.maps.exploration import Picture
from ui.explore.follow import Work
from ui.explore.run import RunPoints
from ui.scatter.data import Grouping


@dataclass
class Shown:
    """One plot as it is drawn: its crops, their places, their clusters (None while they are worked out).

    ``work`` is what is computed for it in a process of its own.
    """

    number: int
    points: RunPoints
    picture: Picture | None
    grouping: Grouping | None = None
    labels: np.ndarray | None = None
    waits_for: str = ""
    work: Work | None = None
