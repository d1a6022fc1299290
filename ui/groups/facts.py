"""What a card says about a group: its crops, cameras, events, hours, and what the detector took it for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.groups.partition import Group
from core.groups.tree import GroupTree
from core.records import CropKind
from core.review.index import ReviewIndex
from ui.shared.words import say_time

TYPICAL, LEAST = 6, 3
MOST_CAMERAS, MOST_CLASSES = 3, 2
COLUMNS = ("crop_id", "deployment", "event_id", "photo_id", "captured_at", "detector_class", "kind")


class CropFacts:
    """The facts of all crops of a run as numbers, in the order of its tree, so that a group is counted at once."""

    def __init__(self, index: ReviewIndex, tree: GroupTree) -> None:
        table = index.catalogue.table.select(list(COLUMNS)).to_pandas().set_index("crop_id")
        self.places = table.index.get_indexer(tree.crop_ids)
        """The row of each crop in the run's catalogue, shape ``(n,)``, int."""
        table = table.iloc[self.places].reset_index(names="crop_id")
        self.tree = tree
        self.crop_ids = [str(crop_id) for crop_id in tree.crop_ids]
        self._row_of = {crop_id: row for row, crop_id in enumerate(self.crop_ids)}
        self._cameras, self._camera_names = pd.factorize(table["deployment"].fillna(""))
        events = table["event_id"].fillna("")
        self._events = pd.factorize(events.where(events != "", table["photo_id"]))[0]
        self._classes, self._class_names = pd.factorize(table["detector_class"].fillna(""))
        self._times = table["captured_at"]
        self._hours = self._times.dt.hour.fillna(-1).to_numpy(dtype=np.int64)
        self._is_frame = (table["kind"] == CropKind.FRAME).to_numpy(dtype=bool)

    def find_row(self, crop_id: str) -> int | None:
        """The row of a crop in the tree."""
        return self._row_of.get(crop_id)

    def describe(self, rows: np.ndarray) -> dict[str, Any]:
        """The facts of the crops in these rows of the tree, as JSON values."""
        ordered = self.tree.order_by_typical(rows)
        typical = ordered[:TYPICAL]
        rest = ordered[TYPICAL:]
        hours = self._hours[rows]
        classes = _count(self._classes[rows], self._class_names, MOST_CLASSES)
        return {
            "n": len(rows),
            "typical": self.list_crops(typical),
            "least": self.list_crops(rest[::-1][:LEAST]),
            "cameras": _count(self._cameras[rows], self._camera_names, MOST_CAMERAS),
            "nCameras": len(np.unique(self._cameras[rows])),
            "events": len(np.unique(self._events[rows])),
            "hours": np.bincount(hours[hours >= 0], minlength=24).tolist(),
            "detector": [one for one in classes if one[0] not in ("", "animal")],
            "frames": int(self._is_frame[rows].sum()),
        }

    def list_crops(self, rows: np.ndarray | Sequence[int]) -> list[list[str]]:
        """Each crop as its id, and its camera and time in words."""
        return [
            [self.crop_ids[row], f"{self._camera_names[self._cameras[row]]}, {say_time(self._times.iloc[row])}"]
            for row in rows
        ]

    def sort_group(self, group: Group) -> np.ndarray:
        """The rows of a group, the most typical first."""
        return self.tree.order_by_typical(group.rows)


def _count(codes: np.ndarray, names: Any, most: int) -> list[tuple[str, int]]:
    """The names that come most often, with their number."""
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")[:most]
    return [(str(names[code]), int(counts[code])) for code in order if counts[code]]
