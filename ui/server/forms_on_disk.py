"""What was typed into forms, in a file of the user who runs the dashboard, so that a restart does not empty them.

It is beside the dashboard's key and not in the project, which others may get. It is a convenience: where it cannot be
read or written, a form is empty after a restart.
"""

import json
import os
import secrets
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from ui.server.secret_key import config_folder

FILE_NAME = "forms.json"
MOST_KEPT = 100
MOST_BYTES = 5_000_000
Place = tuple[str, str]
"""The person, empty without signing in, and the word of the form."""


def read_form(place: Place) -> dict[str, Any]:
    """The values of one form; empty if it is not kept."""
    return _read().get(place, {})


def write_form(place: Place, values: Mapping[str, Any]) -> None:
    """Keep the values of one form; the oldest forms are dropped."""
    kept = _read()
    if kept.get(place) == dict(values):
        return
    kept.pop(place, None)
    kept[place] = dict(values)
    rows = [[*where, {key: _encode(value) for key, value in of.items()}] for where, of in kept.items()][-MOST_KEPT:]
    path = _path()
    temporary = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(rows, file)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, ValueError):
        return


def _path() -> Path:
    return config_folder() / FILE_NAME


def _read() -> dict[Place, dict[str, Any]]:
    try:
        with _path().open("rb") as file:
            rows = json.loads(file.read(MOST_BYTES))
        return {(str(who), str(word)): {str(k): _decode(v) for k, v in of.items()} for who, word, of in rows}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _encode(value: Any) -> Any:
    """JSON knows no days and no times of day; ``datetime`` is never kept."""
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, time):
        return {"time": value.isoformat()}
    return [_encode(one) for one in value] if isinstance(value, list | tuple) else value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return date.fromisoformat(value["date"]) if "date" in value else time.fromisoformat(value["time"])
    return [_decode(one) for one in value] if isinstance(value, list) else value
