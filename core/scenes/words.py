"""Findings about scenes as words for people: which class, in which scene, and how often that would be expected."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from core.scenes.findings import Kind
from core.scenes.scene_set import SceneSet

MOST_OFTEN, LEAST_OFTEN = 0.995, 1e-4
"""Beyond these a model's probability is not to be taken at its word."""
FEW = 10


def say_how_often(probability: float) -> str:
    """A probability as people say it, to be followed by what it is a share of.

    >>> [say_how_often(p) for p in (0.0, 0.0042, 0.5, 0.93, 1.0)]
    ['in fewer than 1 of 10,000', 'in about 1 of 240', 'in about 5 of 10', 'in about 13 of 14', 'in nearly all']
    """
    if probability < LEAST_OFTEN:
        return f"in fewer than 1 of {round(1 / LEAST_OFTEN):,}"
    if probability > MOST_OFTEN:
        return "in nearly all"
    if probability > 1 - 1 / FEW:
        times = round(1 / (1 - probability))
        return f"in about {times - 1:,} of {times:,}"
    if probability >= 1 / FEW:
        return f"in about {round(probability * FEW)} of {FEW}"
    times = round(1 / probability)
    digits = max(len(str(times)) - 2, 0)
    return f"in about 1 of {round(times, -digits):,}"


def explain_finding(name: str, kind: str, probability: float, *, by: str) -> str:
    """What is odd, in a sentence.

    >>> explain_finding("fox", "unexpected", 0.004, by="event")
    'fox is here; it is expected in about 1 of 250 events like this.'
    """
    often = say_how_often(probability)
    if kind == Kind.UNEXPECTED and probability == 0:
        return f"{name} is here; no {by} that the model was trained on has it."
    there = "is here" if kind == Kind.UNEXPECTED else "is missing"
    return f"{name} {there}; it is expected {often} {by}s like this."


def say_unexpected_here(name: str, probability: float, *, knows_camera: bool) -> str:
    """What the card of a crop says of its species.

    >>> say_unexpected_here("badger", 0.004, knows_camera=True)
    'Unexpected at this camera at this hour: badger is expected in about 1 of 250 such events.'
    """
    where = "at this camera at this hour" if knows_camera else "here"
    if probability == 0:
        return f"Unexpected {where}: no event that the model of scenes was trained on has {name}."
    return f"Unexpected {where}: {name} is expected {say_how_often(probability)} such events."


def list_findings(found: pd.DataFrame, scenes: SceneSet, *, by: str) -> Iterator[dict[str, Any]]:
    """The findings of ``TrainedScenes.find`` as rows for a table: the scene, its other classes, and the sentence."""
    for row in found.itertuples(index=False):
        scene, name, kind = int(row[0]), str(row[1]), str(row[2])
        others = [one for one in list_classes(scenes, scene) if one != name]
        yield {
            by: scenes.names[scene],
            "kind": kind,
            "class": name,
            "probability": float(row[3]),
            "p_value": float(row[5]),
            "others": "; ".join(others),
            "camera": scenes.cameras[scene],
            "explanation": explain_finding(name, kind, float(row[3]), by=by),
        }


def list_classes(scenes: SceneSet, scene: int) -> list[str]:
    """The classes of one scene."""
    start, stop = scenes.present.indptr[scene : scene + 2]
    return [scenes.classes[i] for i in scenes.present.indices[start:stop]]


def count_kinds(found: pd.DataFrame) -> dict[str, int]:
    """How many scenes have something unexpected, and how many lack something."""
    return {str(kind): int(found.loc[found["kind"] == kind, "scene"].nunique()) for kind in Kind}
