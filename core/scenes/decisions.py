"""Decisions about classes that are missing from a scene: there is no crop that a verdict could be about.

They are lines of one file in the project, ``scenes/decisions.jsonl``, only ever added; of a scene and a class the last
one holds, and an empty one takes back.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.disk.bounded import read_bounded
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError
from core.records import Decision, tidy_name

FILE, LOCK = "scenes/decisions.jsonl", "scenes/decisions.lock"
PATIENCE_S = 5.0
DECISION_COLUMNS = ("run", "scene", "missing", "verdict", "reviewer", "decided_at", "model", "probability")
"""Of the table of decisions: ``scene`` is the event's id, ``probability`` what the model said of the class then."""


@dataclass(frozen=True, kw_only=True)
class SceneDecision:
    """What a reviewer says of a class that is missing: ``anomaly``: it should be there and is not; ``normal``: it need
    not be there; ``unsure``; empty takes back."""

    run: str
    scene: str
    missing: str
    verdict: Decision | str
    reviewer: str = ""
    model: str = ""
    probability: float = 0.0
    decided_at: str = ""


def keep_decision(project_path: Path, decision: SceneDecision) -> None:
    """Add a decision; when this returns it is on the disk.

    Raises:
        AnomalureError: If it cannot be written, or the verdict is none.
    """
    if decision.verdict and decision.verdict not in list(Decision):
        raise AnomalureError(f"A verdict is one of {', '.join(Decision)}, got {decision.verdict!r}.")
    values = {
        **asdict(decision),
        "verdict": str(decision.verdict),
        "reviewer": tidy_name(decision.reviewer),
        "decided_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path = project_path / FILE
    try:
        path.parent.mkdir(exist_ok=True)
        with FileLock(project_path / LOCK, patience_s=PATIENCE_S), path.open("ab") as file:
            if file.tell() and not _ends_whole(path):  # a power cut left half a line
                file.write(b"\n")
            file.write(json.dumps(values, ensure_ascii=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except LockHeld as held:
        raise AnomalureError("Another process writes decisions just now. Try again.") from held
    except OSError as error:
        raise AnomalureError(f"The decision cannot be kept in {path}: {error.strerror or error}.") from error


def read_decisions(project_path: Path) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    """The decisions that hold, by run, scene and missing class. A damaged line is left out."""
    held: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    try:
        content = read_bounded(project_path / FILE)
    except OSError:
        return held
    for line in content.splitlines():
        with suppress(ValueError, KeyError, TypeError):
            values = json.loads(line)
            key = (str(values["run"]), str(values["scene"]), str(values["missing"]))
            held.pop(key, None)
            if values["verdict"] in list(Decision):
                held[key] = values
    return held


def list_run_decisions(project_path: Path, run: str) -> list[dict[str, Any]]:
    """The decisions that hold about what is missing in a run, by event and class; each has ``DECISION_COLUMNS``."""
    held = sorted((key, values) for key, values in read_decisions(project_path).items() if key[0] == run)
    return [{name: values.get(name, "") for name in DECISION_COLUMNS} for _, values in held]


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
