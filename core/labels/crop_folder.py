"""Writes labelled crops as a folder of pictures and a table, on which other tools can be trained."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import AnomalureError
from core.formats.csv import write_csv
from core.formats.labelled import LabelledPhoto
from core.formats.writing import new_folder, refuse_taken_folder
from core.labels.crops import LabelledCrops, read_labelled_crops
from core.labels.splits import hold_out_events
from core.photos.crops import encode_jpeg
from core.settings.run import RunSettings
from core.species import EMPTY

TABLE = "crops.csv"
COLUMNS = (
    "file_name",
    "species",
    "photo",
    "x",
    "y",
    "width",
    "height",
    "deployment",
    "captured_at",
    "event_id",
    "split",
    "crop_id",
)
LONGEST_PX = 512
QUALITY = 92
TRAIN, VAL = "train", "val"


@dataclass(frozen=True)
class CropFolder:
    """What was written: crops of each species in each split, and problems of the labels."""

    folder: Path
    counts: dict[str, dict[str, int]]
    problems: tuple[str, ...] = ()

    @property
    def n_crops(self) -> int:
        """Crops of all species."""
        return sum(n for by_species in self.counts.values() for n in by_species.values())


def write_crop_folder(
    photos: Sequence[LabelledPhoto],
    images_dir: Path,
    out_dir: Path,
    *,
    settings: RunSettings,
    val_share: float = 0.2,
    seed: int = 0,
    file_problems: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> CropFolder:
    """Write the labelled crops as JPEG files, and ``crops.csv`` with their names and labels.

    Whole events are held out for validation (``split`` is ``train`` or ``val``), unless the labels say the split of
    every photo. A photo that is labelled empty is written as a whole frame with the species ``empty``.

    Args:
        photos: Which photos show what.
        images_dir: The folder of the photos.
        out_dir: A new or empty folder. It appears only when it is complete.
        settings: For the margin around boxes, the least confidence and the gap between events.
        val_share: Share of the crops held out, 0 to 1.
        seed: Seed of the choice of events.
        file_problems: Problems of the label file, which are reported, too.
        on_progress: Called with the number of photos done and the total.

    Raises:
        AnomalureError: If no crop can be cut out, or the folder cannot be written.
    """
    if not 0 <= val_share <= 1:
        raise AnomalureError(f"The share of crops for validation must be from 0 to 1, got {val_share:g}.")
    refuse_taken_folder(out_dir)
    found = LabelledCrops()
    found.problems.quote(file_problems)
    with new_folder(out_dir) as building:
        (building / "crops").mkdir()
        for pixels in read_labelled_crops(photos, images_dir, settings=settings, into=found, on_progress=on_progress):
            jpeg = encode_jpeg(pixels, longest_px=LONGEST_PX, quality=QUALITY)
            (building / "crops" / f"{found.crops[-1].crop_id}.jpg").write_bytes(jpeg)
        if not found.crops:
            raise AnomalureError("No crop could be cut out. " + "; ".join(found.problems.lines()))
        rows = list_rows(found, gap_s=settings.event_gap_s, val_share=val_share, seed=seed)
        write_csv(rows, building / TABLE, columns=COLUMNS)
    counts = Counter((row["split"], row["species"]) for row in rows)
    splits = sorted({split for split, _ in counts})
    return CropFolder(
        out_dir,
        {split: {name: n for (of, name), n in sorted(counts.items()) if of == split} for split in splits},
        found.problems.lines(),
    )


def list_rows(found: LabelledCrops, *, gap_s: float, val_share: float, seed: int) -> list[dict[str, Any]]:
    """The rows of ``crops.csv``, in the crops' order."""
    groups = found.groups(gap_s=gap_s)
    said = [found.split_of[crop.photo_id] for crop in found.crops]
    held = hold_out_events(groups.tolist(), share=val_share, seed=seed)
    splits = said if all(said) else [VAL if one else TRAIN for one in held]
    return [
        {
            "file_name": f"crops/{crop.crop_id}.jpg",
            "species": species or EMPTY,
            "photo": found.file_name_of[crop.photo_id],
            "x": crop.box.x,
            "y": crop.box.y,
            "width": crop.box.width,
            "height": crop.box.height,
            "deployment": found.deployment_of[crop.photo_id],
            "captured_at": found.captured_at_of[crop.photo_id],
            "event_id": group,
            "split": split,
            "crop_id": crop.crop_id,
        }
        for crop, species, group, split in zip(found.crops, found.species, groups, splits, strict=True)
    ]
