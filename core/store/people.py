"""People and their vehicles: which crops show them, so that they stay out of galleries and exports unless asked for."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from core.errors import AnomalureError

if TYPE_CHECKING:
    from core.store.database import Store

SETTING = "people_classes"
PEOPLE_CLASSES = (
    "person",
    "human",
    "people",
    "homo sapiens",
    "vehicle",  # MegaDetector, SpeciesNet
    "car",
    "truck",
    "bus",
    "motorcycle",
    "bicycle",
    "train",
    "boat",
    "airplane",  # COCO
)
"""The classes that count as people unless the project says otherwise."""


class People(StrEnum):
    """What an export does with people: leave them out, blur them in its pictures, or show them as they are."""

    LEAVE_OUT = "leave-out"
    BLUR = "blur"
    INCLUDE = "include"


def read_people_classes(store: "Store") -> tuple[str, ...]:
    """The classes that count as people in this project, in lower case."""
    kept = store.get_setting(SETTING, list(PEOPLE_CLASSES))
    return _tidy(kept) if isinstance(kept, list) else PEOPLE_CLASSES


def keep_people_classes(store: "Store", classes: Iterable[str]) -> tuple[str, ...]:
    """Keep other classes for the project; none at all means that nothing counts as people.

    Raises:
        AnomalureError: If the project's database cannot be written.
    """
    tidy = _tidy(classes)
    if any(len(name) > 100 for name in tidy):
        raise AnomalureError("The name of a detector's class has at most 100 letters. Give one class after another.")
    store.set_setting(SETTING, list(tidy))
    return tidy


def people_sql(classes: Sequence[str], *, detector_class: str = "detector_class", said: str = "verdict_species") -> str:
    """An SQL condition, true for crops of people.

    A reviewer's species overrides the detector's class: a stump that was detected as a person no longer counts as one
    once a reviewer has named it.

    Args:
        classes: From ``read_people_classes``.
        detector_class: The column, or an expression, of the detector's class; may be empty or null.
        said: The same for the species that a reviewer gave.
    """
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in _tidy(classes))
    if not names:
        return "false"
    return f"coalesce(lower(trim(coalesce(nullif({said}, ''), {detector_class}))) IN ({names}), false)"


def find_people(
    detector_class: Sequence[str], said: Sequence[str] | None = None, *, classes: Sequence[str]
) -> np.ndarray:
    """As ``people_sql``, for columns in memory: boolean, shape ``(n,)``."""
    names = set(_tidy(classes))
    words = detector_class if said is None else [mine or theirs for mine, theirs in zip(said, detector_class)]  # noqa: B905 - columns of one table
    return np.array([str(word or "").strip().lower() in names for word in words], dtype=bool)


def _tidy(classes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (str(one).strip().lower() for one in classes) if name))
