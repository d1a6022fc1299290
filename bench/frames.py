"""Whole frames of one fixed camera by their look and by their strangest patch, through training and runs as users do.

Half of the empty frames and of the voles teach the camera, three seeded times; the others and the stoats are run, every
photo as a whole frame. Crops of the wildlife season are taught beside them, since a bundle needs a species.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from bench.encoder_table import HALVES, halve_frames  # noqa: E402
from core.catalogue import read_catalogue  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.project import Project  # noqa: E402
from models.encoder import EncoderSpec  # noqa: E402
from models.running import RunRequest, start_run  # noqa: E402
from models.training_job import TrainingRequest, start_training  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
MAMMALS, WILDLIFE = DATA / "smallmammal", DATA / "wildlife"
DETECTOR = DATA / "weights" / "yolov8n_int8_openvino_model"
SPEC = EncoderSpec(backbone="mobilenet_v2", weights=str(DATA / "weights" / "mobilenet_v2.safetensors"))
SPECS = {"plain": (SPEC,), "default": (SPEC, EncoderSpec(detector=str(DETECTOR)))}
CAMERA, ODD = "camera", "stoat"
CROPS_OF = "deer"
RATES = (0.05, 0.1)


def write_half(folder: Path, *, seed: int) -> dict[str, str]:
    """Photos and labels of one halving in ``folder``; what each photo that is run shows, by file name."""
    truth = read_labels(MAMMALS / "labels.csv")
    labels = np.array([photo.labels[0].species for photo in truth.photos], dtype=object)
    teaches = halve_frames(labels, seed)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    asked: dict[str, str] = {}
    for photo, label, learn in zip(truth.photos, labels, teaches, strict=True):
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
            annotations.append({"id": len(annotations), "image_id": images[-1]["id"], "category_id": 1,
                                "bbox": [box.x, box.y, box.width, box.height]})  # fmt: skip
    categories = [{"id": 0, "name": "empty"}, {"id": 1, "name": CROPS_OF}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(coco))
    (folder / "no-boxes.json").write_text(
        json.dumps({"images": [{"file": name, "detections": []} for name in asked], "detection_categories": {}})
    )
    return asked


def measure(folder: Path, shows: dict[str, str], *, encoders: str, frames: str) -> dict[str, Any]:
    """One bundle and one run: ranks of the stoats, and the share of usual frames that is flagged."""
    project = Project(folder / f"{encoders}-{frames}")
    start = time.perf_counter()
    start_training(project, TrainingRequest(
        name="b", images=folder / "train", labels=folder / "labels.json", encoders=SPECS[encoders], frames=frames,
        detector=str(DETECTOR)))  # fmt: skip
    trained = time.perf_counter()
    run = start_run(project, RunRequest(folder=folder / "run", name="r", bundle="b", boxes=folder / "no-boxes.json"),
                    on_progress=lambda progress: None)  # fmt: skip
    rows = read_catalogue(run, ["file_name", "score", "p_value"])
    kinds = rows["file_name"].map(shows).to_numpy(dtype=object)
    order = np.argsort(-rows["score"].to_numpy(), kind="stable")
    odd = kinds == ODD
    return {
        "ranks": (np.flatnonzero(odd[order]) + 1).tolist(),
        "of": len(rows),
        "p_of_odd": [round(p, 3) for p in sorted(rows["p_value"][odd])],
        **{f"flagged_{rate:g}": float((rows["p_value"][~odd] <= rate).mean()) for rate in RATES},
        **{f"found_{rate:g}": int((rows["p_value"][odd] <= rate).sum()) for rate in RATES},
        "training_s": round(trained - start, 1),
        "run_s": round(time.perf_counter() - trained, 1),
    }


def main() -> None:
    """Print the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one halving, the backbone alone")
    arguments = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in HALVES[: 1 if arguments.quick else None]:
        with tempfile.TemporaryDirectory() as temporary:
            shows = write_half(Path(temporary), seed=seed)
            for encoders in ("plain",) if arguments.quick else tuple(SPECS):
                for frames in ("embedding", "patches"):
                    row = measure(Path(temporary), shows, encoders=encoders, frames=frames)
                    found.setdefault(f"{encoders} {frames}", []).append(row)
    if arguments.json:
        print(json.dumps({"figures": found, "targets": []}))
        return
    print(
        "| encoder, frames by | ranks of the stoats | usual frames flagged at 5%, 10% | stoats flagged at 5%, 10% |\n"
        "|---|---|---|---|"
    )
    for name, rows in found.items():
        ranks = "; ".join(" ".join(map(str, row["ranks"])) for row in rows)
        shares = [f"{np.mean([row[f'flagged_{rate:g}'] for row in rows]):.3f}" for rate in RATES]
        hits = [f"{sum(row[f'found_{rate:g}'] for row in rows)}" for rate in RATES]
        print(f"| {name} | {ranks} | {', '.join(shares)} | {', '.join(hits)} of {4 * len(rows)} |")


if __name__ == "__main__":
    main()
