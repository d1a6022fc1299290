"""Whole frames of one fixed camera by their embedding and by their most unusual patch, trained and run as users do.

There are two questions, each with three seeds, and every photo is a whole frame. Which frames show a stoat, if half of
the empty frames and of the voles are trained on? And which show any animal, if 40 of the 55 empty frames are trained
on? Crops of the wildlife season are trained on, too, because a bundle needs a species.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from bench.encoder_table import HALVES, halve_frames  # noqa: E402
from core.evaluation.metrics import compute_auroc  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.runs.catalogue import read_catalogue  # noqa: E402
from core.settings.training import FRAMES  # noqa: E402
from core.study.project import Project  # noqa: E402
from models.encoders.loading import EncoderSpec  # noqa: E402
from models.jobs.bundle import BundleRequest  # noqa: E402
from models.jobs.registry import do_at_once  # noqa: E402
from models.jobs.run import RunRequest  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
MAMMALS, WILDLIFE = DATA / "smallmammal", DATA / "wildlife"
DETECTOR = DATA / "weights" / "yolov8n_int8_openvino_model"
SPEC = EncoderSpec(backbone="mobilenet_v2", weights=str(DATA / "weights" / "mobilenet_v2.safetensors"))
SPECS = {"plain": (SPEC,), "default": (SPEC, EncoderSpec(detector=str(DETECTOR)))}
CAMERA = "camera"
ODD = {"stoats": ("stoat",), "any animal": ("stoat", "vole")}
N_EMPTY = 40
CROPS_OF = "deer"
RATES = (0.05, 0.1)


def choose_training(labels: np.ndarray, question: str, *, seed: int) -> np.ndarray:
    """Which frames are trained on, shape ``(n,)``, bool."""
    if question == "stoats":
        return halve_frames(labels, seed)
    trained = np.zeros(len(labels), dtype=bool)
    trained[np.random.default_rng(seed).permutation(np.flatnonzero(labels == "empty"))[:N_EMPTY]] = True
    return trained


def write_half(folder: Path, question: str, *, seed: int) -> dict[str, str]:
    """Photos and labels of one halving in ``folder``; what each photo that is run shows, by file name."""
    truth = read_labels(MAMMALS / "labels.csv")
    labels = np.array([photo.labels[0].species for photo in truth.photos], dtype=object)
    trained = choose_training(labels, question, seed=seed)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    asked: dict[str, str] = {}
    for photo, label, learn in zip(truth.photos, labels, trained, strict=True):
        name = f"{CAMERA}/{Path(photo.file_name).name}"
        place = folder / ("train" if learn else "run") / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MAMMALS / "images" / photo.file_name, place)
        if learn:
            images.append({"id": len(images), "file_name": name})
            annotations.append({"id": len(annotations), "image_id": images[-1]["id"], "category_id": 0})
        else:
            asked[name] = str(label)
    for photo in read_labels(WILDLIFE / "annotations.json").photos:
        boxes = [one.box for one in photo.labels if one.species == CROPS_OF and one.box]
        if photo.split != "train" or not boxes or photo.frame is None:
            continue
        name = f"others/{Path(photo.file_name).name}"
        (folder / "train" / "others").mkdir(exist_ok=True)
        shutil.copy(WILDLIFE / "images" / photo.file_name, folder / "train" / name)
        width, height = photo.frame
        images.append({"id": len(images), "file_name": name, "width": width, "height": height})
        for box in boxes:
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": images[-1]["id"],
                    "category_id": 1,
                    "bbox": [box.x, box.y, box.width, box.height],
                }
            )
    categories = [{"id": 0, "name": "empty"}, {"id": 1, "name": CROPS_OF}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(coco))
    (folder / "no-boxes.json").write_text(
        json.dumps({"images": [{"file": name, "detections": []} for name in asked], "detection_categories": {}})
    )
    return asked


def measure(
    folder: Path, shows: dict[str, str], *, odd_kinds: Sequence[str], encoders: str, frames: str
) -> dict[str, Any]:
    """One bundle and one run: how the odd frames are ranked, and which share of odd and usual frames is flagged."""
    project = Project(folder / f"{encoders}-{frames}")
    start = time.perf_counter()
    do_at_once(
        project,
        BundleRequest(
            name="b",
            images=folder / "train",
            labels=folder / "labels.json",
            encoders=SPECS[encoders],
            frames=frames,
            detector=str(DETECTOR),
        ),
    )
    trained = time.perf_counter()
    do_at_once(project, RunRequest(folder=folder / "run", name="r", bundle="b", boxes=folder / "no-boxes.json"))
    run = project.run("r")
    rows = read_catalogue(run, ["file_name", "score", "p_value"])
    kinds = rows["file_name"].map(shows).to_numpy(dtype=object)
    odd = np.isin(kinds, odd_kinds)
    return {
        "auroc": compute_auroc(-np.arange(len(rows)), novel=odd),
        "ranks": (np.flatnonzero(odd) + 1).tolist(),
        "n_usual": int((~odd).sum()),
        **{f"flagged_{rate:g}": float((rows["p_value"][~odd] <= rate).mean()) for rate in RATES},
        **{f"found_{rate:g}": float((rows["p_value"][odd] <= rate).mean()) for rate in RATES},
        "training_s": round(trained - start, 1),
        "run_s": round(time.perf_counter() - trained, 1),
    }


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    parser = argparse.ArgumentParser(description="Whole frames of one camera by their embedding and by their patches.")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="one seed, the backbone alone; two minutes")
    arguments = parser.parse_args()
    if not (MAMMALS / "labels.csv").is_file():
        print(f"This bench needs the real photos in {MAMMALS}, which are not here.", file=sys.stderr)
        return 1
    found: dict[str, list[dict[str, Any]]] = {}
    for question, odd_kinds in ODD.items():
        for seed in HALVES[: 1 if arguments.quick else None]:
            with tempfile.TemporaryDirectory() as temporary:
                shows = write_half(Path(temporary), question, seed=seed)
                for encoders in ("plain",) if arguments.quick else tuple(SPECS):
                    for frames in FRAMES:
                        row = measure(Path(temporary), shows, odd_kinds=odd_kinds, encoders=encoders, frames=frames)
                        found.setdefault(f"{question} | {encoders}, {frames}", []).append(row)
    if arguments.json:
        print(json.dumps({"figures": found, "targets": []}))
        return 0
    print(
        "| odd | encoder, frames by | AUROC | rank of the last stoat | usual flagged at 5%, 10% | odd flagged at 5% |"
    )
    print("|---|---|---|---|---|---|")
    for name, rows in found.items():
        auroc = f"{np.mean([row['auroc'] for row in rows]):.3f}"
        last = ", ".join(str(max(row["ranks"])) for row in rows) if name.startswith("stoats") else ""
        usual = ", ".join(f"{np.mean([row[f'flagged_{rate:g}'] for row in rows]):.3f}" for rate in RATES)
        print(f"| {name} | {auroc} | {last} | {usual} | {np.mean([row['found_0.05'] for row in rows]):.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
