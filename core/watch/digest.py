"""The digest of what came: one row an event, with its most anomalous crop."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from core.runs.folder import RunFolder
from core.store.people import find_people
from core.watch.ledger import Batch

DIGEST_COLUMNS = (
    "id",
    "camera",
    "first_at",
    "last_at",
    "photos",
    "failed",
    "crops",
    "people",
    "flagged",
    "score",
    "p_value",
    "most_like",
    "path",
    "crop_id",
    "is_late",
    "event_id",
    "run",
    "bundle",
    "watch",
    "link",
)
"""The columns of a row, as in the CSV. ``first_at`` and ``last_at`` are times of the camera's clock. ``photos`` came
now, ``failed`` of them cannot be read. ``crops`` counts what was scored, ``people`` the crops of people and vehicles,
which are left out of everything else; ``flagged`` crops have a p-value at most the false-alarm rate. ``score``,
``p_value``, ``most_like`` (what the crop is taken for), ``path`` and ``crop_id`` are of the most anomalous crop; they
are empty if only people or nothing readable came. ``is_late``: an earlier row told of the same event. ``id`` is the
same however often the row is told."""


def make_digest(
    run: RunFolder,
    batch: Batch,
    crops: pd.DataFrame,
    *,
    watch: str,
    watch_id: str,
    people_classes: Sequence[str],
    dashboard: str,
    was_told: Callable[[str, str], bool],
    name_camera: Callable[[str], str],
) -> list[dict[str, Any]]:
    """The rows of the photos of one batch, in the order of their time.

    Args:
        run: The run that has done them.
        batch: Which photos.
        crops: Rows of the review queue of these photos, most anomalous first, without people.
        watch: Name of the watch.
        watch_id: What tells this watch from all others, also of the same name.
        people_classes: The classes that count as people.
        dashboard: The address of the dashboard, for the link; empty: no link.
        was_told: Whether there is a row of this run and event already.
        name_camera: The camera of a photo that cannot be read.
    """
    files = set(batch.file_names)
    photos = run.read_table("photos", ["photo_id", "file_name", "deployment", "captured_at", "duplicate_of"])
    photos = photos[photos["file_name"].isin(files) & photos["duplicate_of"].isna()]
    photos = photos.merge(run.read_table("events"), on="photo_id", how="left")
    found = run.read_table("crops", ["photo_id", "detector_class"])
    found = found[found["photo_id"].isin(photos["photo_id"])]
    people = set(found.index[find_people(found["detector_class"].tolist(), classes=people_classes)])
    shows_people = set(found.loc[found.index.isin(people), "photo_id"])
    rows = []
    for event_id, of_event in photos.groupby("event_id", sort=False):
        own = crops[crops["photo_id"].isin(of_event["photo_id"])]
        times = of_event["captured_at"].dropna()
        rows.append(
            {
                "camera": of_event["deployment"].iloc[0],
                "first_at": times.min().isoformat() if len(times) else None,
                "last_at": times.max().isoformat() if len(times) else None,
                "photos": len(of_event),
                "failed": 0,
                "crops": len(own),
                "people": int(found.loc[list(people), "photo_id"].isin(of_event["photo_id"]).sum()) if people else 0,
                "flagged": int(own["flagged"].fillna(False).astype(bool).sum()),
                **_describe_crop(own, Path(run.info.folder)),
                "event_id": str(event_id),
                "is_late": was_told(run.run_id, str(event_id)),
                "shows_people": bool(len(own)) and own["photo_id"].iloc[0] in shows_people,
            }
        )
    unread = run.read_table("failures", ["file_name"])["file_name"]
    for camera, names in _group(sorted(files & set(unread)), name_camera).items():
        rows.append(
            {
                "camera": camera,
                "first_at": None,
                "last_at": None,
                "photos": len(names),
                "failed": len(names),
                "crops": 0,
                "people": 0,
                "flagged": 0,
                **_describe_crop(crops.iloc[:0], Path(run.info.folder)),
                "path": str(Path(run.info.folder) / names[0]),
                "event_id": f"{camera}/unread-{batch.number}",
                "is_late": False,
                "shows_people": False,
            }
        )
    rows.sort(key=lambda row: (row["first_at"] or "9999", row["event_id"]))
    link = f"{dashboard.rstrip('/')}/review?run={quote(run.run_id)}" if dashboard else ""
    same = {"run": run.run_id, "bundle": run.info.bundle, "watch": watch, "link": link}
    return [{"id": _name(watch_id, batch, row["event_id"]), **row, **same} for row in rows]


def _describe_crop(crops: pd.DataFrame, folder: Path) -> dict[str, Any]:
    if crops.empty:
        return {"score": None, "p_value": None, "most_like": "", "path": "", "crop_id": ""}
    first = crops.iloc[0]
    return {
        "score": _to_number(first["score"]),
        "p_value": _to_number(first["p_value"]),
        "most_like": str(first["species"]),
        "path": str(folder / first["file_name"]),
        "crop_id": str(first["crop_id"]),
    }


def _to_number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _group(names: Sequence[str], name_camera: Callable[[str], str]) -> dict[str, list[str]]:
    by_camera: dict[str, list[str]] = {}
    for name in names:
        by_camera.setdefault(name_camera(name), []).append(name)
    return by_camera


def _name(watch_id: str, batch: Batch, event_id: str) -> str:
    return hashlib.blake2b(f"{watch_id}/{batch.number}/{event_id}".encode(), digest_size=8).hexdigest()
