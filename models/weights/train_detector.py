"""Trains the bundled detector: `python -m models.weights.train_detector`. See detector.md for the results.

It writes a checkpoint; `python -m models.weights.export_detector` makes the bundled folder from it.
"""

import argparse
import copy
import math
import os
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch.utils._pytree import tree_map
from torch.utils.data import DataLoader, Dataset

from models.detectors.ultralytics_opening import import_ultralytics
from models.weights.training_photos import TrainingPhoto, keep_rendered, read_real_photos

HERE = Path(__file__).parent
PLAN = HERE / "detector.yaml"
CACHE = Path("data/training")
CHECKPOINT = CACHE / "detector.safetensors"
SIDE_PX = (320, 416)  # rows, columns
LONGEST_PX = 400  # longer side of a photo in memory
GREY = 114
REAL_SHARE = 0.2  # share of real photos in a picture, if there are any
MOSAIC_SHARE = 0.4
MOSAICS_UNTIL = 0.8  # share of the steps with mosaics; the last steps use photos as they will come
REPORT_EVERY = 100


@dataclass(frozen=True, slots=True)
class Decoded:
    """A training photo in memory: RGB (h, w, 3) uint8, and its boxes (n, 4) in pixels."""

    pixels: np.ndarray
    boxes: np.ndarray


def main() -> None:
    """Render photos, train, and write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few photos and steps, to see that it runs")
    parser.add_argument("--seed", type=int, default=4004)
    parser.add_argument("--kinds", type=int, default=600, help="made-up kinds of animal")
    parser.add_argument("--photos", type=int, default=8000, help="rendered photos, the encoder's too")
    parser.add_argument("--wildlife", type=Path, default=Path("../shared/data/wildlife"), help="lions and elephants")
    parser.add_argument("--steps", type=int, default=6000, help="number of training batches")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--cache", type=Path, default=CACHE, help="where rendered photos are kept")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that draw pictures")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=CHECKPOINT)
    args = parser.parse_args()
    if args.quick:
        args.photos, args.steps, args.kinds, args.batch = 24, 3, 12, 8
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_flush_denormal(True)

    started = time.monotonic()
    rendered = decode(keep_rendered(args.cache, seed=args.seed, photos=args.photos, kinds=args.kinds))
    real = decode(read_real_photos(args.wildlife, longest_px=LONGEST_PX))
    print(f"{len(rendered)} rendered and {len(real)} real photos in {time.monotonic() - started:.0f} s", flush=True)
    if not real:
        print(f"No photos in {args.wildlife}: training on rendered photos only.", flush=True)
    model = build_model()
    average = train(model, Pictures(rendered, real, seed=args.seed, count=args.steps * args.batch), args)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.cpu().contiguous() for key, value in average.state_dict().items()}, args.out)
    print(args.out, flush=True)


def build_model() -> Any:
    """The network, with random weights."""
    import_ultralytics()
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    model: Any = DetectionModel(str(PLAN), ch=3, nc=1, verbose=False)
    model.args = get_cfg()  # Ultralytics' loss reads its gains from here
    model.names = {0: "animal"}
    return model


def decode(photos: Sequence[TrainingPhoto], *, longest_px: int = LONGEST_PX) -> list[Decoded]:
    """Keep all photos in memory, 0.36 MB each, so that they are decoded only once."""

    def read(photo: TrainingPhoto) -> Decoded:
        pixels = photo.pixels()
        scale = min(1.0, longest_px / max(pixels.shape[:2]))
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return Decoded(small, photo.boxes * np.float32(scale))

    with ThreadPoolExecutor() as pool:
        return list(pool.map(read, photos))


class Pictures(Dataset):
    """Training pictures in order. A picture does not depend on the number of processes that draw them."""

    def __init__(self, rendered: list[Decoded], real: list[Decoded], *, seed: int, count: int) -> None:
        self._rendered, self._real, self._seed, self._count = rendered, real, seed, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A picture, uint8 (3, rows, columns), and its boxes (n, 4): centre and size in shares of the picture."""
        rng = np.random.default_rng([self._seed, 4, number])
        mosaic = number < MOSAICS_UNTIL * self._count and rng.random() < MOSAIC_SHARE
        picture, boxes = draw_picture(rng, self._rendered, self._real, mosaic=mosaic)
        rows, columns = picture.shape[:2]
        centres = np.column_stack([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]]) / (columns, rows, columns, rows)
        return torch.from_numpy(picture.transpose(2, 0, 1).copy()), torch.from_numpy(centres.astype(np.float32))


def collate(drawn: list[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """A batch in the form that Ultralytics' loss takes."""
    n_boxes = torch.tensor([len(boxes) for _, boxes in drawn])
    return {
        "img": torch.stack([picture for picture, _ in drawn]),
        "bboxes": torch.cat([boxes for _, boxes in drawn]),
        "cls": torch.zeros(int(n_boxes.sum()), 1),
        "batch_idx": torch.arange(len(drawn)).repeat_interleave(n_boxes).float(),
    }


def draw_picture(
    rng: np.random.Generator,
    rendered: list[Decoded],
    real: list[Decoded],
    *,
    mosaic: bool,
    side_px: tuple[int, int] = SIDE_PX,
) -> tuple[np.ndarray, np.ndarray]:
    """One training picture, (rows, columns, 3) RGB, and its boxes (n, 4) in pixels."""
    rows, columns = side_px
    canvas = np.full((rows, columns, 3), GREY, np.uint8)
    cells = [(0, 0, columns, rows)]
    if mosaic:
        x, y = int(rng.uniform(0.35, 0.65) * columns), int(rng.uniform(0.35, 0.65) * rows)
        cells = [(0, 0, x, y), (x, 0, columns, y), (0, y, x, rows), (x, y, columns, rows)]
    kept = []
    for x0, y0, x1, y1 in cells:
        pool = real if real and rng.random() < REAL_SHARE else rendered
        photo = pool[int(rng.integers(len(pool)))]
        pixels, boxes = photo.pixels, photo.boxes.copy()
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
        canvas[y0:y1, x0:x1] = cv2.warpAffine(
            np.ascontiguousarray(pixels),
            move,
            (x1 - x0, y1 - y0),
            flags=way,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(GREY,) * 3,
        )
        left = np.clip(boxes[:, 0] * scale + shift_x, 0, x1 - x0)
        right = np.clip((boxes[:, 0] + boxes[:, 2]) * scale + shift_x, 0, x1 - x0)
        top = np.clip(boxes[:, 1] * scale + shift_y, 0, y1 - y0)
        bottom = np.clip((boxes[:, 1] + boxes[:, 3]) * scale + shift_y, 0, y1 - y0)
        shown = (right - left) * (bottom - top) / np.maximum(boxes[:, 2] * boxes[:, 3] * scale**2, 1e-3)
        good = (shown > 0.3) & (right - left > 4) & (bottom - top > 4)
        kept.append(np.column_stack([left + x0, top + y0, right - left, bottom - top])[good])
    return jitter_colours(rng, canvas), np.concatenate(kept)


def jitter_colours(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    """Change exposure, tint or saturation at random; sometimes make the picture grey or blurred."""
    levels = np.arange(256, dtype=np.float32) / 255
    exposed = levels ** float(np.exp(rng.normal(0, 0.22)))
    gains = (1 + rng.normal(0, 0.05, 3)) * float(np.exp(rng.normal(0, 0.15)))
    table = np.clip(exposed[:, None] * gains * 255, 0, 255).astype(np.uint8)  # (256, 3)
    picture = cv2.LUT(pixels, table.reshape(1, 256, 3))
    saturation = 0.0 if rng.random() < 0.12 else float(np.clip(rng.normal(1.0, 0.25), 0.2, 1.8))
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture = cv2.addWeighted(picture, saturation, grey, 1 - saturation, 0)
    if rng.random() < 0.15:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.2)))
    return picture


def train(model: Any, pictures: Pictures, args: argparse.Namespace) -> Any:
    """Train on each picture once, and return the running average of the weights."""
    device = torch.device(args.device)
    model = model.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model.criterion = model.init_criterion()
    average = copy.deepcopy(model).eval()
    pairs = [
        (kept, new)
        for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True)
        if kept.dtype.is_floating_point
    ]
    decay = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    plain = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 5e-4}, {"params": plain, "weight_decay": 0.0}], lr=args.lr
    )
    batches = DataLoader(
        pictures,
        args.batch,
        collate_fn=collate,
        num_workers=args.workers,
        drop_last=True,
        pin_memory=device.type == "cuda",
        worker_init_fn=lambda _: cv2.setNumThreads(1),
    )
    started, losses = time.monotonic(), []
    for step, drawn in enumerate(batches):
        share = step / len(batches)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        batch = {key: value.to(device, non_blocking=True) for key, value in drawn.items()}
        batch["img"] = batch["img"].float().div_(255).contiguous(memory_format=torch.channels_last)
        # On a processor without instructions for it, half precision is ten times slower.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            predictions = model(batch["img"])
        loss, _ = model.criterion(tree_map(_to_float, predictions), batch)
        optimizer.zero_grad()
        loss.sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        losses.append(loss.detach().sum() / args.batch)
        keep = 0.999 * (1 - np.exp(-(step + 1) / 300))
        with torch.no_grad():
            torch._foreach_lerp_([kept for kept, _ in pairs], [new for _, new in pairs], float(1 - keep))
        if (step + 1) % REPORT_EVERY == 0:
            spent = time.monotonic() - started
            print(f"{spent:5.0f} s, step {step + 1}, loss {torch.stack(losses[-REPORT_EVERY:]).mean():.3f}", flush=True)
    print(f"{len(losses)} steps of {args.batch} pictures, last loss {torch.stack(losses[-50:]).mean():.3f}", flush=True)
    return average


def _to_float(value):  # type: ignore[no-untyped-def]
    return value.float() if torch.is_tensor(value) and value.is_floating_point() else value


if __name__ == "__main__":
    main()
