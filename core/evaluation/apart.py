"""Counts people and nothing apart from usual animals: what a run calls them, and what they are by the truth."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.records import NOTHING, PERSON, JudgedBy
from core.store.people import PEOPLE_CLASSES, find_people

ANIMAL = "animal"


@dataclass(frozen=True, kw_only=True)
class Apart:
    """The crops of an evaluation, by what they show and what the run calls them.

    Attributes:
        n_usual: Crops that show a usual animal: a known species, or several.
        usual_flagged: The share of them that is flagged, 0 to 1; None without any. A run promises this rate.
        n_nothing: Crops where the truth has no animal, whole frames included.
        n_nothing_people: How many of them the run calls people.
        nothing_flagged: The share of them that is flagged.
        called_nothing: What the run keeps apart as nothing really shows: ``usual``, ``novel`` and ``nothing``, counts.
        called_people: The same for crops that the detector or the bundle calls people or vehicles.
    """

    n_usual: int = 0
    usual_flagged: float | None = None
    n_nothing: int = 0
    n_nothing_people: int = 0
    nothing_flagged: float | None = None
    called_nothing: dict[str, int] = field(default_factory=dict)
    called_people: dict[str, int] = field(default_factory=dict)


def say_calls(crops: pd.DataFrame) -> np.ndarray:
    """What a run calls each crop: ``animal``, ``nothing`` or ``person``; shape ``(n,)``, str.

    Args:
        crops: With the columns ``species``, ``judged_by`` and ``detector_class``.
    """
    people = find_people(crops["detector_class"].tolist(), classes=PEOPLE_CLASSES)
    apart = (crops["judged_by"] == JudgedBy.BACKGROUND_MODEL).to_numpy(dtype=bool)
    people |= apart & (crops["species"] == PERSON).to_numpy(dtype=bool)
    return np.where(people, PERSON, np.where(apart, NOTHING, ANIMAL)).astype(object)


def count_apart(crops: pd.DataFrame, *, no_animal: str) -> Apart:
    """Count the crops of an evaluation.

    Args:
        crops: With the columns ``truth``, ``novel``, ``flagged`` and ``called``.
        no_animal: The truth of a crop that shows no animal.
    """
    novel, flagged = crops["novel"].to_numpy(dtype=bool), crops["flagged"].to_numpy(dtype=bool)
    nothing = (crops["truth"] == no_animal).to_numpy(dtype=bool)
    usual = ~novel & ~nothing
    called = crops["called"].to_numpy(dtype=object)

    def count(name: str) -> dict[str, int]:
        mine = called == name
        parts = (("usual", usual), ("novel", novel), ("nothing", nothing))
        return {word: int((mine & mask).sum()) for word, mask in parts}

    return Apart(
        n_usual=int(usual.sum()),
        usual_flagged=float(flagged[usual].mean()) if usual.any() else None,
        n_nothing=int(nothing.sum()),
        n_nothing_people=int((nothing & (called == PERSON)).sum()),
        nothing_flagged=float(flagged[nothing].mean()) if nothing.any() else None,
        called_nothing=count(NOTHING),
        called_people=count(PERSON),
    )
