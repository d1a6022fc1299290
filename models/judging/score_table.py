"""The table of scores that every scorer returns."""

import numpy as np
import pandas as pd

from core.records import CropKind
from core.settings.run import RunSettings

NO_CLASS = frozenset({"", "animal"})
"""Classes of detectors that are not species."""


def name_species(crops: pd.DataFrame, settings: RunSettings, *, unsaid: str) -> np.ndarray:
    """The species that the detector's class stands for, shape ``(n,)``, str.

    A class that is not in the settings' table keeps its name. Whole frames and classes that are
    not species ("animal") get ``unsaid``, unless the table names a species for them.
    """
    table = settings.species_by_class()
    species = np.empty(len(crops), dtype=object)
    species[:] = [
        unsaid if kind == CropKind.FRAME else table.get(name, unsaid if name in NO_CLASS else name)
        for name, kind in zip(crops["detector_class"].fillna(""), crops["kind"], strict=True)
    ]
    return species


def make_score_table(
    crops: pd.DataFrame,
    *,
    species: np.ndarray,
    scores: np.ndarray,
    p_values: np.ndarray,
    judged_by: np.ndarray,
    judged_against: np.ndarray,
    false_alarm_rate: float,
) -> pd.DataFrame:
    """One row per crop, in the crops' order. A crop is flagged if its p-value is at most the false-alarm rate."""
    return pd.DataFrame(
        {
            "crop_id": crops["crop_id"].to_numpy(),
            "species": species,
            "score": scores,
            "p_value": p_values,
            "flagged": p_values <= false_alarm_rate,
            "judged_by": judged_by,
            "judged_against": judged_against,
        }
    )
