"""The account of a run: what it could not look at, with names, so that no season looks more complete than it is."""

from dataclasses import dataclass, field
from typing import Any

from core.disk.files import read_whole, write_whole
from core.disk.json import from_json, to_json, to_values
from core.formats.account import LabelAccount
from core.photos.reading import MOST_NAMED, Listing, describe_counts, leaves_a_gap
from core.runs.boxes import BoxesFromFile
from core.runs.classified.account import ClassificationAccount
from core.runs.folder import RunFolder

ACCOUNT = "account.json"


@dataclass(frozen=True, kw_only=True)
class RunAccount:
    """What a run passed over, and what was wrong with its file of boxes; ``account.json`` in the run's folder.

    Attributes:
        passed_over: Number of files and folders that were not taken for photos, by extension or reason.
        passed_over_names: The first of their names.
        boxes_problems: Sentences about what could not be used of the file of boxes.
        boxes_without_photo: Number of photos in the file of boxes that are not in the folder.
        boxes_without_photo_names: The first of their names.
        labels_read: What was made of the file of boxes: which columns were used as what, and what was left out.
        classifications: What was made of the file of classifications; empty without one.
    """

    passed_over: dict[str, int] = field(default_factory=dict)
    passed_over_names: dict[str, list[str]] = field(default_factory=dict)
    boxes_problems: list[str] = field(default_factory=list)
    boxes_without_photo: int = 0
    boxes_without_photo_names: list[str] = field(default_factory=list)
    labels_read: list[LabelAccount] = field(default_factory=list)
    classifications: list[ClassificationAccount] = field(default_factory=list)

    def describe_passed_over(self) -> str:
        """For example ``12 .mp4, 1 unreadable folder``; empty when nothing was passed over."""
        return describe_counts(self.passed_over)

    @property
    def is_complete(self) -> bool:
        """Whether every photo, video and folder was looked at, and every box found its photo."""
        return not self.boxes_without_photo and not any(map(leaves_a_gap, self.passed_over))


def make_account(
    listing: Listing, boxes: BoxesFromFile | None, classifications: ClassificationAccount | None = None
) -> RunAccount:
    """The account of a run that begins."""
    return RunAccount(
        passed_over=dict(listing.passed_over),
        passed_over_names={kind: list(names[:MOST_NAMED]) for kind, names in listing.passed_over_names.items()},
        boxes_problems=list(boxes.problems) if boxes else [],
        boxes_without_photo=len(boxes.only_in_file) if boxes else 0,
        boxes_without_photo_names=list(boxes.only_in_file[:MOST_NAMED]) if boxes else [],
        labels_read=list(boxes.accounts) if boxes else [],
        classifications=[classifications] if classifications else [],
    )


def read_account(run: RunFolder) -> RunAccount:
    """The account that the run keeps; an empty one of a run of an earlier version, or if it is damaged."""
    try:
        return from_json(read_whole(run.path / ACCOUNT), RunAccount)
    except (OSError, ValueError):
        return RunAccount()


def write_account(run: RunFolder, account: RunAccount) -> None:
    """Keep the account in the run's folder."""
    write_whole(run.path / ACCOUNT, to_json(account))


def list_damaged(run: RunFolder) -> list[dict[str, Any]]:
    """The photos that were read only in part or with a warning: ``file_name``, ``note``."""
    photos = run.read_table("photos", ["file_name", "duplicate_of", "note"])
    damaged = photos[photos["duplicate_of"].isna() & (photos["note"].fillna("") != "")]
    return [{"file_name": name, "note": note} for name, note in zip(damaged["file_name"], damaged["note"], strict=True)]


def list_timeless(run: RunFolder) -> list[str]:
    """The photos whose time is not known: the camera wrote none, or one that is no time. Copies are left out."""
    photos = run.read_table("photos", ["file_name", "duplicate_of", "captured_at"])
    return photos.loc[photos["duplicate_of"].isna() & photos["captured_at"].isna(), "file_name"].tolist()


def describe_account(run: RunFolder) -> dict[str, Any]:
    """The account as JSON values, with the names of failed and damaged photos."""
    account = read_account(run)
    timeless = list_timeless(run)
    failed = run.read_table("failures").head(MOST_NAMED).to_dict("records")
    return {
        "passed_over": account.passed_over,
        "passed_over_names": account.passed_over_names,
        "boxes_problems": account.boxes_problems,
        "boxes_without_photo": account.boxes_without_photo,
        "boxes_without_photo_names": account.boxes_without_photo_names,
        "labels_read": [one.to_values() for one in account.labels_read],
        "classifications": [to_values(one) for one in account.classifications],
        "failed_photos": [{str(key): value for key, value in row.items()} for row in failed],
        "damaged_photos": list_damaged(run)[:MOST_NAMED],
        "photos_without_time": len(timeless),
        "photos_without_time_names": timeless[:MOST_NAMED],
        "complete": account.is_complete,
    }
