"""The crops that a bundle was trained on and whose pictures the project has: examples of what is normal."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import AnomalureError
from core.records import CropKind
from core.review.alike import Examples
from core.study.project import Project

BUNDLES_KEPT = 2


class TrainedOn:
    """The training crops of a bundle, read when somebody asks for them; none of a first look or of a lost bundle."""

    def __init__(self, project: Project, bundle: str) -> None:
        self._project = project
        self._folder = project.bundles_dir / bundle if bundle else None

    def find(self, kind: str, species: str, camera: str) -> Examples | None:
        """Those of a species, or of whole frames of a camera. A ``FindExamples`` of core/review/alike.py."""
        if self._folder is None or (not species and kind != CropKind.FRAME):
            return None
        table, vectors = _read(self._folder)
        if table.empty:
            return None
        mask = (table["kind"] == kind) & (table["species"] == species)
        if not species:
            mask &= table["deployment"] == camera
        rows = [at for at in np.flatnonzero(mask.to_numpy()) if self._has_picture(table["crop_id"].iloc[at])]
        return Examples(table["crop_id"].iloc[rows].tolist(), vectors[rows]) if rows else None

    def describe(self, crop_id: str) -> Mapping[Any, Any]:
        """The row of one of them."""
        assert self._folder is not None
        table, _ = _read(self._folder)
        row: dict[Any, Any] = table[table["crop_id"] == crop_id].iloc[0].to_dict()
        return row

    def _has_picture(self, crop_id: str) -> bool:
        path = self._project.crop_path(crop_id)
        return path is not None and path.is_file()


@lru_cache(maxsize=BUNDLES_KEPT)  # a bundle never changes
def _read(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    from models.bundles.bundle import read_training_rows  # imports scikit-learn, which takes a second

    try:
        rows = read_training_rows(folder, name=folder.name)
    except AnomalureError:  # the bundle is gone, or was made before bundles kept their rows
        return pd.DataFrame({"crop_id": []}), np.empty((0, 0), np.float16)
    return rows.table, rows.embeddings
