"""The crops that an encoder is trained on. They are decoded and resized once, then kept as bytes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.disk.files import TEMPORARY_SUFFIX, read_whole, replace_file, write_whole
from core.disk.json import parse_values
from core.errors import AnomalureError
from core.formats.labelled import LabelledPhoto
from core.labels.crops import LabelledCrops, read_labelled_parts
from core.photos.crops import resize_crops
from core.photos.cutting import Needed
from core.settings.run import RunSettings

ROOM = 1.15
"""Squares are kept this much larger than the network's input, so that cuts rarely need to be enlarged."""
PIXELS = "crops.u8"
TABLE = "crops.json"
WHOLE_FRAME = "whole frame"
"""What a whole frame is counted as, which shows no animal."""


@dataclass(frozen=True)
class EncoderCrops:
    """Crops as squares, with their species and events.

    Attributes:
        squares: uint8, shape ``(n, s, s, 3)``, RGB; may be mapped from a file.
        species: Species of each crop, shape ``(n,)``.
        events: Event of each crop, shape ``(n,)``. An event is held out as a whole or not at all.
    """

    squares: np.ndarray
    species: tuple[str, ...]
    events: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.squares)
        if self.squares.ndim != 4 or self.squares.shape[1] != self.squares.shape[2] or self.squares.shape[3] != 3:
            raise ValueError(f"squares must have shape (n, s, s, 3), got {self.squares.shape}")
        if self.squares.dtype != np.uint8:
            raise ValueError(f"squares must be uint8, got {self.squares.dtype}")
        if len(self.species) != n or len(self.events) != n:
            raise ValueError(f"got {n} squares, {len(self.species)} species and {len(self.events)} events")

    @classmethod
    def of(
        cls, crops: Sequence[np.ndarray], species: Sequence[str], events: Sequence[str], *, image_px: int
    ) -> "EncoderCrops":
        """Make squares for a training at ``image_px`` from crops of any size, uint8 ``(h, w, 3)``."""
        return cls(resize_crops(crops, size_px=choose_side(image_px)), tuple(species), tuple(events))

    def count(self) -> dict[str, int]:
        """Number of crops of each species, by name."""
        return {name: self.species.count(name) for name in sorted(set(self.species))}


def choose_side(image_px: int) -> int:
    """Side in pixels of the squares that are kept for a training at ``image_px``."""
    return round(image_px * ROOM)


def keep_crops(
    photos: Sequence[LabelledPhoto],
    images_dir: Path,
    folder: Path,
    *,
    image_px: int,
    settings: RunSettings,
    with_frames: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> EncoderCrops:
    """Cut the boxes with a species out of labelled photos and keep them in ``folder``, all or none.

    ``with_frames``: keep the photos that are labelled without a box, too, as whole frames.

    Raises:
        AnomalureError: If no photo is found, or no box has a species and ``with_frames`` is false.
        OSError: If the crops cannot be written.
    """
    boxed = [photo for photo in photos if any(label.box is not None for label in photo.labels)]
    if not boxed and not (with_frames and photos):
        raise AnomalureError(
            f"An encoder is trained on boxes with a species. None of the {len(photos)} labelled photos has one."
        )
    part = folder / f".{PIXELS}{TEMPORARY_SUFFIX}"
    cut, side = LabelledCrops(), choose_side(image_px)
    try:
        with part.open("wb") as file:
            chosen = photos if with_frames else boxed
            needed = Needed(input_px=side, saved_px=1)
            for crop in read_labelled_parts(
                chosen, images_dir, settings=settings, into=cut, needed=needed, on_progress=on_progress
            ):
                file.write(resize_crops([crop.pixels], size_px=side, sizes_hw=[crop.size_hw]).tobytes())
        if not cut.species:
            raise AnomalureError(
                "There is no crop to train on. Boxes with a species"
                f"{' or photos without a box' if with_frames else ''} are needed. " + "; ".join(cut.problems.lines())
            )
        events = cut.groups(gap_s=settings.event_gap_s).tolist()
        species = [name or WHOLE_FRAME for name in cut.species]
        table = {"side_px": side, "species": species, "events": events}
        replace_file(part, folder / PIXELS)
        write_whole(folder / TABLE, json.dumps(table, ensure_ascii=False).encode(), durable=True)
    finally:
        part.unlink(missing_ok=True)
    kept = open_kept(folder)
    assert kept is not None
    return kept


def open_kept(folder: Path) -> EncoderCrops | None:
    """The crops that an earlier process kept in this folder; None if they are missing or incomplete."""
    try:
        table = parse_values(read_whole(folder / TABLE))
        side, species, events = table["side_px"], table["species"], table["events"]
        shape = (len(species), side, side, 3)
        if not species or (folder / PIXELS).stat().st_size != np.prod(shape):
            return None
        squares = np.memmap(folder / PIXELS, dtype=np.uint8, mode="r", shape=shape)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return EncoderCrops(squares, tuple(species), tuple(events))


def hold_out_events(species: Sequence[str], events: Sequence[str], *, share: float, seed: int) -> np.ndarray:
    """Choose the crops to hold out, by which the best epoch is chosen: whole events, a share of each species.

    At least two events of each species, or all that it has, stay in training.

    Args:
        species: Of each crop, shape ``(n,)``.
        events: Of each crop, shape ``(n,)``.
        share: Of the crops of each species, 0 to 1.
        seed: Seed of the choice.

    Returns:
        Bool, shape ``(n,)``; True where held out.
    """
    of_species, of_event = np.asarray(species, dtype=object), np.asarray(events, dtype=object)
    rng = np.random.default_rng((seed, 15))
    held: set[str] = set()
    learnt_of = {name: set(of_event[of_species == name].tolist()) for name in set(of_species.tolist())}
    for name in sorted(learnt_of):
        own = of_species == name
        wanted = share * own.sum()
        n_held = int(np.isin(of_event[own], list(held)).sum())
        for event in rng.permutation(sorted(learnt_of[name])).tolist():
            here = of_event == event
            n_here = int((here & own).sum())
            fits = n_held + n_here / 2 <= wanted
            if event in held or not fits or any(len(learnt_of[other]) <= 2 for other in set(of_species[here].tolist())):
                continue
            held.add(event)
            n_held += n_here
            for other in set(of_species[here].tolist()):
                learnt_of[other].discard(event)
    return np.isin(of_event, list(held))
