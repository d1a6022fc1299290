"""Train the bundled detector: `python -m models.weights.train_detector`. See detector.md for what came of it."""

import argparse
import copy
import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils._pytree import tree_map
from ultralytics import YOLO
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel

from models.device import cpu_has_bf16
from models.weights.training_photos import TrainingPhoto, keep_photos, read_real_photos, render_photos

HERE = Path(__file__).parent
PLAN = HERE / "detector.yaml"
TARGET = HERE / "detector_openvino_model"
SIDE_PX = (256, 320)  # rows, columns while training
EXPORT_PX = 416
GREY = 114
MOSAIC_SHARE = 0.4


def main() -> None:
    """Render, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few photos and steps, to see that it runs")
    parser.add_argument("--seed", type=int, default=1001)
    parser.add_argument("--photos", type=int, default=2600, help="rendered photos")
    parser.add_argument("--wildlife", type=Path, default=Path("../shared/data/wildlife"), help="lions and elephants")
    parser.add_argument("--steps", type=int, default=1600, help="batches that are learnt from")
    parser.add_argument("--cache", type=Path, default=Path("data/training"), help="where rendered photos are kept")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--start", type=Path, help="checkpoint (safetensors) of an earlier training to go on from")
    parser.add_argument("--out", type=Path, default=TARGET)
    args = parser.parse_args()
    if args.quick:
        args.photos, args.steps = 24, 3
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)

    started = time.monotonic()
    rendered = keep_photos(
        args.cache / f"detector-{args.seed}-{args.photos}.npz",
        lambda: render_photos(args.seed, args.photos, size_px=(400, 300)),
    )
    real = read_real_photos(args.wildlife, longest_px=400)
    print(f"{len(rendered)} rendered and {len(real)} real photos in {time.monotonic() - started:.0f} s", flush=True)
    if not real:
        print(f"No photos in {args.wildlife}: training on rendered photos only.", flush=True)
    model = DetectionModel(str(PLAN), ch=3, nc=1, verbose=False)
    model.args = get_cfg()  # type: ignore[assignment]  # Ultralytics' loss reads its gains from here
    model.names = {0: "animal"}
    if args.start:
        from safetensors.torch import load_file

        model.load_state_dict(load_file(args.start), strict=False)
    best = train(model, rendered, real, args)
    export(best, args.out)


def train(
    model: DetectionModel, rendered: list[TrainingPhoto], real: list[TrainingPhoto], args: argparse.Namespace
) -> DetectionModel:
    """Train for the given steps; returns the running average of the weights."""
    rng = np.random.default_rng(args.seed + 1)
    device = torch.device(args.device)
    model = model.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model.criterion = model.init_criterion()
    average = copy.deepcopy(model).eval()
    decay: list[torch.nn.Parameter] = []
    plain: list[torch.nn.Parameter] = []
    for parameter in model.parameters():
        (decay if parameter.ndim > 1 else plain).append(parameter)
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 5e-4}, {"params": plain, "weight_decay": 0.0}],
                                  lr=args.lr)  # fmt: skip
    started = time.monotonic()
    seen, losses = 0, []
    for step in range(args.steps):
        share = step / args.steps
        rate = args.lr * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        # The last part without mosaics: photos as they will come.
        batch = draw_batch(rng, rendered, real, args.batch, mosaics=MOSAIC_SHARE if share < 0.8 else 0.0)
        images = batch["img"].to(device, memory_format=torch.channels_last)
        # Without instructions for it, half precision is ten times slower.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or cpu_has_bf16()):
            predictions = model(images)
        predictions = tree_map(_to_float, predictions)
        targets = {key: value.to(device) for key, value in batch.items() if key != "img"} | {"img": images}
        loss, _ = model.criterion(predictions, targets)
        optimizer.zero_grad()
        loss.sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        seen += args.batch
        losses.append(loss.detach().sum().item() / args.batch)
        keep = 0.998 * (1 - np.exp(-(step + 1) / 200))
        with torch.no_grad():
            for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - keep)
                else:
                    kept.copy_(new)
        if (step + 1) % 100 == 0:
            spent = time.monotonic() - started
            print(f"{spent:5.0f} s, step {step + 1}, {seen} photos, loss {np.mean(losses[-100:]):.3f}", flush=True)
    print(f"{args.steps} steps, {seen} photos seen, last loss {np.mean(losses[-50:]):.3f}", flush=True)
    return average


def _to_float(value):  # type: ignore[no-untyped-def]
    return value.float() if torch.is_tensor(value) and value.is_floating_point() else value


def draw_batch(
    rng: np.random.Generator, rendered: list[TrainingPhoto], real: list[TrainingPhoto], size: int, *, mosaics: float,
    side_px: tuple[int, int] = SIDE_PX,
) -> dict[str, torch.Tensor]:  # fmt: skip
    """A batch as Ultralytics' loss wants it: boxes as centre and size, in shares of the picture."""
    rows, columns = side_px
    images = np.empty((size, rows, columns, 3), np.uint8)
    boxes, owners = [], []
    for number in range(size):
        picture, found = draw_picture(rng, rendered, real, mosaic=rng.random() < mosaics, side_px=side_px)
        images[number] = picture
        boxes.append(found)
        owners.append(np.full(len(found), number))
    table = np.concatenate(boxes).astype(np.float32)
    centres = np.column_stack([
        (table[:, 0] + table[:, 2] / 2) / columns, (table[:, 1] + table[:, 3] / 2) / rows,
        table[:, 2] / columns, table[:, 3] / rows,
    ])  # fmt: skip
    return {
        "img": torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 255,
        "bboxes": torch.from_numpy(np.ascontiguousarray(centres)), "cls": torch.zeros(len(table), 1),
        "batch_idx": torch.from_numpy(np.concatenate(owners).astype(np.float32)),
    }  # fmt: skip


def draw_picture(
    rng: np.random.Generator, rendered: list[TrainingPhoto], real: list[TrainingPhoto], *, mosaic: bool,
    side_px: tuple[int, int] = SIDE_PX,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """One training picture, (rows, columns, 3) RGB, and its boxes (n, 4) in pixels."""
    rows, columns = side_px
    canvas = np.full((rows, columns, 3), GREY, np.uint8)
    cells = [(0, 0, columns, rows)]
    if mosaic:
        x, y = int(rng.uniform(0.35, 0.65) * columns), int(rng.uniform(0.35, 0.65) * rows)
        cells = [(0, 0, x, y), (x, 0, columns, y), (0, y, x, rows), (x, y, columns, rows)]
    kept = []
    for x0, y0, x1, y1 in cells:
        pool = real if real and rng.random() < 0.2 else rendered
        photo = pool[int(rng.integers(len(pool)))]
        pixels, boxes = photo.pixels(), photo.boxes.copy()
        height, width = pixels.shape[:2]
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
            boxes[:, 0] = width - boxes[:, 0] - boxes[:, 2]
        fit = (max if mosaic else min)((x1 - x0) / width, (y1 - y0) / height)
        scale = fit * float(np.exp(rng.uniform(np.log(0.7), np.log(1.6))))
        spare_x, spare_y = (x1 - x0) - width * scale, (y1 - y0) - height * scale
        shift_x, shift_y = spare_x * rng.uniform(0, 1), spare_y * rng.uniform(0, 1)
        move = np.array([[scale, 0, shift_x], [0, scale, shift_y]], np.float32)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        canvas[y0:y1, x0:x1] = cv2.warpAffine(np.ascontiguousarray(pixels), move, (x1 - x0, y1 - y0), flags=way,
                                              borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY,) * 3)  # fmt: skip
        left = np.clip(boxes[:, 0] * scale + shift_x, 0, x1 - x0)
        right = np.clip((boxes[:, 0] + boxes[:, 2]) * scale + shift_x, 0, x1 - x0)
        top = np.clip(boxes[:, 1] * scale + shift_y, 0, y1 - y0)
        bottom = np.clip((boxes[:, 1] + boxes[:, 3]) * scale + shift_y, 0, y1 - y0)
        shown = (right - left) * (bottom - top) / np.maximum(boxes[:, 2] * boxes[:, 3] * scale**2, 1e-3)
        good = (shown > 0.3) & (right - left > 4) & (bottom - top > 4)
        kept.append(np.column_stack([left + x0, top + y0, right - left, bottom - top])[good])
    return jitter_colours(rng, canvas), np.concatenate(kept)


def jitter_colours(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    """Another exposure, tint or saturation; now and then grey, or blurred."""
    picture = pixels.astype(np.float32) / 255
    picture = picture ** float(np.exp(rng.normal(0, 0.22)))
    grey = picture.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.12 else float(np.clip(rng.normal(1.0, 0.25), 0.2, 1.8))
    picture = grey + (picture - grey) * saturation
    picture *= (1 + rng.normal(0, 0.05, 3)).astype(np.float32) * float(np.exp(rng.normal(0, 0.15)))
    if rng.random() < 0.15:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.2)))
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def export(model: DetectionModel, target: Path, *, side_px: int = EXPORT_PX) -> None:
    """Write the OpenVINO folder, half precision, through Ultralytics' own export (which adds metadata.yaml)."""
    from safetensors.torch import save_file

    model = model.cpu().float().eval()
    work = Path("data/training")  # Ultralytics writes its export beside the checkpoint
    work.mkdir(parents=True, exist_ok=True)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, work / "detector.safetensors")
    wrapper: Any = YOLO(str(PLAN), task="detect", verbose=False)
    wrapper.model.load_state_dict(state)
    wrapper.model.names = {0: "animal"}
    wrapper.model.pt_path = str(work / "detector.pt")
    wrapper.ckpt_path = str(work / "detector.pt")
    made = Path(wrapper.export(format="openvino", imgsz=side_px, half=True, device="cpu", verbose=False))
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(made, target)
    print(json.dumps({file.name: file.stat().st_size for file in sorted(target.iterdir())}), flush=True)


if __name__ == "__main__":
    main()
