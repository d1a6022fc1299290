"""Render the sample season: what three cameras took in a spring (labelled, for training) and in the summer after it."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.errors import AnomalureError
from core.records import Box
from core.sample.light import light_at
from core.sample.places import PLACES
from core.sample.scenery import Scenery, draw_scenery
from core.sample.scenes import STRIP_SHARE, Actor, Drawn, cast_actor, compose_photo, move_actor
from core.sample.species import INTRUDERS, KNOWN, Species

DEFAULT_SEED = 7
PHOTOS_PER_CAMERA = 72
TRAIN_PHOTOS_PER_CAMERA = 84
LEAST_PHOTOS_PER_CAMERA = 6
BURST = 3
WIDTH_PX, HEIGHT_PX = 640, 480
JPEG_QUALITY = 88
EMPTY_SHARE = 0.2
INTRUDER_SHARE = 0.07
LEAST_SEEN = 0.2  # an animal of which less is visible is left out of the photo, so that every animal has its box
LEAST_BOX_PX = 8
CAMERA_MAKE = "Anomalure"
CAMERA_MODELS = ("Sample Camera A", "Sample Camera A", "Sample Camera B")
SPLITS = {"train": datetime(2025, 4, 6), "season": datetime(2025, 6, 8)}
DAYS = 21
# When each species is active: hours of the day, drawn with equal chance.
HOURS: dict[str, tuple[tuple[float, float], ...]] = {
    "deer": ((5.7, 9.0), (17.0, 20.3), (20.5, 23.0), (6.0, 19.0)),
    "wild boar": ((20.6, 24.0), (0.0, 5.4), (6.0, 9.0), (17.5, 20.3)),
    "hare": ((5.7, 8.5), (18.0, 20.3), (20.6, 24.0), (0.0, 5.4)),
    "fox": ((6.0, 18.0), (18.0, 20.3), (20.6, 24.0), (0.0, 5.4)),
    "porcupine": ((18.5, 20.3), (6.0, 8.5)),
    "flamingo": ((7.0, 18.0),),
    "bear": ((6.0, 20.0),),
    "piebald goat": ((8.0, 17.0),),
}
# How often each species passes each camera: the boar likes the wood, the hare the savanna, the fox is everywhere.
HABITAT = ((0.28, 0.34, 0.14, 0.24), (0.3, 0.2, 0.28, 0.22), (0.26, 0.16, 0.28, 0.3))


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What was rendered: photos of each split, those without an animal, photos of each species in the season."""

    images: Path
    annotations: Path
    n_train: int
    n_season: int
    n_empty: int
    n_intruder_photos: int
    season_photos: dict[str, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Sequence:
    """One burst of one camera, as planned."""

    split: str
    camera: int
    number: int
    first_photo: int
    taken_at: tuple[datetime, ...]
    species: Species | None
    count: int


@dataclass(frozen=True, slots=True)
class _Shot:
    file_name: str
    taken_at: datetime
    frame: int
    drawn: tuple[Drawn, ...]


def render_season(
    out: Path,
    *,
    seed: int = DEFAULT_SEED,
    photos_per_camera: int = PHOTOS_PER_CAMERA,
    train_photos_per_camera: int = TRAIN_PHOTOS_PER_CAMERA,
    on_progress: Callable[[int, int], None] | None = None,
) -> SampleReport:
    """Render both splits as JPEGs with EXIF, and their truth.

    Photos are ``out/images/<split>/<camera>/IMG_0001.JPG``; ``out/annotations.json`` is COCO with the camera-trap
    fields (datetime, location, seq_id, split), names relative to ``out/images``. It is written last: where it is, the
    photos are complete. The same arguments give the same bytes.

    Args:
        out: A folder; made when missing.
        seed: Of everything that is drawn. The bundled weights have not seen the default.
        photos_per_camera: Of the season split, which has the intruders.
        train_photos_per_camera: Of the train split, which has none.
        on_progress: Called with the photos done and their number.

    Raises:
        AnomalureError: If fewer photos are asked for than make a season, or the folder holds photos of another one.
    """
    for value in (photos_per_camera, train_photos_per_camera):
        if value < LEAST_PHOTOS_PER_CAMERA:
            raise AnomalureError(f"A sample needs at least {LEAST_PHOTOS_PER_CAMERA} photos per camera, got {value}.")
    started = time.monotonic()
    counts = {"train": train_photos_per_camera, "season": photos_per_camera}
    plan = [sequence for split in SPLITS for sequence in plan_split(split, counts[split], seed)]
    images = out / "images"
    _refuse_other_photos(images, plan)
    for split in SPLITS:
        for place in PLACES:
            (images / split / place.name).mkdir(parents=True, exist_ok=True)
    annotations = out / "annotations.json"
    annotations.unlink(missing_ok=True)

    total = sum(len(sequence.taken_at) for sequence in plan)
    done = 0
    shots: list[list[_Shot]] = []
    with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, 8))) as workers:
        sceneries = list(workers.map(lambda camera: _draw_camera(seed, camera), range(len(PLACES))))
        for taken in workers.map(lambda sequence: _take(images, seed, sceneries[sequence.camera], sequence), plan):
            shots.append(taken)
            done += len(taken)
            if on_progress is not None:
                on_progress(done, total)
    truth = _write_truth(plan, shots, seed)
    _replace_file(annotations, json.dumps(truth, indent=1).encode())
    return _sum_up(images, annotations, plan, shots, time.monotonic() - started)


def _draw_camera(seed: int, camera: int) -> Scenery:
    return draw_scenery(PLACES[camera], np.random.default_rng([seed, camera]), width_px=WIDTH_PX, height_px=HEIGHT_PX)


def plan_split(split: str, photos: int, seed: int) -> Iterator[_Sequence]:
    """Bursts of all cameras; in the season some of them show intruders, with all species and cameras in turn."""
    rng = np.random.default_rng([seed, 100 + list(SPLITS).index(split)])
    visits: list[list[Species | None]] = []
    lengths: list[list[int]] = []
    for camera in range(len(PLACES)):
        sizes: list[int] = []
        kinds: list[Species | None] = []
        # An exact share of empty photos and habitats, shuffled, so that a small sample is not lopsided.
        while sum(sizes) < photos:
            left = photos - sum(sizes)
            empty = rng.random() < EMPTY_SHARE * 1.5
            sizes.append(min(left, 1 if empty and rng.random() < 0.5 else BURST))
            kinds.append(None if empty else KNOWN[0])
        wanted = [i for i, kind in enumerate(kinds) if kind is not None]
        shares = np.array(HABITAT[camera]) * len(wanted)
        bag = [species for species, share in zip(KNOWN, shares, strict=True) for _ in range(round(share))]
        bag = (bag + list(KNOWN))[: len(wanted)] if len(bag) < len(wanted) else bag[: len(wanted)]
        for i, j in zip(wanted, rng.permutation(len(bag)), strict=True):
            kinds[i] = bag[int(j)]
        visits.append(kinds)
        lengths.append(sizes)
    if split == "season":
        bursts = max(1, round(INTRUDER_SHARE * photos * len(PLACES) / BURST))
        first = int(rng.integers(len(INTRUDERS)))
        for turn in range(bursts):
            camera = (turn + first) % len(PLACES)
            full = [i for i, kind in enumerate(visits[camera]) if kind in KNOWN and lengths[camera][i] == BURST]
            if not full:
                full = [i for i, kind in enumerate(visits[camera]) if kind in KNOWN] or [0]
            visits[camera][int(rng.choice(full))] = INTRUDERS[(turn + first) % len(INTRUDERS)]
    number = 0
    for camera, (kinds, sizes) in enumerate(zip(visits, lengths, strict=True)):
        starts = sorted(
            ((_draw_time(rng, split, kind), kind, size) for kind, size in zip(kinds, sizes, strict=True)),
            key=lambda item: item[0],
        )
        photo = 1
        latest = datetime.min
        for start, kind, size in starts:
            start = max(start, latest + timedelta(minutes=2))  # one camera takes one burst at a time
            gaps = [0, *np.cumsum(rng.integers(1, 3, size - 1)).tolist()]
            times = tuple(start + timedelta(seconds=int(gap)) for gap in gaps)
            count = int(rng.choice(kind.group)) if kind is not None else 0
            yield _Sequence(split, camera, number, photo, times, kind, count)
            photo += size
            number += 1
            latest = times[-1]


def _draw_time(rng: np.random.Generator, split: str, species: Species | None) -> datetime:
    spans = HOURS[species.name] if species is not None else ((0.0, 24.0), (10.0, 17.0))
    low, high = spans[int(rng.integers(len(spans)))]
    seconds = int(rng.uniform(low, high) * 3600)
    return SPLITS[split] + timedelta(days=int(rng.integers(DAYS)), seconds=min(seconds, 86_399))


def _take(images: Path, seed: int, scenery: Scenery, sequence: _Sequence) -> list[_Shot]:
    rng = np.random.default_rng([seed, 200 + list(SPLITS).index(sequence.split), sequence.number])
    first = sequence.taken_at[0]
    light = light_at(rng, first.hour + first.minute / 60)
    jolt = (round(float(rng.normal(0, 0.7)), 1), round(float(rng.normal(0, 0.5)), 1))
    wind = float(rng.uniform(0.5, 1.0)) if sequence.species is None else float(rng.uniform(0.05, 0.6))
    temperature = round(16 - 7 * np.cos((first.hour + first.minute / 60 - 3.5) / 24 * 2 * np.pi) + rng.normal(0, 2))
    actors = _gather(rng, scenery, sequence)
    shots = []
    for frame, taken_at in enumerate(sequence.taken_at):
        if frame:
            passed = (taken_at - sequence.taken_at[frame - 1]).total_seconds()
            actors = [move_actor(rng, actor, passed) for actor in actors]
        dark = replace(light, exposure=light.exposure * (1 + 0.02 * float(rng.normal())))
        pixels, drawn = compose_photo(scenery, actors, dark, rng, wind=wind, jolt_px=jolt)
        boxes = [_above_strip(item) for item in drawn]
        kept = [
            i
            for i, item in enumerate(boxes)
            if item.visible >= LEAST_SEEN and min(item.box.width, item.box.height) >= LEAST_BOX_PX
        ]
        if len(kept) < len(actors):
            actors = [actors[i] for i in kept]
            pixels, drawn = compose_photo(scenery, actors, dark, rng, wind=wind, jolt_px=jolt)
            boxes = [_above_strip(item) for item in drawn]
        place = scenery.place.name
        name = f"{sequence.split}/{place}/IMG_{sequence.first_photo + frame:04d}.JPG"
        photo = stamp_photo(pixels, taken_at, place, int(temperature))
        _replace_file(images / name, _encode(photo, taken_at, sequence.camera))
        shots.append(_Shot(name, taken_at, frame, tuple(boxes)))
    return shots


def _gather(rng: np.random.Generator, scenery: Scenery, sequence: _Sequence) -> list[Actor]:
    """The animals of a burst; those of a group stand apart but close together."""
    actors: list[Actor] = []
    if sequence.species is None:
        return actors
    # Somebody who sees the program for the first time must be able to recognise the intruder.
    lead = cast_actor(rng, scenery, sequence.species, in_view=sequence.species in INTRUDERS)
    actors.append(lead)
    for _ in range(sequence.count - 1):
        other = cast_actor(rng, scenery, sequence.species)
        aside = lead.species.shoulder_m * float(rng.choice([-1, 1])) * float(rng.uniform(1.6, 2.6))
        actors.append(
            replace(
                other,
                x_m=lead.x_m + aside,
                distance_m=lead.distance_m + float(rng.uniform(-0.4, 1.2)),
                heading_deg=lead.heading_deg + float(rng.normal(0, 20)),
            )
        )
    return actors


def _above_strip(item: Drawn) -> Drawn:
    """The box without the part that the camera's line of text covers."""
    floor = HEIGHT_PX - round(STRIP_SHARE * HEIGHT_PX)
    box = item.box
    return replace(item, box=Box(box.x, box.y, box.width, max(0.0, round(min(box.y + box.height, floor) - box.y, 1))))


def stamp_photo(pixels: np.ndarray, taken_at: datetime, camera: str, temperature_c: int) -> Image.Image:
    """The photo with the black line that a camera writes under its pictures."""
    photo = Image.fromarray(pixels)
    width, height = photo.size
    strip = round(STRIP_SHARE * height)
    pen = ImageDraw.Draw(photo)
    pen.rectangle((0, height - strip, width, height), fill=(8, 8, 10))
    font = ImageFont.load_default(size=max(6, round(strip * 0.62)))
    middle = height - strip / 2
    white = (236, 236, 232)
    pen.text((strip * 0.5, middle), taken_at.strftime("%Y-%m-%d  %H:%M:%S"), fill=white, font=font, anchor="lm")
    pen.text((width * 0.5, middle), f"{temperature_c}°C", fill=white, font=font, anchor="mm")
    pen.text((width - strip * 0.5, middle), camera.replace("-", " ").upper(), fill=white, font=font, anchor="rm")
    return photo


def _encode(photo: Image.Image, taken_at: datetime, camera: int) -> bytes:
    exif = Image.Exif()
    stamp = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    exif[271], exif[272], exif[306] = CAMERA_MAKE, CAMERA_MODELS[camera], stamp
    detail = exif.get_ifd(0x8769)
    detail[36867] = detail[36868] = stamp
    detail[42033] = f"SAMPLE-{camera + 1:04d}"
    content = BytesIO()
    photo.save(content, "JPEG", quality=JPEG_QUALITY, exif=exif)
    return content.getvalue()


def _replace_file(path: Path, content: bytes) -> None:
    """Write a file completely or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)


def _refuse_other_photos(images: Path, plan: list[_Sequence]) -> None:
    if not images.is_dir():
        return
    planned = {
        f"{sequence.split}/{PLACES[sequence.camera].name}/IMG_{sequence.first_photo + frame:04d}.JPG"
        for sequence in plan
        for frame in range(len(sequence.taken_at))
    }
    for path in sorted(images.rglob("*")):
        name = path.relative_to(images).as_posix()
        if path.is_file() and name not in planned and not name.endswith(".part"):
            raise AnomalureError(
                f"{images} already holds {name}, which is not part of this sample. Choose an empty folder."
            )


def _write_truth(plan: list[_Sequence], shots: list[list[_Shot]], seed: int) -> dict:
    names = ["empty", *(species.name for species in (*KNOWN, *INTRUDERS))]
    images: list[dict] = []
    annotations: list[dict] = []
    for sequence, taken in zip(plan, shots, strict=True):
        location = PLACES[sequence.camera].name
        for shot in taken:
            images.append(
                {
                    "id": shot.file_name,
                    "file_name": shot.file_name,
                    "width": WIDTH_PX,
                    "height": HEIGHT_PX,
                    "datetime": shot.taken_at.strftime("%Y-%m-%d %H:%M:%S"),
                    "location": location,
                    "seq_id": f"{sequence.split}-{sequence.number:04d}",
                    "seq_num_frames": len(taken),
                    "frame_num": shot.frame,
                    "split": sequence.split,
                }
            )
            for item in shot.drawn:
                box = [item.box.x, item.box.y, item.box.width, item.box.height]
                annotations.append(
                    {
                        "id": len(annotations),
                        "image_id": shot.file_name,
                        "category_id": names.index(item.species),
                        "bbox": box,
                        "area": round(box[2] * box[3], 1),
                    }
                )
            if not shot.drawn:
                annotations.append({"id": len(annotations), "image_id": shot.file_name, "category_id": 0})
    return {
        "info": {
            "version": "1",
            "description": "Anomalure's sample season, rendered; no real photos",
            "seed": seed,
            "known": [species.name for species in KNOWN],
            "intruders": [species.name for species in INTRUDERS],
        },
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "images": images,
        "annotations": annotations,
    }


def _sum_up(
    images: Path, annotations: Path, plan: list[_Sequence], shots: list[list[_Shot]], seconds: float
) -> SampleReport:
    strangers = {species.name for species in INTRUDERS}
    numbers: Counter[str] = Counter()
    season: Counter[str] = Counter()
    for sequence, taken in zip(plan, shots, strict=True):
        for shot in taken:
            kinds = {item.species for item in shot.drawn}
            numbers[sequence.split] += 1
            numbers["empty"] += not kinds
            if sequence.split == "season":
                numbers["intruders"] += bool(kinds & strangers)
                season.update(kinds or {"empty"})
    return SampleReport(
        images,
        annotations,
        numbers["train"],
        numbers["season"],
        numbers["empty"],
        numbers["intruders"],
        dict(season.most_common()),
        round(seconds, 1),
    )
