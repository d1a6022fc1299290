"""Verdicts for tests of the store. Processes that tests start import this file alone, so it imports little."""

from datetime import UTC, datetime
from pathlib import Path

from core.records import Box, CropKind, Decision, Verdict
from core.store.database import Store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def make_verdict(number: int = 0, **changes) -> Verdict:
    values = {
        "verdict_id": f"verdict-{number}",
        "photo_id": "ab" * 16,
        "crop_id": f"{number:020x}",
        "kind": CropKind.DETECTION,
        "box": Box(1.0, 2.0, 3.0, 4.0),
        "verdict": Decision.ANOMALY,
        "decided_at": NOON,
        "reviewer": "R",
        "species": "stoat",
        "note": "white tail, ❄",
        "run": "season",
        "bundle": "first",
        "score": 1.5,
        "p_value": 0.01,
        "false_alarm_rate": 0.05,
    }
    return Verdict(**{**values, **changes})


def append_one_by_one(path: Path, writer: int, n: int) -> None:
    """Write ``n`` verdicts, one transaction each."""
    store = Store(path, patience_s=60)
    for i in range(n):
        store.append_verdicts([make_verdict(writer * 1000 + i)])
