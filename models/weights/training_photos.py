"""Photos for training the bundled weights: rendered ones of invented places, and real lions and elephants."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from core.sample.individuals import invent_species
from core.sample.places import PLACES, invent_place
from core.sample.scenery import draw_scenery
from core.sample.scenes import render_scene
from core.sample.season import DEFAULT_SEED, stamp_photo
from core.sample.species import KNOWN, Species

# Only their licence allows sharing weights that were trained on them (see the model cards).
REAL_KINDS = frozenset({"lion", "elephant"})
JPEG_QUALITY = 92
SIZE_PX = (480, 360)
CROWDS = (0.16, 0.26, 0.28, 0.18, 0.12)  # chance of none to four animals
KNOWN_SHARE = 0.9  # share of photos with one of the sample's known species among their four


@dataclass(frozen=True, slots=True)
class TrainingPhoto:
    """A JPEG, and in its pixels a box (x, y, width, height) and a kind for each animal."""

    jpeg: bytes
    boxes: np.ndarray  # (n, 4)
    kinds: tuple[str, ...]

    def pixels(self) -> np.ndarray:
        """RGB, uint8, (h, w, 3)."""
        pixels = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert pixels is not None
        return pixels


@dataclass(frozen=True, slots=True)
class _Roll:
    """One worker's job: some photos of one place."""

    seed: int
    number: int
    photos: int
    size_px: tuple[int, int]
    kinds: tuple[Species, ...]


def invent_kinds(seed: int, count: int) -> tuple[Species, ...]:
    """Invented species, named ``invented-0000`` and so on; the same for the same seed."""
    return tuple(invent_species(np.random.default_rng([seed, 9, i]), f"invented-{i:04d}") for i in range(count))


def render_photos(
    seed: int,
    count: int,
    *,
    kinds: tuple[Species, ...],
    size_px: tuple[int, int] = SIZE_PX,
    per_place: int = 20,
    workers: int | None = None,
) -> Iterator[TrainingPhoto]:
    """Training photos for both detector and encoder: up to four animals each, known or invented species.

    Every third place is drawn by a recipe of the sample's (with another seed, so it is another place), the others are
    made up; half of them are seen through a longer lens.

    Args:
        seed: Seed of everything; not the sample's own.
        count: How many photos.
        kinds: The invented species. The sample's four known species are drawn too, its intruders never.
        size_px: Width and height.
        per_place: Photos of one place.
        workers: Processes; by default one a core.

    Raises:
        ValueError: If the seed is the sample's, because weights must not be trained on the photos they are tested on.
    """
    if seed == DEFAULT_SEED:
        raise ValueError(f"seed {DEFAULT_SEED} is the sample's own, choose another")
    rolls = [
        _Roll(seed, number, min(per_place, count - first), size_px, kinds)
        for number, first in enumerate(range(0, count, per_place))
    ]
    with ProcessPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for photos in pool.map(_expose, rolls):
            yield from photos


def _expose(roll: _Roll) -> list[TrainingPhoto]:
    cv2.setNumThreads(1)
    rng = np.random.default_rng([roll.seed, 1, roll.number])
    place = PLACES[roll.number // 3 % len(PLACES)] if roll.number % 3 == 0 else invent_place(rng)
    if roll.number % 2 == 1:
        place = replace(place, field_deg=float(rng.uniform(20, 32)), horizon=float(rng.uniform(0.1, 0.4)))
    scenery = draw_scenery(place, rng, width_px=roll.size_px[0], height_px=roll.size_px[1], oversample=1.5)
    photos = []
    for _ in range(roll.photos):
        some = [roll.kinds[int(i)] for i in rng.choice(len(roll.kinds), min(3, len(roll.kinds)), replace=False)]
        some = [KNOWN[int(rng.integers(len(KNOWN)))] if rng.random() < KNOWN_SHARE else some[0], *some]
        animals = int(rng.choice(len(CROWDS), p=CROWDS))
        pixels, boxes, names = render_scene(rng, scenery=scenery, species=some, n_animals=animals)
        if rng.random() < 0.5:
            taken_at = datetime(2024, 1, 1) + timedelta(seconds=int(rng.integers(30_000_000)))
            pixels = np.asarray(stamp_photo(pixels, taken_at, "", int(rng.integers(-5, 30))))
        _, jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        table = np.array([[b.x, b.y, b.width, b.height] for b in boxes], np.float32).reshape(-1, 4)
        photos.append(TrainingPhoto(jpeg.tobytes(), table, tuple(names)))
    return photos


def keep_photos(file: Path, make: Callable[[], Iterator[TrainingPhoto]]) -> list[TrainingPhoto]:
    """The photos from a file; if it is missing, they are rendered and kept there for the next training."""
    if file.is_file():
        with np.load(file, allow_pickle=False) as kept:
            jpegs = np.split(kept["jpegs"], kept["jpeg_ends"][:-1])
            boxes = np.split(kept["boxes"], kept["box_ends"][:-1])
            kinds = np.split(kept["kinds"], kept["box_ends"][:-1])
        return [
            TrainingPhoto(jpeg.tobytes(), box, tuple(kind.tolist()))
            for jpeg, box, kind in zip(jpegs, boxes, kinds, strict=True)
        ]
    photos = list(make())
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name("part-" + file.name)
    np.savez(
        part,
        jpegs=np.concatenate([np.frombuffer(photo.jpeg, np.uint8) for photo in photos]),
        jpeg_ends=np.cumsum([len(photo.jpeg) for photo in photos]),
        boxes=np.concatenate([photo.boxes for photo in photos]),
        box_ends=np.cumsum([len(photo.boxes) for photo in photos]),
        kinds=np.array([kind for photo in photos for kind in photo.kinds], dtype=str),
    )
    os.replace(part, file)
    return photos


def keep_rendered(cache: Path, *, seed: int, photos: int, kinds: int) -> list[TrainingPhoto]:
    """``render_photos`` with so many invented species, rendered once for both detector and encoder."""
    return keep_photos(
        cache / f"rendered-{seed}-{photos}-{kinds}.npz",
        lambda: render_photos(seed, photos, kinds=invent_kinds(seed, kinds)),
    )


def read_real_photos(wildlife: Path, *, longest_px: int, split: str = "train") -> list[TrainingPhoto]:
    """The photos of a COCO folder that show only lions and elephants; empty if the folder is missing."""
    truth_file = wildlife / "annotations.json"
    if not truth_file.is_file():
        return []
    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    names = {item["id"]: item["name"] for item in truth["categories"]}
    labels: dict[str, list[dict]] = {}
    for item in truth["annotations"]:
        labels.setdefault(item["image_id"], []).append(item)
    photos = []
    for image in truth["images"]:
        found = labels.get(image["id"], [])
        if image["split"] != split or not found or {names[item["category_id"]] for item in found} - REAL_KINDS:
            continue
        pixels = cv2.imread(str(wildlife / "images" / image["file_name"]), cv2.IMREAD_COLOR)
        if pixels is None:
            raise FileNotFoundError(wildlife / "images" / image["file_name"])
        scale = min(1.0, longest_px / max(pixels.shape[:2]))
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        boxes = np.array([item["bbox"] for item in found], np.float32) * scale
        photos.append(TrainingPhoto(jpeg.tobytes(), boxes, tuple(names[item["category_id"]] for item in found)))
    return photos
