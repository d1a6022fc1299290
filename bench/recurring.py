"""Measures how boxes that recur at one place of a camera are found, and whether animals would be lost with them.

    python bench/recurring.py [--quick] [--json] [--rival PYTHON]

A made-up season of 15 cameras: 30 stumps with 20 to 2,000 boxes each among 10,000 boxes of animals. The pictures are
real, each seen by the default encoder: parts of empty photos, varied in light, shade, noise, night and place, and the
animals of the wildlife season. A twentieth of the animals stands in a stump's box, and at five feeders 60 visits of one
species have nearly the same box. A person looks at each group that is found and calls it what at least 80% of it is,
or does not name it; an animal in a group that is called nothing is lost. Then the same for real photos, by YOLOv8n's
boxes, and the seconds for 1,000,000 boxes.

Beside it stands the repeat-detection elimination of the package ``megadetector``, on the same boxes as a MegaDetector
file, with its usual settings. It has many requirements, so it gets an environment of its own:

    python -m venv rival && rival/bin/pip install megadetector fastquadtree
    python bench/recurring.py --rival rival/bin/python

Needs ../shared/data.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402  (the project must be on the path first)
import numpy as np  # noqa: E402

from bench.groups import run_season  # noqa: E402
from bench.targets import Target, at_least, at_most, report  # noqa: E402
from core.evaluation.judging import NO_ANIMAL, judge_crops  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.groups.recurring import find_recurring  # noqa: E402
from core.photos.crops import cut_crop, resize_crops  # noqa: E402
from core.records import Box  # noqa: E402
from core.runs.parts import Encoder  # noqa: E402
from core.study.project import Project  # noqa: E402
from models.encoders.loading import load_encoder  # noqa: E402
from models.encoders.spec import bundled_encoder  # noqa: E402
from models.groups.features import Directions, reduce_run  # noqa: E402
from models.groups.recurring import find_recurring_crops  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
WILDLIFE, MAMMALS = DATA / "wildlife", DATA / "smallmammal"
DETECTOR = DATA / "weights" / "yolov8n_int8_openvino_model"
N_STUMPS, FEWEST, MOST = 30, 20, 2_000
N_CAMERAS, N_ANIMALS, N_FEEDERS, N_VISITS = 15, 10_000, 5, 60
AT_STUMPS = 0.05
BOX_NOISE = (0.01, 0.02, 0.04)
"""By how much each edge of a stump's box varies, as a share of its side: standard deviation."""
VARIANTS = 40
SIZES = ((1920, 1080), (4608, 2592))
AGREED = 0.8
MARGIN = 0.1
MANY = 1_000_000
FOUND = 0.9
"""A stump counts as found if so much of its boxes is in groups that are called nothing."""
STUMP = "stump"
RIVAL = """
import json, sys, time
from megadetector.postprocessing.repeat_detection_elimination import repeat_detections_core as core
options = core.RepeatDetectionOptions()
options.bWriteFilteringFolder = False
options.nWorkers = 2  # without any, this version ends with an error
start = time.perf_counter()
results = core.find_repeat_detections(sys.argv[1], options=options)
groups = [[[one.filename, one.i_detection] for one in place.instances]
          for places in results.suspicious_detections for place in places]
json.dump({"seconds": time.perf_counter() - start, "groups": groups}, open(sys.argv[2], "w"))
"""


@dataclass(frozen=True)
class Season:
    """Boxes in shares of their photos, what they look like and what they show; one box a photo."""

    cameras: np.ndarray
    boxes: np.ndarray
    events: np.ndarray
    points: np.ndarray
    truth: np.ndarray
    stump: np.ndarray


def vary(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same scene at another moment: light, tint, a shadow, at night without colours, noise, JPEG."""
    scene = pixels.astype(np.float32) / 255
    scene = scene ** np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.06, 3))
    if rng.random() < 0.5:
        height, width = scene.shape[:2]
        slope = rng.normal(size=2)
        edge = np.linspace(-1, 1, width) * slope[0] + np.linspace(-1, 1, height)[:, None] * slope[1] + rng.normal()
        scene = scene * (1 - 0.35 / (1 + np.exp(-4 * edge)))[..., None]
    is_night = rng.random() < 0.4
    if is_night:
        scene = np.repeat(np.clip(scene.mean(axis=2, keepdims=True) * 1.2, 0, 1) ** 0.9, 3, axis=2)
    scene = scene + rng.normal(0, 0.04 if is_night else 0.02, scene.shape)
    coded = cv2.imencode(
        ".jpg", (np.clip(scene, 0, 1) * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 90))]
    )[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))


def read_pixels(path: Path) -> np.ndarray:
    """A photo, RGB."""
    pixels = cv2.imread(str(path))
    assert pixels is not None  # a photo of ../shared/data
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def embed_pictures(*, variants: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, ...]]:
    """Raw embeddings of stumps ``(stumps, variants, d)`` and animals ``(n, d)``, the animals' species, the sections."""
    encoder, rng = load_encoder(bundled_encoder()), np.random.default_rng(0)
    labelled = [photo for photo in read_labels(WILDLIFE / "annotations.json").photos if photo.split == "season"]
    empty = [photo for photo in labelled if all(label.box is None for label in photo.labels)]
    crops: list[np.ndarray] = []
    for number in range(N_STUMPS):
        pixels = read_pixels(WILDLIFE / "images" / empty[number % len(empty)].file_name)
        height, width = pixels.shape[:2]
        size = rng.uniform(0.12, 0.4, 2)
        left, top = rng.uniform(0, 1 - size)
        for _ in range(variants):
            moved = np.array([left, top, *size]) + rng.normal(0, 0.02, 4) * np.tile(size, 2)
            box = Box(*(moved * [width, height, width, height]).tolist())
            crops.append(cut_crop(vary(pixels, rng), box, margin=MARGIN).copy())
    species: list[str] = []
    for photo in labelled:
        pixels = read_pixels(WILDLIFE / "images" / photo.file_name)
        for label in photo.labels:
            if label.box is not None:
                crops.append(cut_crop(pixels, label.box, margin=MARGIN).copy())
                species.append(label.species)
    rows = np.concatenate([_embed(encoder, crops[start : start + 32]) for start in range(0, len(crops), 32)])
    n = N_STUMPS * variants
    return rows[:n].reshape(N_STUMPS, variants, -1), rows[n:], np.array(species, dtype=object), encoder.sections


def _embed(encoder: Encoder, crops: Sequence[np.ndarray]) -> np.ndarray:
    return encoder.embed(resize_crops(crops, size_px=encoder.input_px))


def make_season(
    stumps: np.ndarray, animals: np.ndarray, species: np.ndarray, sections: Sequence[int], *, noise: float
) -> Season:
    """The made-up season, in an order by chance."""
    rng = np.random.default_rng(1)
    sizes = rng.uniform(0.12, 0.4, (N_STUMPS, 2))
    at = np.concatenate([rng.uniform(0, 1 - sizes), sizes], axis=1)  # (stumps, 4)
    camera_of = np.arange(N_STUMPS) % N_CAMERAS
    repeats = np.round(np.geomspace(FEWEST, MOST, N_STUMPS)).astype(int)
    which = np.repeat(np.arange(N_STUMPS), repeats)
    own = np.array([np.flatnonzero(species == species[i])[0] for i in range(len(species))])
    drawn = rng.integers(0, len(animals), N_ANIMALS)
    # Two crops of a species are mixed, so that the same picture does not come twice.
    other = np.array([rng.choice(np.flatnonzero(own == own[i])) for i in drawn])
    spans = np.exp(rng.uniform(np.log(0.05), np.log(0.5), (N_ANIMALS, 2)))
    boxes = np.concatenate([rng.uniform(0, 1 - spans), spans], axis=1)
    cameras = rng.integers(0, N_CAMERAS, N_ANIMALS)
    before = np.flatnonzero(rng.random(N_ANIMALS) < AT_STUMPS)
    there = rng.integers(0, N_STUMPS, len(before))
    boxes[before], cameras[before] = at[there], camera_of[there]
    free = np.setdiff1d(np.arange(N_ANIMALS), before)
    for feeder in range(N_FEEDERS):
        kind = sorted(set(species))[feeder % len(set(species))]
        visits = rng.choice(free[species[drawn[free]] == kind], N_VISITS, replace=False)
        boxes[visits], cameras[visits] = boxes[visits[0]], feeder
    boxes = np.concatenate([at[which], boxes])
    boxes += rng.normal(0, noise, boxes.shape) * np.tile(boxes[:, 2:], 2)
    rows = np.concatenate(
        [stumps[which, rng.integers(0, stumps.shape[1], len(which))], 0.8 * animals[drawn] + 0.2 * animals[other]]
    )
    n = len(boxes)
    order = rng.permutation(n)
    names = np.array([f"C{number:02d}" for number in range(N_CAMERAS)], dtype=object)
    points = Directions.fit(rows[rng.permutation(n)[:8_000]], sections, (1.0, 1.0, 0.5)).transform(rows)
    return Season(
        names[np.concatenate([camera_of[which], cameras])][order],
        boxes[order],
        np.array([f"e{number}" for number in rng.integers(0, n // 2, n)], dtype=object),
        points[order],
        np.concatenate([np.full(len(which), STUMP, dtype=object), species[drawn]])[order],
        np.concatenate([which, np.full(N_ANIMALS, -1)])[order],
    )


def look_at_groups(groups: Sequence[np.ndarray], truth: np.ndarray, stump: np.ndarray) -> dict[str, float]:
    """What a person makes of the groups."""
    gone = np.zeros(len(truth), dtype=bool)
    for rows in groups:
        name, n = Counter(truth[rows].tolist()).most_common(1)[0]
        if name == STUMP and n >= AGREED * len(rows):
            gone[rows] = True
    shares = [gone[stump == number].mean() for number in range(stump.max() + 1)]
    return {
        "groups": len(groups),
        "stumps_found": float(np.sum(np.array(shares) >= FOUND)),
        "stump_boxes_found": float(gone[stump >= 0].mean()),
        "animals_lost": float((gone & (stump < 0)).sum()),
        "animals_in_groups": float(sum((stump[rows] < 0).sum() for rows in groups)),
    }


def write_megadetector(season: Season, path: Path) -> list[tuple[str, int]]:
    """The boxes as a file of MegaDetector, and each box's photo and number there."""
    images = []
    for row, (camera, box) in enumerate(zip(season.cameras, season.boxes.tolist(), strict=True)):
        left, top = max(box[0], 0.0), max(box[1], 0.0)
        inside = [left, top, min(box[2], 1 - left), min(box[3], 1 - top)]
        width, height = SIZES[row % 2]
        images.append(
            {
                "file": f"{camera}/{row:07d}.jpg",
                "width": width,
                "height": height,
                "detections": [{"category": "1", "conf": 0.8, "bbox": inside}],
            }
        )
    values = {"info": {"format_version": "1.4"}, "detection_categories": {"1": "animal"}, "images": images}
    path.write_text(json.dumps(values))
    return [(str(one["file"]), 0) for one in images]


def run_rival(python: Path, season: Season) -> tuple[list[np.ndarray], float]:
    """The groups of the package ``megadetector`` and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        row_of = {key: row for row, key in enumerate(write_megadetector(season, place / "boxes.json"))}
        (place / "rival.py").write_text(RIVAL)
        subprocess.run(
            [python, place / "rival.py", place / "boxes.json", place / "found.json"], check=True, capture_output=True
        )
        answer = json.loads((place / "found.json").read_text())
    groups = [
        np.unique([row_of[name.replace("\\", "/"), number] for name, number in group]) for group in answer["groups"]
    ]
    return groups, float(answer["seconds"])


def bench_made_up(rival: Path | None, *, quick: bool) -> dict[str, Any]:
    """The made-up season with boxes that vary by several amounts; ours, and the package beside it."""
    pictures = embed_pictures(variants=8 if quick else VARIANTS)
    figures: dict[str, Any] = {}
    for noise in BOX_NOISE[1:2] if quick else BOX_NOISE:
        season = make_season(*pictures, noise=noise)
        start = time.perf_counter()
        found = find_recurring(season.cameras, season.boxes, season.events, season.points)
        seconds = time.perf_counter() - start
        ours = look_at_groups([one.rows for one in found], season.truth, season.stump)
        figures[f"ours, edges vary by {noise:.0%}"] = {**ours, "seconds": seconds}
        if rival is not None:
            groups, seconds = run_rival(rival, season)
            theirs = look_at_groups(groups, season.truth, season.stump)
            figures[f"megadetector, edges vary by {noise:.0%}"] = {**theirs, "seconds": seconds}
    return figures


def bench_real() -> dict[str, Any]:
    """Real photos by YOLOv8n's boxes: which groups are found, and how many animals are in those called nothing."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "project")
        for name, images, labels, split in (
            ("smallmammal", MAMMALS / "images", MAMMALS / "labels.csv", None),
            ("wildlife", WILDLIFE / "images" / "season", WILDLIFE / "annotations.json", "season"),
        ):
            run = run_season(project, name, images, detector=str(DETECTOR), boxes=None)
            truth = read_labels(labels)
            species = sorted({label.species for photo in truth.photos for label in photo.labels if label.species})
            shown = judge_crops(run, truth, known_species=species, split=split).crops.set_index("crop_id")["truth"]
            ids, points = reduce_run(run)
            found = [one.rows for one in find_recurring_crops(run, ids, points)]
            is_nothing = shown.reindex(ids).isin([NO_ANIMAL, "empty"]).to_numpy(dtype=bool)
            figures[name] = {
                "crops": len(ids),
                "groups": len(found),
                "boxes in groups": sum(len(rows) for rows in found),
                "animals in groups called nothing": int(
                    sum((~is_nothing[rows]).sum() for rows in found if is_nothing[rows].mean() >= AGREED)
                ),
            }
    return figures


def bench_rectangles() -> dict[str, float]:
    """Eight rectangles of each of the 100 real photos of one camera, as if a detector boxed them: how many are found.

    Where a rectangle shows one of the camera's animals is not known.
    """
    rng, encoder = np.random.default_rng(0), load_encoder(bundled_encoder())
    photos = read_labels(MAMMALS / "labels.csv").photos
    spans = rng.uniform(0.12, 0.38, (8, 2))
    places = np.concatenate([rng.uniform(0.02, 0.6, (8, 2)), spans], axis=1)
    crops, boxes, events, is_empty = [], [], [], []
    for photo in photos:
        pixels = read_pixels(MAMMALS / "images" / photo.file_name)
        height, width = pixels.shape[:2]
        for place in places:
            box = place + rng.normal(0, 0.02, 4) * np.tile(place[2:], 2)
            crops.append(cut_crop(pixels, Box(*(box * [width, height, width, height]).tolist()), margin=MARGIN).copy())
            boxes.append(box)
            events.append(str(photo.captured_at)[:15] if photo.captured_at else photo.file_name)
            is_empty.append(photo.labels[0].species in ("", "empty"))
    rows = np.concatenate([_embed(encoder, crops[start : start + 32]) for start in range(0, len(crops), 32)])
    points = Directions.fit(rows, encoder.sections, (1.0, 1.0, 0.5)).transform(rows)
    found = find_recurring(["north"] * len(rows), np.array(boxes), events, points)
    taken = np.zeros(len(rows), dtype=bool)
    for one in found:
        taken[one.rows] = True
    return {
        "groups": len(found),
        "of 8 places": len({one.place for one in found}),
        "boxes of empty photos found": float(taken[is_empty].mean()),
        "boxes of photos with an animal found": float(taken[~np.array(is_empty)].mean()),
    }


def bench_many(*, n: int) -> dict[str, float]:
    """Seconds for very many boxes of 200 cameras and of 20, a tenth of them stumps."""
    figures = {}
    for n_cameras in (200, 20):
        rng = np.random.default_rng(0)
        sizes = np.exp(rng.uniform(np.log(0.03), np.log(0.4), (n, 2)))
        boxes = np.concatenate([rng.uniform(0, 1 - sizes), sizes], axis=1)
        points = (rng.normal(size=(n, 64)) / 8).astype(np.float16)
        cameras = rng.integers(0, n_cameras, n)
        stumps = np.sort(rng.integers(0, N_STUMPS, n // 10))
        boxes[: n // 10] = boxes[stumps] * (1 + rng.normal(0, 0.01, (n // 10, 4)))
        cameras[: n // 10] = stumps % n_cameras
        points[: n // 10] = points[stumps] * 0.98
        events = np.char.add("e", rng.integers(0, n // 3, n).astype(str)).astype(object)
        start = time.perf_counter()
        found = find_recurring(np.char.add("C", cameras.astype(str)).astype(object), boxes, events, points)
        figures[f"{n:,} boxes of {n_cameras} cameras"] = time.perf_counter() - start
        figures[f"groups found among {n:,} boxes of {n_cameras} cameras"] = len(found)
    return figures


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach, and whether they do."""
    targets = []
    for name, one in figures["made up"].items():
        if name.startswith("ours"):
            targets += [
                at_least(f"stumps found of {N_STUMPS}, {name}", one["stumps_found"], N_STUMPS),
                at_most(f"animals lost, {name}", one["animals_lost"], 0),
            ]
    return targets


def print_tables(figures: dict[str, Any]) -> None:
    """The figures as tables in Markdown."""
    print("\n| | groups to look at | stumps found | their boxes found | animals lost | in groups | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name, one in figures["made up"].items():
        print(
            f"| {name} | {one['groups']} | {one['stumps_found']:.0f} of {N_STUMPS} | {one['stump_boxes_found']:.3f} | "
            f"{one['animals_lost']:.0f} | {one['animals_in_groups']:.0f} | {one['seconds']:.1f} |"
        )
    if "rival" in figures:
        print(f"\n{figures['rival']}")
    for name, one in figures.get("real", {}).items():
        print(f"\n{name}: " + ", ".join(f"{what} {n:.3g}" for what, n in one.items()))
    for name, n in figures.get("many", {}).items():
        print(f"\n{name}: {n:.3g}")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    figures: dict[str, Any] = {"made up": bench_made_up(options.rival, quick=options.quick)}
    if options.rival is None:
        figures["rival"] = (
            "The package megadetector was not compared: --rival names the Python of an environment that has it."
        )
    if not options.quick:
        figures["real"] = {**bench_real(), "eight rectangles of smallmammal": bench_rectangles()}
        figures["many"] = bench_many(n=MANY)
    return figures


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    parser = argparse.ArgumentParser(description="Boxes that recur at one place: found, and animals lost.")
    parser.add_argument("--quick", action="store_true", help="one made-up season with fewer pictures")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--rival", type=Path, help="the Python of an environment that has the package megadetector")
    options = parser.parse_args()
    if not WILDLIFE.is_dir():
        print(f"This bench needs the real photos in {WILDLIFE}, which are not here.", file=sys.stderr)
        return 1
    figures = measure(options)
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
