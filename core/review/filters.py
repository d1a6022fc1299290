"""Which crops of a run a reviewer wants to see, and in which order."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from core.records import NOTHING, JudgedBy
from core.store.database import to_utc

ORDERS = {
    "score": "place",
    "time": "captured_at NULLS LAST, file_name, crop_id",
    "file": "file_name, crop_id",
    "doubt": "abs(ln(greatest(p_value, 1e-6) / coalesce($rate::DOUBLE, own_rate))) NULLS LAST, place",
    "event": "min(place) OVER (PARTITION BY event_id), captured_at NULLS LAST, place",
    "given": "nth",
    "likely": "likely_place NULLS LAST, place",
    "learn": "learn_place NULLS LAST, place",
}
"""How a queue can be ordered: most anomalous first, oldest first, by file name, nearest to the false-alarm rate first,
by event (the one with the most anomalous crop first, oldest first within), in the order of the given list of crops; by
the newest ranking, likely anomalies or the most informative crops first (by score if there is no ranking)."""
RANKED = ("likely", "learn")
APART = {
    "people": "is_person",
    "nothing": f"NOT is_person AND judged_by = '{JudgedBy.BACKGROUND_MODEL}' AND species = '{NOTHING}'",
}
"""Crops that a queue keeps apart: of people and vehicles, and those on which the bundle sees probably nothing."""

_OF_SPECIES = """(verdict_species = $species
    OR species = $species AND (verdict_species IN ('', $species) OR decided_at >= $corrected_since))"""


@dataclass(frozen=True, kw_only=True)
class QueueFilters:
    """Which crops of a run, and in which order.

    ``species``: only crops that a reviewer, or else the run, takes for this species; a crop whose species was
    corrected at ``decided_since`` or later stays under both. ``kind``: only detections or whole frames.
    ``camera``: only crops of this deployment. ``guess``: only crops whose first
    guess is this name, as ``core.runs.guesses`` keeps it. ``flagged_only``: only crops whose
    p-value is at most ``false_alarm_rate`` (None: the run's own). ``undecided_only``: only crops without a verdict,
    and those whose verdict was given at ``decided_since`` or later (UTC if without zone), so that a page stays
    as it is while somebody decides. ``captured_from``, ``captured_to``: days, both included; crops of photos without
    a time are left out. ``score_from`` ... ``p_value_to``: both ends included. ``decided_by``: only crops whose
    verdict this reviewer gave. ``decided_as``: only crops with this verdict. ``crop_ids``: only these crops;
    the order ``given`` is their order. ``order``: one of ``ORDERS``. ``with_people``: also crops of people and
    vehicles. ``only``: one of ``APART``: these crops alone, flagged or not. ``ranking``: the verdict after which the
    ranking for ``likely`` and ``learn`` was made; a new ranking gives a new list.

    Raises:
        ValueError: If an order is unknown or a rate is out of range.
    """

    species: str | None = None
    kind: str | None = None
    camera: str | None = None
    guess: str | None = None
    flagged_only: bool = True
    undecided_only: bool = False
    decided_since: datetime | None = None
    order: str = "score"
    false_alarm_rate: float | None = None
    captured_from: date | None = None
    captured_to: date | None = None
    score_from: float | None = None
    score_to: float | None = None
    p_value_from: float | None = None
    p_value_to: float | None = None
    decided_by: str | None = None
    decided_as: str | None = None
    crop_ids: tuple[str, ...] | None = field(default=None, repr=False)
    with_people: bool = False
    only: str | None = None
    ranking: int | None = None

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {self.order!r}")
        if self.order == "given" and self.crop_ids is None:
            raise ValueError("order 'given' needs crop_ids")
        if self.only is not None and self.only not in APART:
            raise ValueError(f"only must be one of {', '.join(APART)}, got {self.only!r}")
        if self.false_alarm_rate is not None and not 0 <= self.false_alarm_rate <= 1:
            raise ValueError(f"false_alarm_rate must be between 0 and 1, got {self.false_alarm_rate}")

    def conditions(self) -> tuple[str, dict[str, Any]]:
        """As SQL over ``queue``, less ``undecided_only``, and its values."""
        values: dict[str, Any] = {}
        where = ["flagged"] if self.flagged_only and self.only is None else []
        if self.only is not None:
            where.append(APART[self.only])
        elif not self.with_people:
            where.append("NOT is_person")
        day = timedelta(days=1)
        wanted = {
            "kind = $kind": self.kind,
            "deployment = $camera": self.camera,
            "guess_1 = $guess": self.guess,
            "captured_at >= $from": self.captured_from and datetime.combine(self.captured_from, time()),
            "captured_at < $to": self.captured_to and datetime.combine(self.captured_to + day, time()),
            "score >= $score_from": self.score_from,
            "score <= $score_to": self.score_to,
            "p_value >= $p_from": self.p_value_from,
            "p_value <= $p_to": self.p_value_to,
            "verdict <> '' AND reviewer = $decided_by": self.decided_by,
            "verdict = $decided_as": self.decided_as,
        }
        if self.species is not None:
            where.append(_OF_SPECIES)
            since = self.decided_since or datetime.max
            values |= {"species": self.species, "corrected_since": to_utc(since) if since.tzinfo else since}
        for condition, value in wanted.items():
            if value is not None:
                where.append(condition)
                values[condition.rsplit("$", 1)[1]] = value
        return " AND ".join(where) or "true", values
