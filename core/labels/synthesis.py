"""Synthetic anomalies: animals blended into other photos, to test a bundle when no real anomaly is known."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.errors import AnomalureError, PhotoUnreadable
from core.formats.account import Problems
from core.formats.labelled import LabelledPhoto
from core.formats.writing import new_folder, refuse_taken_folder
from core.labels.crops import LabelledCrops, read_labelled_crops
from core.labels.meeting import meet_photos
from core.photos.reading import find_photos
from core.photos.source import PhotoSource
from core.records import Box
from core.settings.run import RunSettings
from core.species import EMPTY

PREFIX = "synthetic "
SMALLEST_PX = 24
"""Animals with a shorter side are not cut out, because enlarged they would be odd for the wrong reason."""
MOST_ANIMALS = 400
MOST_BACKGROUNDS = 40
FEATHER = 0.12
"""Share of the cut-out's side over which it fades into the background."""
JPEG_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class SynthesisSettings:
    """How synthetic anomalies are made.

    ``n_photos`` photos, ``per_photo`` animals at most in each; an animal's longer side is ``least_size`` to
    ``most_size`` of the photo's shorter side; ``opacity`` 1 hides the background, lower values let it show through;
    ``hue_shift`` turns colours by so many degrees, so that even a known species looks unlike any other.
    """

    n_photos: int = 100
    per_photo: int = 1
    least_size: float = 0.15
    most_size: float = 0.45
    opacity: float = 0.85
    hue_shift: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_photos < 1 or self.per_photo < 1:
            raise AnomalureError(
                f"At least one photo and one animal are needed, got {self.n_photos} photos with {self.per_photo}."
            )
        if not 0 < self.least_size <= self.most_size <= 1:
            raise AnomalureError(
                "Sizes are shares of the photo's shorter side, over 0 to 1, the least not over the most; got "
                f"{self.least_size:g} and {self.most_size:g}."
            )
        if not 0.1 <= self.opacity <= 1:
            raise AnomalureError(f"Opacity is from 0.1 (hardly there) to 1 (solid), got {self.opacity:g}.")
        if not -180 <= self.hue_shift <= 180:
            raise AnomalureError(f"The hue is shifted by -180 to 180 degrees, got {self.hue_shift:g}.")


@dataclass(frozen=True)
class Synthesis:
    """What was made: photos and truth (COCO) in ``folder``. No bundle knows the species ``synthetic <animal>``."""

    folder: Path
    n_photos: int
    n_animals: int
    n_backgrounds: int
    n_cut_out: int
    problems: tuple[str, ...] = ()

    @property
    def truth(self) -> Path:
        """The COCO file of the boxes."""
        return self.folder / "annotations.json"


@dataclass(frozen=True)
class _CutOut:
    species: str
    pixels: np.ndarray  # (h, w, 3), uint8


def synthesize_anomalies(
    animals: Sequence[LabelledPhoto],
    animals_dir: Path,
    backgrounds: Sequence[LabelledPhoto],
    backgrounds_dir: Path,
    out_dir: Path,
    *,
    settings: SynthesisSettings,
    run_settings: RunSettings,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Synthesis:
    """Write photos with blended-in animals to ``out_dir/images``, and their boxes to ``out_dir/annotations.json``.

    Backgrounds are the photos labelled empty. If there are none, any photo is used, away from its labelled animals. An
    animal is cut out with its box, fades at the edges in an ellipse, is scaled and put at a random place. Its
    species is written as ``synthetic <species>``, so that ``evaluate`` counts it as an anomaly for every bundle.

    Args:
        animals: Photos with boxes.
        animals_dir: Their folder.
        backgrounds: Photos to blend into; may be the same.
        backgrounds_dir: Their folder.
        out_dir: A new or empty folder. It appears only when it is complete.
        settings: Number, size and opacity of the animals.
        run_settings: For the largest photo.
        on_progress: Called with the number of photos done and the total.

    Raises:
        AnomalureError: If there is no animal or no background, or the folder cannot be written.

    Source: after the cut-and-paste of CutPaste (Li et al., CVPR 2021), with whole animals.
    """
    refuse_taken_folder(out_dir)
    problems = Problems()
    rng = np.random.default_rng(settings.seed)
    cut_outs = _cut_out(animals, animals_dir, rng, run_settings, problems)
    places = _read_backgrounds(backgrounds, backgrounds_dir, rng, run_settings, problems)
    with new_folder(out_dir) as building:
        (building / "images").mkdir()
        coco, n_animals = _draw_all(cut_outs, places, building / "images", settings, rng, problems, on_progress)
        (building / "annotations.json").write_text(json.dumps(coco, ensure_ascii=False), encoding="utf-8")
    return Synthesis(out_dir, settings.n_photos, n_animals, len(places), len(cut_outs), problems.lines())


def blend_animal(
    photo: np.ndarray, animal: np.ndarray, *, left: int, top: int, opacity: float, hue_shift: float = 0.0
) -> np.ndarray:
    """A photo with an animal blended in.

    Args:
        photo: RGB, uint8, shape ``(height, width, 3)``; left unmodified.
        animal: RGB, uint8, shape ``(h, w, 3)``, wholly inside the photo at ``left``, ``top``.
        left: Column of its left edge.
        top: Row of its upper edge.
        opacity: Opacity of its middle, over 0 to 1; it fades to 0 at the edge of the ellipse in its box.
        hue_shift: Degrees by which its colours are turned, -180 to 180.

    Returns:
        uint8, the photo's shape.

    Raises:
        ValueError: If the animal extends over the photo's edge.
    """
    height, width = animal.shape[:2]
    if left < 0 or top < 0 or top + height > photo.shape[0] or left + width > photo.shape[1]:
        raise ValueError(f"an animal of {width} x {height} at {left}, {top} reaches over the photo {photo.shape[:2]}")
    if hue_shift:
        hsv = cv2.cvtColor(animal, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + round(hue_shift / 2)) % 180  # OpenCV counts hue in steps of 2 degrees
        animal = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    weight = (_ellipse(height, width) * opacity)[..., None]  # (h, w, 1)
    mixed = photo.copy()
    behind = photo[top : top + height, left : left + width].astype(np.float32)
    mixed[top : top + height, left : left + width] = np.rint(animal * weight + behind * (1 - weight)).astype(np.uint8)
    return mixed


def _ellipse(height: int, width: int) -> np.ndarray:
    """1 inside the ellipse of the box, falling to 0 at its edge; shape ``(height, width)``, float32."""
    rows = (np.arange(height, dtype=np.float32) + 0.5) / height * 2 - 1
    columns = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1
    distance = np.sqrt(rows[:, None] ** 2 + columns[None, :] ** 2)
    return np.clip((1 - distance) / (2 * FEATHER), 0, 1)


def _cut_out(
    photos: Sequence[LabelledPhoto], folder: Path, rng: np.random.Generator, settings: RunSettings, problems: Problems
) -> list[_CutOut]:
    cut_outs: list[_CutOut] = []
    found = LabelledCrops(problems=problems)
    shuffled = [photos[number] for number in rng.permutation(len(photos))]
    for pixels in read_labelled_crops(shuffled, folder, settings=replace(settings, crop_margin=0.0), into=found):
        if not found.species[-1]:
            continue  # a whole frame
        if min(pixels.shape[:2]) < SMALLEST_PX:
            problems.add(f"animals too small to cut out (under {SMALLEST_PX} pixels)", found.crops[-1].crop_id)
            continue
        cut_outs.append(_CutOut(found.species[-1], pixels.copy()))
        if len(cut_outs) == MOST_ANIMALS:
            break
    if not cut_outs:
        raise AnomalureError(
            "There is no animal to cut out. Photos with boxes and a species are needed. " + "; ".join(problems.lines())
        )
    return cut_outs


def _read_backgrounds(
    photos: Sequence[LabelledPhoto], folder: Path, rng: np.random.Generator, settings: RunSettings, problems: Problems
) -> list[tuple[LabelledPhoto, np.ndarray]]:
    empty = [photo for photo in photos if photo.is_empty]
    known = [photo for photo in photos if not photo.unboxed and not photo.is_incomplete]
    if not empty:
        for photo in photos:
            if photo not in known:
                problems.add("photos with an animal that has no box, which are no background", photo.file_name)
        problems.add("labels without an empty photo, so that animals were blended into photos with animals")
    places = []
    for place in _read_shuffled(empty or known, folder, rng, settings, problems):
        places.append(place)
        if len(places) == MOST_BACKGROUNDS:
            break
    if not places:
        raise AnomalureError("There is no photo to blend animals into. " + "; ".join(problems.lines()))
    return places


def _read_shuffled(
    photos: Sequence[LabelledPhoto], folder: Path, rng: np.random.Generator, settings: RunSettings, problems: Problems
):
    """Photos with their pixels, in a random order. Photos that cannot be read are counted."""
    listing = find_photos(folder)
    ours = meet_photos(photos, listing.file_names, folder=folder, problems=problems)
    source = PhotoSource(folder, list(ours.values()))
    for number in rng.permutation(len(photos)):
        labelled = photos[number]
        if labelled.file_name not in ours:
            problems.add("photos that are not in the folder", labelled.file_name)
            continue
        try:
            loaded = source.read(ours[labelled.file_name], deployment="", max_megapixels=settings.max_megapixels)
        except PhotoUnreadable as error:
            problems.add(f"photos that cannot be read: {error}".rstrip("."), labelled.file_name)
            continue
        if labelled.fits(width_px=loaded.photo.width_px, height_px=loaded.photo.height_px):
            yield labelled, loaded.pixels
        else:
            problems.add("photos whose boxes were drawn on the photo turned on its side", labelled.file_name)


def _draw_all(
    cut_outs: Sequence[_CutOut],
    places: Sequence[tuple[LabelledPhoto, np.ndarray]],
    out: Path,
    settings: SynthesisSettings,
    rng: np.random.Generator,
    problems: Problems,
    on_progress: Callable[[int, int], None],
) -> tuple[dict[str, Any], int]:
    species = sorted({cut.species for cut in cut_outs})
    names = [EMPTY, *(f"{PREFIX}{name}" for name in species), *sorted(_labelled_species(places))]
    number_of = {name: number for number, name in enumerate(names)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    n_animals = 0
    for number in range(settings.n_photos):
        labelled, photo = places[int(rng.integers(len(places)))]
        height, width = photo.shape[:2]
        file_name = f"synthetic_{number:05d}.jpg"
        image_id = number + 1
        images.append(
            {"id": image_id, "file_name": file_name, "width": width, "height": height, "background": labelled.file_name}
        )
        taken = _boxes_px(labelled, width, height)
        for name, box in taken:
            annotations.append(_annotate(len(annotations) + 1, image_id, number_of[name], box))
        drawn = 0
        for _ in range(settings.per_photo):
            cut = cut_outs[int(rng.integers(len(cut_outs)))]
            animal = _scale(cut.pixels, rng.uniform(settings.least_size, settings.most_size), (height, width))
            place = _find_place(animal.shape[:2], (height, width), [box for _, box in taken], rng)
            if place is None:
                problems.add("animals for which no free place was found", file_name)
                continue
            photo = blend_animal(
                photo, animal, left=place[0], top=place[1], opacity=settings.opacity, hue_shift=settings.hue_shift
            )
            box = Box(float(place[0]), float(place[1]), float(animal.shape[1]), float(animal.shape[0]))
            name = f"{PREFIX}{cut.species}"
            taken.append((name, box))
            annotations.append(_annotate(len(annotations) + 1, image_id, number_of[name], box))
            drawn += 1
        n_animals += drawn
        if not taken:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, "category_id": number_of[EMPTY]})
        _save(photo, out / file_name)
        on_progress(number + 1, settings.n_photos)
    categories = [{"id": number, "name": name} for name, number in number_of.items()]
    info = {"description": "Synthetic anomalies made by Anomalure", "seed": settings.seed}
    return {"info": info, "images": images, "annotations": annotations, "categories": categories}, n_animals


def _labelled_species(places: Sequence[tuple[LabelledPhoto, np.ndarray]]) -> set[str]:
    return {
        label.species
        for labelled, _ in places
        for label in labelled.labels
        if label.box is not None and label.species and not label.is_empty
    }


def _boxes_px(labelled: LabelledPhoto, width: int, height: int) -> list[tuple[str, Box]]:
    boxes = []
    for label in labelled.labels:
        if label.box is not None and label.species and not label.is_empty:
            box = labelled.box_px(label.box, width_px=width, height_px=height)
            if box is not None:
                boxes.append((label.species, box))
    return boxes


def _annotate(number: int, image_id: int, category: int, box: Box) -> dict[str, Any]:
    return {"id": number, "image_id": image_id, "category_id": category, "bbox": [box.x, box.y, box.width, box.height]}


def _scale(pixels: np.ndarray, size: float, frame: tuple[int, int]) -> np.ndarray:
    """The animal with its longer side at ``size`` of the photo's shorter side; it fits into the frame."""
    factor = size * min(frame) / max(pixels.shape[:2])
    width = min(max(2, round(pixels.shape[1] * factor)), frame[1])
    height = min(max(2, round(pixels.shape[0] * factor)), frame[0])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=how)


def _find_place(
    size: tuple[int, int], frame: tuple[int, int], taken: Sequence[Box], rng: np.random.Generator, *, tries: int = 50
) -> tuple[int, int] | None:
    """Column and row of a place where the animal covers none of the others."""
    for _ in range(tries):
        left = int(rng.integers(frame[1] - size[1] + 1))
        top = int(rng.integers(frame[0] - size[0] + 1))
        if not any(
            left < box.x + box.width and box.x < left + size[1] and top < box.y + box.height and box.y < top + size[0]
            for box in taken
        ):
            return left, top
    return None


def _save(photo: np.ndarray, path: Path) -> None:
    done, buffer = cv2.imencode(
        ".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not done:
        raise AnomalureError(f"{path} cannot be written as a JPEG.")
    path.write_bytes(buffer.tobytes())
