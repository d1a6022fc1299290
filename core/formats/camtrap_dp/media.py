"""The photos of a Camtrap DP package: their names, cameras and times."""

import mimetypes
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from core.disk.text import Table
from core.formats.account import PHOTO, TIME, DatesRead, Problems
from core.formats.labelled import RELATIVE_FRAME, LabelledPhoto
from core.formats.photo_names import WrittenName, is_address, read_name, tell_apart
from core.formats.tables.cells import read_times

_ZONES = {
    frozenset([True]): "a zone is written",
    frozenset([False]): "no zone is written",
    frozenset([True, False]): "some have a zone and others have none",
}
USED_OF_MEDIA = {
    "mediaID": PHOTO,
    "deploymentID": "deployment",
    "sequenceID": "event",
    "timestamp": TIME,
    "filePath": PHOTO,
    "fileName": PHOTO,
    "fileMediatype": "whether it is a photo",
}


@dataclass(frozen=True, slots=True)
class Medium:
    """A photo, and when it was taken, in UTC."""

    photo: LabelledPhoto
    instant: datetime | None


def read_media(rows: Table, problems: Problems) -> dict[str, Medium]:
    """The photos of the package by their id. What cannot be told from another photo is counted and left out."""
    usable: list[tuple[Mapping[str, str], WrittenName]] = []
    n_of_id = Counter(row["mediaID"] for row in rows)
    for row in rows:
        kind = (
            row.get("fileMediatype", "") or mimetypes.guess_type(row.get("fileName") or row["filePath"])[0] or "image"
        )
        if kind.split("/")[0] not in ("image", ""):
            problems.add("media that are not photos", row["mediaID"])
        elif n_of_id[row["mediaID"]] > 1:
            problems.add("media whose mediaID another one has", row["mediaID"])
        else:
            name = _name_medium(row)
            if not name.name or not row["mediaID"]:
                problems.add("media without an id or a file name", row["mediaID"] or name.name)
            else:
                usable.append((row, name))
    stamps = [row["timestamp"].strip() for row, _ in usable]
    names = [name.name for _, name in usable]
    instants = [read_instant(stamp) for stamp in stamps]
    times = read_times(
        [stamp if instant is None else "" for stamp, instant in zip(stamps, instants, strict=True)],
        problems=problems,
        things="media",
        where=lambda i: names[i],
        columns=("media[].timestamp",),
    )
    read = [i for i, instant in enumerate(instants) if instant is not None]
    if read:
        zoned = {bool(instants[i].tzinfo) for i in read}  # type: ignore[union-attr]
        problems.note_dates(
            DatesRead(
                columns=("media[].timestamp",),
                order="the year first",
                zone=f"{_ZONES[frozenset(zoned)]}, the time taken as it stands",
                n=len(read),
                n_not_read=0,
                example=f"{stamps[read[0]]} -> {instants[read[0]].replace(tzinfo=None)}",  # type: ignore[union-attr]
            )
        )
    media: dict[str, Medium] = {}
    for (medium, name), chosen, stamp, instant, time in zip(
        usable, tell_apart([name for _, name in usable]), stamps, instants, times, strict=True
    ):
        if not stamp:
            problems.add("media without a timestamp", name.name)
        if chosen is None:
            problems.add("media whose name other media have, too", f"{name.name}, mediaID {medium['mediaID']}")
            continue
        at = instant or time
        photo = LabelledPhoto(
            chosen.file_name,
            deployment=medium["deploymentID"],
            captured_at=at.replace(tzinfo=None) if at else None,
            frame=RELATIVE_FRAME,
            other_names=chosen.other_names,
            n_sure_folders=chosen.n_sure_folders,
            has_unread_time=bool(stamp) and at is None,
        )
        media[medium["mediaID"]] = Medium(photo, in_utc(at))
    return media


def _name_medium(row: Mapping[str, str]) -> WrittenName:
    """A path inside the package is more precise than the bare name. A web address has the folders of a server."""
    path, bare = row["filePath"].strip(), row.get("fileName", "").strip()
    apart = {"deployment": row["deploymentID"], "media_id": row["mediaID"]}
    if not is_address(path):
        return WrittenName(path or bare, **apart)
    address = read_name(path)
    last = PurePosixPath(address).name
    name = bare or (last if PurePosixPath(last).suffix else "")
    if not name:  # https://server/media/17/file
        name = f"{row['mediaID']}{mimetypes.guess_extension(row.get('fileMediatype', '')) or '.jpg'}"
    return WrittenName(name, **apart, address=address if last.casefold() == name.casefold() else "")


def read_instant(text: str) -> datetime | None:
    """A moment in ISO 8601, or ``None`` if it is not one."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def in_utc(time: datetime | None) -> datetime | None:
    """The time for comparisons; without a zone it is taken as UTC."""
    return None if time is None else time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
