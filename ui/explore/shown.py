"""One plot of the Explore page as it is drawn."""

from dataclasses import dataclass

import numpy as np

from core.maps.pictures import Picture
from ui.explore.follow import Waited
from ui.explore.run import RunPoints
from ui.scatter.data import Grouping


@dataclass
class Shown:
    """One plot as it is drawn: its crops, their points, their clusters (None while they are computed).

    ``waited`` is the computation for it in a process of its own.
    """

    number: int
    points: RunPoints
    picture: Picture | None
    grouping: Grouping | None = None
    labels: np.ndarray | None = None
    waits_for: str = ""
    waited: Waited | None = None
