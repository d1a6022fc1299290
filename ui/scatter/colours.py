"""What the colours of the points mean: groups such as species, or steps of a scale such as the score."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.records import CropKind, Decision
from ui.shared.palettes import DAY, FINE, ODD, QUIET, Mark, blend_ramp, pick_mark
from ui.shared.words import DECISION_WORDS, DETECTION, WHOLE_FRAME

COLOUR_WORDS = {
    "species": "Species",
    "guess": "Guess",
    "cluster": "Cluster",
    "score": "Score",
    "p_value": "p-value",
    "verdict": "Verdict",
    "camera": "Camera",
    "hour": "Hour of day",
    "run": "Run that saw it first",
}
"""What points can be coloured by, with its name on the page."""

SCALE_STEPS = 48
CLUSTER_COLOURS = 24
NO_TIME = "time unknown"
NO_GUESS = "No guess"
OTHER_GUESSES = "Other guesses"
MOST_GUESSES = 15
"""Rarer guesses have one colour together, so that the legend stays readable."""


@dataclass(frozen=True)
class Group:
    """Points that are drawn alike. Addresses hold ``name``, the page shows ``label``; ``n`` is their number."""

    name: str
    label: str
    n: int
    light: str
    dark: str
    symbol: str = "circle"

    @classmethod
    def of(cls, name: str, mark: Mark, *, n: int = 0, label: str = "") -> "Group":
        """A group that is drawn like a mark."""
        return cls(name, label or name, n, mark.light, mark.dark, mark.symbol)


@dataclass(frozen=True)
class Colouring:
    """What each point's colour means.

    ``codes`` has shape ``(n,)``, uint16: the index of each point's group in ``groups``. ``scale`` holds the words
    under a scale, if the groups are its steps.
    """

    by: str
    codes: np.ndarray
    groups: tuple[Group, ...]
    scale: tuple[str, ...] = ()

    def for_plot(self) -> dict[str, Any]:
        """The groups as ui/scatter/browser reads them, without the codes."""
        return {
            "by": self.by,
            "title": COLOUR_WORDS[self.by],
            "groups": [asdict(group) for group in self.groups],
            "scale": list(self.scale) or None,
        }


def name_species(facts: pd.DataFrame) -> pd.Series:
    """What each crop is called: its species, else the detector's class, else a whole frame, as ``name_crop`` says it.

    ``facts`` has ``species, kind, detector_class``.
    """
    said = facts["detector_class"].replace("", DETECTION).mask(facts["kind"] == CropKind.FRAME, WHOLE_FRAME)
    return facts["species"].where(facts["species"] != "", said)


def group_values(values: Sequence[str] | pd.Series) -> tuple[np.ndarray, tuple[Group, ...]]:
    """Codes and groups of names, the most frequent first; equally frequent ones are sorted by label."""
    codes, names = pd.factorize(pd.Series(values, dtype="object"), sort=True)
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(names), dtype=np.uint16)
    place[order] = np.arange(len(names))
    groups = tuple(Group.of(str(names[k]), pick_mark(nth), n=int(counts[k])) for nth, k in enumerate(order))
    return place[codes].astype(np.uint16) if len(codes) else np.empty(0, np.uint16), groups


def colour_points(facts: pd.DataFrame, by: str) -> Colouring:
    """Colour points by one of ``COLOUR_WORDS``.

    Args:
        facts: One row a point, with ``species, kind, detector_class, score, p_value, deployment, captured_at``, and
            ``guess``, ``verdict`` or ``first_run`` if points are coloured by it.
        by: What to colour by. ``cluster`` gives no groups: the plot makes them from the labels.

    Raises:
        ValueError: If ``by`` is unknown.
    """
    match by:
        case "species":
            return Colouring(by, *group_values(name_species(facts)))
        case "guess":
            return _colour_guesses(facts["guess"])
        case "camera":
            return Colouring(by, *group_values(facts["deployment"]))
        case "run":
            return Colouring(by, *group_values(facts["first_run"]))
        case "verdict":
            return _colour_verdicts(facts["verdict"])
        case "hour":
            return _colour_hours(facts["captured_at"])
        case "score":
            return _colour_scores(facts["score"].to_numpy(float))
        case "p_value":
            return _colour_p_values(facts["p_value"].to_numpy(float))
        case "cluster":
            return Colouring(by, np.empty(0, np.uint16), ())
    raise ValueError(f"points are coloured by one of {', '.join(COLOUR_WORDS)}, got {by!r}")


def list_cluster_marks() -> list[dict[str, Any]]:
    """The colours and marks of noise, then of cluster 1, 2, ...; they repeat if there are more clusters."""
    noise = Group.of("noise", Mark(*ODD, "x"))
    return [asdict(group) for group in (noise, *(Group.of(str(k + 1), pick_mark(k)) for k in range(CLUSTER_COLOURS)))]


def _colour_verdicts(verdicts: pd.Series) -> Colouring:
    looks = {
        Decision.ANOMALY.value: Mark(*ODD, "triangle"),
        Decision.NORMAL.value: Mark(*FINE, "circle"),
        Decision.UNSURE.value: Mark("#8B6BB0", "#C0A6E6", "square"),
        "": Mark(*QUIET, "circle"),
    }
    names = list(looks)
    codes = verdicts.map({name: k for k, name in enumerate(names)}).fillna(3).to_numpy(np.uint16)
    counts = np.bincount(codes, minlength=len(names))
    words = [*(DECISION_WORDS[Decision(name)] for name in names[:3]), "Undecided"]
    groups = (
        Group.of(name, looks[name], n=int(n), label=word) for name, n, word in zip(names, counts, words, strict=True)
    )
    return Colouring("verdict", codes, tuple(groups))


def _colour_guesses(guesses: pd.Series) -> Colouring:
    names = guesses[guesses != ""].value_counts().index
    frequent = list(names if len(names) <= MOST_GUESSES + 1 else names[:MOST_GUESSES])
    code_of = {name: code for code, name in enumerate(frequent)} | {"": len(frequent) + 1}
    codes = guesses.map(code_of).fillna(len(frequent)).to_numpy(np.uint16)
    counts = np.bincount(codes, minlength=len(frequent) + 2)
    groups = [Group.of(name, pick_mark(code), n=int(counts[code])) for code, name in enumerate(frequent)]
    groups.append(Group.of(OTHER_GUESSES, Mark(*QUIET, "circle"), n=int(counts[-2])))
    groups.append(Group.of(NO_GUESS, Mark(*QUIET, "x"), n=int(counts[-1])))
    while groups and groups[-1].n == 0:
        groups.pop()
    return Colouring("guess", codes, tuple(groups))


def _colour_hours(times: pd.Series) -> Colouring:
    hours = pd.to_datetime(times).dt.hour
    marks = [*blend_ramp(25, DAY)[:24], Mark(*QUIET)]
    codes = hours.fillna(24).to_numpy(np.uint16)
    counts = np.bincount(codes, minlength=25)
    labels = [*(f"{hour} h" for hour in range(24)), NO_TIME]
    groups = tuple(Group.of(label, mark, n=int(n)) for label, mark, n in zip(labels, marks, counts, strict=True))
    if counts[24]:
        return Colouring("hour", codes, groups, ("0 h", "6 h", "12 h", "18 h", NO_TIME))
    return Colouring("hour", codes, groups[:24], ("0 h", "6 h", "12 h", "18 h", "24 h"))


def _colour_scores(scores: np.ndarray) -> Colouring:
    known = np.isfinite(scores)
    # On a scale up to the few highest scores all others would have one colour.
    low, high = np.percentile(scores[known], [1, 99]) if known.any() else (0.0, 1.0)
    share = (np.where(known, scores, low) - low) / max(high - low, 1e-12)
    return _colour_steps("score", share, (f"{low:.1f} ordinary", f"{high:.1f} odd"))


def _colour_p_values(p_values: np.ndarray) -> Colouring:
    # Low p-values are the anomalous ones, so the scale is logarithmic, from 1 to 1 in 1,000.
    exponent = -np.log10(np.clip(np.where(np.isfinite(p_values), p_values, 1.0), 1e-3, 1.0))
    return _colour_steps("p_value", exponent / 3, ("1", "0.1", "0.01", "0.001"))


def _colour_steps(by: str, share: np.ndarray, scale: tuple[str, ...]) -> Colouring:
    codes = np.clip(share * SCALE_STEPS, 0, SCALE_STEPS - 1).astype(np.uint16)
    groups = tuple(Group.of(str(k), mark) for k, mark in enumerate(blend_ramp(SCALE_STEPS)))
    return Colouring(by, codes, groups, scale)
