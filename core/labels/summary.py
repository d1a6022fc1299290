"""Summarises a file of labels before it is used: species, sizes, cameras, hours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd
from PIL import Image

from core.formats.account import LabelAccount
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.labels.meeting import meet_photos, note_meeting
from core.photos.deployments import DeploymentNamer
from core.photos.exif import read_camera_facts
from core.photos.reading import find_photos, reach
from core.species import EMPTY, fold_name

COLUMNS = ("file_name", "species", "has_box", "size_share", "deployment", "captured_at", "split")
USUAL_NIGHT = (18, 6)
"""The hours in which night begins and ends, if nobody says otherwise."""


@dataclass(frozen=True)
class LabelSummary:
    """The contents of a file of labels.

    ``table`` has one row per label, by ``COLUMNS``: ``size_share`` is the square root of the box's share of its photo,
    0 to 1 (NaN without a box or a known photo size), ``captured_at`` has no zone (NaT: unknown). The labels name
    ``n_photos``, of which ``n_found`` are in the folder. ``problems`` counts what could not be used, and ``accounts``
    say what was made of each file.
    """

    table: pd.DataFrame
    n_photos: int
    n_found: int
    problems: tuple[str, ...] = ()
    accounts: tuple[LabelAccount, ...] = ()

    def count_species(self) -> pd.DataFrame:
        """``species, boxes, photos, cameras``: one row per species, most photos first."""
        grouped = self.table.groupby("species", sort=False)
        counts = pd.DataFrame(
            {
                "boxes": grouped["has_box"].sum().astype(int),
                "photos": grouped["file_name"].nunique(),
                "cameras": grouped["deployment"].nunique(),
            }
        )
        return counts.reset_index().sort_values(["photos", "species"], ascending=[False, True], ignore_index=True)

    def count_boxes_per_photo(self) -> pd.Series:
        """Number of photos by their number of boxes, from 0; only photos that have a label."""
        per_photo = self.table.groupby("file_name")["has_box"].sum().astype(int)
        most = int(per_photo.max()) if len(per_photo) else 0
        return per_photo.value_counts().reindex(range(most + 1), fill_value=0).rename("photos")

    def keep(
        self, *, splits: Sequence[str] = (), species: Sequence[str] = (), least_size: float = 0.0
    ) -> "LabelSummary":
        """Only the labels of these splits and species (none named: all) whose box is at least so large.

        ``least_size`` is a share of the photo's side, 0 to 1. Labels without a known size stay.
        """
        table = self.table
        if splits:
            table = table[table["split"].isin(splits)]
        if species:
            wanted = {fold_name(name) for name in species}
            table = table[table["species"].map(fold_name).isin(wanted)]
        table = table[~(table["size_share"] < least_size)]
        return replace(self, table=table, n_photos=int(table["file_name"].nunique()))

    def count_by_hour(self) -> pd.Series:
        """Labels of animals by hour of the day, 0 to 23; those without a time are not counted."""
        animals = self.table[self.table["species"] != EMPTY]
        hours = animals["captured_at"].dropna().dt.hour
        return hours.value_counts().reindex(range(24), fill_value=0).rename("labels")

    def count_day_and_night(self, night: tuple[int, int] = USUAL_NIGHT) -> dict[str, int]:
        """Labels of animals by day, by night, and without a time; ``night`` begins and ends at these hours."""
        by_hour = self.count_by_hour()
        dark = int(by_hour[[is_night(hour, night) for hour in by_hour.index]].sum())
        unknown = int((self.table["species"] != EMPTY).sum()) - int(by_hour.sum())
        return {"day": int(by_hour.sum()) - dark, "night": dark, "time unknown": unknown}


def is_night(hour: int, night: tuple[int, int]) -> bool:
    """Whether an hour of the day, 0 to 23, is in the night that begins and ends at these hours."""
    begins, ends = night
    return hour >= begins or hour < ends


def summarise_labels(labels: LabelFile, images_dir: Path, *, read_times: bool = True) -> LabelSummary:
    """Summarise labels, and count how many of their photos are in the folder.

    Args:
        labels: From ``read_label_source``.
        images_dir: The folder of photos.
        read_times: Whether to open photos for their time where the labels have none (about a millisecond each; only
            the head of a file is read).

    Raises:
        AnomalureError: If the folder is missing or has no photo, or a name could mean two photos.
    """
    listing = find_photos(images_dir)
    ours = meet_photos(labels.photos, listing.file_names, folder=images_dir)
    namer = DeploymentNamer(images_dir, file_names=listing.file_names)

    def look(photo: LabelledPhoto) -> tuple[str, datetime | None]:
        name = ours.get(photo.file_name)
        captured_at = _read_captured_at(images_dir / name) if read_times and name is not None else None
        return namer.name(name) if name else "", captured_at

    accounts = tuple(
        note_meeting(account, labels, ours, n_ours=len(listing.file_names)) if n == 0 else account
        for n, account in enumerate(labels.accounts)
    )
    return LabelSummary(_tabulate(labels, look), len(labels.photos), len(ours), labels.problems, accounts)


def summarise_file(labels: LabelFile) -> LabelSummary:
    """Summarise labels by what their file says alone; ``n_found`` is 0."""
    return LabelSummary(
        _tabulate(labels, lambda photo: ("", None)), len(labels.photos), 0, labels.problems, labels.accounts
    )


def _tabulate(labels: LabelFile, look: Callable[[LabelledPhoto], tuple[str, datetime | None]]) -> pd.DataFrame:
    """One row per label; ``look`` gives a deployment and a time where the file has none."""
    rows = []
    for photo in labels.photos:
        deployment, captured_at = photo.deployment, photo.captured_at
        if not deployment or captured_at is None:
            seen = look(photo)
            deployment, captured_at = deployment or seen[0], captured_at or seen[1]
        for label in photo.labels:
            species = EMPTY if label.is_empty else label.species or label.detector_class
            size = _measure(photo, label)
            rows.append((photo.file_name, species, label.box is not None, size, deployment, captured_at, photo.split))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"size_share": float, "has_box": bool})
    table["captured_at"] = pd.to_datetime(table["captured_at"])
    return table


def _measure(photo: LabelledPhoto, label: Label) -> float | None:
    if label.box is None or photo.frame is None:
        return None
    return float((label.box.width / photo.frame[0] * label.box.height / photo.frame[1]) ** 0.5)


def _read_captured_at(path: Path) -> datetime | None:
    try:
        with Image.open(reach(path)) as picture:
            return read_camera_facts(picture.getexif()).captured_at
    except Exception:  # only a summary: training reports what is wrong with a file
        return None
