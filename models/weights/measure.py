"""Measures the bundled weights on the sample season, for the cards: `python -m models.weights.measure`."""

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
import yaml
from PIL import Image
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.svm import OneClassSVM

from core.photos.crops import cut_crop, resize_crops
from core.records import Box
from core.sample import KNOWN, render_season
from models.detectors.ultralytics_opening import open_yolo
from models.weights.train_encoder import INPUT_PX, MEAN, SCALE
from models.weights.training_photos import keep_rendered

HERE = Path(__file__).parent
MATCH_IOU = 0.5
TOUCH_IOU = 0.3
NEIGHBOURS = 5
FRESH_SEED, FRESH_PHOTOS, FRESH_KINDS = 6006, 600, 60


def main() -> None:
    """Render the season if it is missing, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=Path, help="a folder of render_season; rendered to a temporary one otherwise")
    parser.add_argument("--wildlife", type=Path, default=Path("../shared/data/wildlife"))
    parser.add_argument("--detector", type=Path, default=HERE / "detector_openvino_model")
    parser.add_argument("--encoder", type=Path, default=HERE / "encoder.safetensors")
    parser.add_argument("--input-px", type=int, nargs="+", default=[INPUT_PX])
    parser.add_argument("--cache", type=Path, default=Path("data/training"), help="where rendered photos are kept")
    parser.add_argument("--only", choices=["detector", "encoder"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sample = args.sample or Path(temporary)
        if not (sample / "annotations.json").is_file():
            render_season(sample)
        truth = Truth(sample / "annotations.json", sample / "images")
        figures: dict = {}
        if args.only != "encoder":
            figures["detector"] = {f"confidence {c}": measure_detector(args.detector, truth, c) for c in (0.25, 0.12)}
        if args.only != "detector":
            figures["encoder on made-up kinds"] = measure_fresh(args.encoder, args.cache, args.input_px)
            figures["encoder on the sample"] = measure_encoder(args.encoder, truth, "season", args.input_px)
            if (args.wildlife / "annotations.json").is_file():
                real = Truth(args.wildlife / "annotations.json", args.wildlife / "images")
                figures["encoder on wildlife"] = measure_encoder(args.encoder, real, "season", args.input_px)
        print(json.dumps(figures, indent=1))


class Truth:
    """The photos of a COCO file by split, with their boxes and species."""

    def __init__(self, file: Path, images: Path) -> None:
        truth = json.loads(file.read_text(encoding="utf-8"))
        names = {item["id"]: item["name"] for item in truth["categories"]}
        labels: dict[str, list[tuple[Box, str]]] = defaultdict(list)
        for item in truth["annotations"]:
            if "bbox" in item:
                labels[item["image_id"]].append((Box(*item["bbox"]), names[item["category_id"]]))
        self.images = images
        self.photos = [(image["file_name"], image["split"], labels[image["id"]]) for image in truth["images"]]
        self.train_species = {kind for _, split, found in self.photos if split == "train" for _, kind in found}

    def read(self, file_name: str) -> np.ndarray:
        """RGB, uint8."""
        return np.asarray(Image.open(self.images / file_name).convert("RGB"))


def measure_detector(folder: Path, truth: Truth, confidence: float) -> dict:
    """Recall per species, precision, and how many photos without an animal got a box."""
    detector: Any = open_yolo(folder)
    side = detector_side(folder)
    found_of: dict[str, list[bool]] = defaultdict(list)
    right, wrong, empties, disturbed = 0, 0, 0, 0
    for file_name, split, labels in truth.photos:
        if split != "season":
            continue
        pixels = truth.read(file_name)
        answer = detector.predict(pixels[..., ::-1], imgsz=side, conf=confidence, iou=0.6, verbose=False)[0]
        boxes = answer.boxes.xyxy.cpu().numpy()  # (n, 4)
        taken = np.zeros(len(boxes), bool)
        for box, kind in labels:
            overlap = iou(box, boxes)
            hit = len(boxes) > 0 and overlap.max() >= MATCH_IOU
            found_of[kind].append(hit)
            taken |= overlap >= TOUCH_IOU
        right += int(taken.sum())
        wrong += int((~taken).sum())
        empties += not labels
        disturbed += not labels and len(boxes) > 0
    everything = [hit for hits in found_of.values() for hit in hits]
    strangers = [hit for kind, hits in found_of.items() if kind not in truth.train_species for hit in hits]
    return {
        "recall": round(float(np.mean(everything)), 3),
        "recall of intruders": round(float(np.mean(strangers)), 3),
        "precision": round(right / max(right + wrong, 1), 3),
        "recall per species": {kind: f"{sum(hits)} of {len(hits)}" for kind, hits in sorted(found_of.items())},
        "empty photos with a box": f"{disturbed} of {empties}",
    }


def detector_side(folder: Path) -> int:
    """Side of the square input that the detector was exported for."""
    return int(yaml.safe_load((folder / "metadata.yaml").read_text())["imgsz"][0])


def iou(box: Box, others: np.ndarray) -> np.ndarray:
    """Intersection over union of a box with boxes (n, 4), all given by their corners."""
    wide = np.minimum(box.x + box.width, others[:, 2]) - np.maximum(box.x, others[:, 0])
    tall = np.minimum(box.y + box.height, others[:, 3]) - np.maximum(box.y, others[:, 1])
    shared = np.clip(wide, 0, None) * np.clip(tall, 0, None)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return shared / np.maximum(areas + box.width * box.height - shared, 1e-6)


def measure_encoder(weights: Path, truth: Truth, split: str, sizes_px: list[int]) -> dict:
    """AUROC of unseen species against known ones, on crops of the true boxes, for this encoder and for others."""
    crops: dict[str, list[np.ndarray]] = {"train": [], split: []}
    kinds: dict[str, list[str]] = {"train": [], split: []}
    for file_name, part, labels in truth.photos:
        if part not in crops:
            continue
        pixels = truth.read(file_name)
        for box, kind in labels:
            crops[part].append(cut_crop(pixels, box, margin=0.05).copy())
            kinds[part].append(kind)
    novel = np.array([kind not in truth.train_species for kind in kinds[split]])
    result: dict = {"crops": f"{len(kinds['train'])} train, {(~novel).sum()} known, {novel.sum()} unseen"}
    for size_px in sizes_px:
        squares = {part: resize_crops(crops[part], size_px=size_px) for part in crops}
        for name, features in (
            ("ours", lambda x: embed(x, load_backbone(weights))),
            ("untrained", lambda x: embed(x, load_backbone(None))),
        ):
            rows = {part: features(squares[part]) for part in crops}
            result[f"{name}, {size_px} px"] = judge(rows["train"], kinds["train"], rows[split], novel, kinds[split])
    squares = {part: resize_crops(crops[part], size_px=64) for part in crops}
    rows = {part: histogram(squares[part]) for part in crops}
    result["colour histogram"] = judge(rows["train"], kinds["train"], rows[split], novel, kinds[split])
    return result


def measure_fresh(weights: Path, cache: Path, sizes_px: list[int]) -> dict:
    """As `measure_encoder`, but the unseen species are invented ones that no training had.

    Encoders are chosen by these figures, so that the sample remains a test set.
    """
    photos = keep_rendered(cache, seed=FRESH_SEED, photos=FRESH_PHOTOS, kinds=FRESH_KINDS)
    names = {kind.name for kind in KNOWN}
    crops: dict[str, list[np.ndarray]] = {"train": [], "season": []}
    kinds: dict[str, list[str]] = {"train": [], "season": []}
    for number, photo in enumerate(photos):
        pixels = photo.pixels()
        for box, kind in zip(photo.boxes, photo.kinds, strict=True):
            part = "train" if kind in names and number % 2 else "season"
            crops[part].append(cut_crop(pixels, Box(*(float(value) for value in box)), margin=0.05).copy())
            kinds[part].append(kind)
    novel = np.array([kind not in names for kind in kinds["season"]])
    result: dict = {"crops": f"{len(kinds['train'])} train, {(~novel).sum()} known, {novel.sum()} unseen"}
    for size_px in sizes_px:
        rows = {part: embed(resize_crops(crops[part], size_px=size_px), load_backbone(weights)) for part in crops}
        result[f"{size_px} px"] = judge(rows["train"], kinds["train"], rows["season"], novel, kinds["season"])
    return result


def judge(train: np.ndarray, kinds: list[str], season: np.ndarray, novel: np.ndarray, season_kinds: list[str]) -> dict:
    """AUROC of two simple detectors of unseen species, and accuracy of nearest neighbours on known species."""
    scaler = StandardScaler().fit(train)
    near, far = normalize(scaler.transform(train)), normalize(scaler.transform(season))
    raw_near, raw_far = normalize(train), normalize(season)
    distance, _ = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine").fit(raw_near).kneighbors(raw_far)
    labels = np.array(kinds)
    score = np.full(len(far), np.inf)
    for kind in sorted(set(kinds)):
        one = OneClassSVM(nu=0.1, gamma="scale").fit(near[labels == kind])
        score = np.minimum(score, -one.decision_function(far))
    scaled, rows = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine").fit(near).kneighbors(far)
    votes = np.array([max(sorted(set(row)), key=list(row).count) for row in labels[rows]])
    right = votes[~novel] == np.array(season_kinds)[~novel]
    return {
        "AUROC, cosine 5-NN": round(float(roc_auc_score(novel, distance.mean(1))), 3),
        "AUROC, standardised, cosine 5-NN": round(float(roc_auc_score(novel, scaled.mean(1))), 3),
        "AUROC, standardised, L2, one-class SVM a species": round(float(roc_auc_score(novel, score)), 3),
        "known species named right by 5-NN": round(float(right.mean()), 3),
    }


def load_backbone(weights: Path | None) -> torch.nn.Module:
    """MobileNetV2 without its classifier; with random weights from a fixed seed when no file is given."""
    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v2(weights=None)
    network.classifier = torch.nn.Identity()  # type: ignore[assignment]
    if weights is not None:
        network.load_state_dict({key: value.float() for key, value in load_file(weights).items()})
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def embed(squares: np.ndarray, network: torch.nn.Module) -> np.ndarray:
    """Pooled features (n, 1280)."""
    torch.set_flush_denormal(True)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(squares), 32):
            batch = torch.from_numpy(squares[start : start + 32].transpose(0, 3, 1, 2).copy()).float() / 255
            parts.append(network(((batch - MEAN) / SCALE).to(memory_format=torch.channels_last)).numpy())
    return np.concatenate(parts)


def histogram(squares: np.ndarray) -> np.ndarray:
    """Share of each of 8 x 8 x 8 colours, (n, 512)."""
    cells = (squares // 32).astype(int)
    codes = (cells[..., 0] * 64 + cells[..., 1] * 8 + cells[..., 2]).reshape(len(squares), -1)
    return np.stack([np.bincount(row, minlength=512) / len(row) for row in codes])


if __name__ == "__main__":
    main()
