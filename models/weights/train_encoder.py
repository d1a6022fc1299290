"""Trains the bundled encoder: `python -m models.weights.train_encoder`. See encoder.md for the results.

It has three tasks on rendered animals: predict the traits of each, tell their kinds (invented species) apart with a
margin (CosFace, Wang et al., 2018), and bring views of one animal together (SimCLR, Chen et al., 2020). Real animals
are used for the last task only.
"""

import argparse
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision
from safetensors.torch import save_file
from torch.utils.data import DataLoader, Dataset

from core.photos.crops import cut_crop
from core.records import Box
from core.sample.species import KNOWN, Species
from models.weights.training_photos import TrainingPhoto, invent_kinds, keep_rendered, read_real_photos

HERE = Path(__file__).parent
TARGET = HERE / "encoder.safetensors"
INPUT_PX = 96
STORED_PX = 128
LEAST_CROP_PX = 20
REAL_SHARE = 0.2  # share of real animals in a batch, if there are any
KNOWN_WEIGHT = 6.0  # a known kind is drawn as often as so many invented ones
TEMPERATURE = 0.1
SHARPNESS = 20.0  # factor of the cosines in the softmax
MARGIN = 0.2  # margin of the cosine to the own kind
TRAIT_WEIGHT = 10.0
PROJECTED = 128
REPORT_EVERY = 100
SIZES = (
    "trunk",
    "chest",
    "belly",
    "rump",
    "arch",
    "hump",
    "leg",
    "foot",
    "neck",
    "neck_deg",
    "neck_base",
    "skull",
    "muzzle",
    "nose",
    "face_deg",
    "ear",
    "ear_wide",
    "ear_deg",
    "tail",
    "tail_wide",
    "tail_deg",
    "quills",
    "mane",
    "fur",
    "shag",
)
PAINT = ("coat", "back", "under", "legs", "face", "tail_tip")
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
SCALE = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@dataclass(frozen=True, slots=True)
class Crops:
    """Squares (n, px, px, 3) uint8 and their kinds (n,): numbers from 0 of the rendered kinds, -1 for real animals."""

    squares: np.ndarray
    kinds: np.ndarray


class Learner(torch.nn.Module):
    """MobileNetV2 without its classifier, with three heads that only training uses.

    The first predicts the traits of a rendered animal (see `describe_kind`), the second its cosine to the direction of
    each kind, and the third is SimCLR's projection.
    """

    def __init__(self, n_traits: int, n_kinds: int) -> None:
        super().__init__()
        self.backbone = torchvision.models.mobilenet_v2(weights=None)
        self.backbone.classifier = torch.nn.Identity()
        self.traits = torch.nn.Linear(1280, n_traits)
        self.directions = torch.nn.Parameter(torch.randn(n_kinds, 1280) * 0.03)
        self.projection = torch.nn.Linear(1280, PROJECTED, bias=False)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Traits (n, n_traits), cosines (n, n_kinds) and unit vectors (n, 128) of pictures (n, 3, px, px)."""
        pooled = self.backbone(pictures)  # (n, 1280)
        normalize = torch.nn.functional.normalize
        cosines = normalize(pooled.float()) @ normalize(self.directions).T
        return self.traits(pooled).float(), cosines, normalize(self.projection(pooled).float(), dim=1)


def describe_kind(kind: Species) -> np.ndarray:
    """The visible traits of a kind as numbers, (n_traits,): proportions, colours, pattern, horns."""
    choices = [
        *(float(kind.plan == plan) for plan in ("bird",)),
        *(float(kind.pattern == pattern) for pattern in ("spots", "stripes", "patches")),
        *(float(kind.horns == horns) for horns in ("antlers", "curved", "spikes")),
        float(kind.tusks),
    ]
    sizes = [getattr(kind, name) for name in SIZES]
    paint = [value for name in PAINT for value in getattr(kind, name)]
    marks = list(kind.marks) if kind.pattern else [0.5, 0.5, 0.5]
    return np.array([*choices, *sizes, *paint, *marks], np.float32)


def describe_kinds(kinds: Sequence[Species]) -> np.ndarray:
    """The traits of each kind, standardised by column, (n_kinds, n_traits)."""
    rows = np.stack([describe_kind(kind) for kind in kinds])
    return (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-3)


def main() -> None:
    """Render, train, store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few crops and steps, to see that it runs")
    parser.add_argument("--seed", type=int, default=4004)
    parser.add_argument("--kinds", type=int, default=600, help="made-up kinds of animal")
    parser.add_argument("--photos", type=int, default=8000, help="rendered photos, the detector's too")
    parser.add_argument("--wildlife", type=Path, default=Path("../shared/data/wildlife"), help="lions and elephants")
    parser.add_argument("--steps", type=int, default=6000, help="number of training batches")
    parser.add_argument("--batch", type=int, default=128, help="animals, each seen twice")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--margin-weight", type=float, default=1.0, help="of telling the kinds apart")
    parser.add_argument("--cache", type=Path, default=Path("data/training"), help="where rendered photos are kept")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that draw views")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=TARGET)
    args = parser.parse_args()
    if args.quick:
        args.photos, args.steps, args.kinds, args.batch = 48, 3, 12, 8
    torch.manual_seed(args.seed)
    torch.set_flush_denormal(True)

    started = time.monotonic()
    kinds = (*KNOWN, *invent_kinds(args.seed, args.kinds))
    photos = keep_rendered(args.cache, seed=args.seed, photos=args.photos, kinds=args.kinds)
    rendered = cut_squares(photos, {kind.name: number for number, kind in enumerate(kinds)})
    real = cut_squares(read_real_photos(args.wildlife, longest_px=512), {})
    print(
        f"{len(rendered.kinds)} rendered crops of {len(set(rendered.kinds))} kinds (no intruder among them) "
        f"and {len(real.kinds)} real crops in {time.monotonic() - started:.0f} s",
        flush=True,
    )
    if not len(real.kinds):
        print(f"No photos in {args.wildlife}: training on rendered crops only.", flush=True)
    traits = describe_kinds(kinds)
    learner = Learner(traits.shape[1], len(kinds))
    train(learner, Views(rendered, real, seed=args.seed, count=args.steps * args.batch), traits, args)
    store(learner.backbone, args.out)


def cut_squares(photos, numbers: dict[str, int]) -> Crops:  # type: ignore[no-untyped-def]
    """Cut squares as the pipeline does, with a little more around them for the augmentation."""
    squares, kinds = [], []
    photo: TrainingPhoto
    for photo in photos:
        pixels = photo.pixels()
        for box, kind in zip(photo.boxes, photo.kinds, strict=True):
            if min(box[2], box[3]) < LEAST_CROP_PX:
                continue
            crop = cut_crop(pixels, Box(*(float(value) for value in box)), margin=0.12)
            squares.append(cv2.resize(crop, (STORED_PX, STORED_PX), interpolation=cv2.INTER_AREA))
            kinds.append(numbers.get(kind, -1))
    if not squares:
        return Crops(np.empty((0, STORED_PX, STORED_PX, 3), np.uint8), np.empty(0, int))
    return Crops(np.stack(squares), np.array(kinds))


def draw_chances(kinds: np.ndarray) -> np.ndarray:
    """The probability of each crop to be drawn, (n,): equal for all kinds, but higher for known ones."""
    weights = np.where(kinds < len(KNOWN), KNOWN_WEIGHT, 1.0) / np.bincount(kinds)[kinds]
    return weights / weights.sum()


class Views(Dataset):
    """Two views of each animal, in training order. They do not depend on the number of processes that draw them."""

    def __init__(self, rendered: Crops, real: Crops, *, seed: int, count: int) -> None:
        rng = np.random.default_rng([seed, 5])
        rows = rng.choice(len(rendered.kinds), count, p=draw_chances(rendered.kinds))
        is_real = (rng.random(count) < REAL_SHARE) & (len(real.kinds) > 0)
        self._rows = np.where(is_real, rng.integers(max(len(real.kinds), 1), size=count), rows)
        self._is_real, self._rendered, self._real, self._seed = is_real, rendered, real, seed

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        """Two views, uint8 (2, 3, px, px), and the animal's kind, -1 for a real one."""
        rng = np.random.default_rng([self._seed, 6, number])
        crops = self._real if self._is_real[number] else self._rendered
        row = self._rows[number]
        return torch.stack([augment(rng, crops.squares[row], INPUT_PX) for _ in range(2)]), int(crops.kinds[row])


def train(learner: Learner, views: Views, traits: np.ndarray, args: argparse.Namespace) -> None:
    """Train on all animals in order."""
    device = torch.device(args.device)
    learner.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(learner.parameters(), lr=args.lr, weight_decay=0.02)
    mean, scale, wanted = MEAN.to(device), SCALE.to(device), torch.from_numpy(traits).to(device)
    batches = DataLoader(
        views,
        args.batch,
        num_workers=args.workers,
        drop_last=True,
        pin_memory=device.type == "cuda",
        worker_init_fn=lambda _: cv2.setNumThreads(1),
    )
    started, losses = time.monotonic(), []
    for step, (pairs, numbers) in enumerate(batches):
        share = step / len(batches)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        pictures = pairs.to(device, non_blocking=True).transpose(0, 1).flatten(0, 1)  # all first views, all second ones
        pictures = ((pictures.float() / 255 - mean) / scale).contiguous(memory_format=torch.channels_last)
        kinds = numbers.to(device).repeat(2)
        # On a processor without instructions for it, half precision is ten times slower.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            told, cosines, vectors = learner(pictures)
        drawn = kinds >= 0
        trait_loss = torch.nn.functional.smooth_l1_loss(told[drawn], wanted[kinds[drawn]])
        kind_loss = margin_loss(cosines[drawn], kinds[drawn])
        view_loss = nt_xent(vectors, kinds)
        optimizer.zero_grad()
        (TRAIT_WEIGHT * trait_loss + args.margin_weight * kind_loss + view_loss).backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 5.0)
        optimizer.step()
        hits = (cosines[drawn].detach().argmax(dim=1) == kinds[drawn]).float().mean()
        losses.append(torch.stack([trait_loss.detach(), kind_loss.detach(), view_loss.detach(), hits]))
        if (step + 1) % REPORT_EVERY == 0:
            trait, kind, view, hit = torch.stack(losses[-REPORT_EVERY:]).mean(dim=0).tolist()
            print(
                f"{time.monotonic() - started:5.0f} s, step {step + 1}, traits {trait:.3f}, kinds {kind:.3f} "
                f"(right {hit:.2f}), views {view:.3f}",
                flush=True,
            )
    print(f"{len(losses)} steps of {args.batch} animals", flush=True)


def margin_loss(cosines: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """CosFace's loss of cosines (n, n_kinds) to the kinds' directions; ``wanted`` (n,) are the kinds' numbers."""
    ahead = torch.nn.functional.one_hot(wanted, cosines.shape[1]).to(cosines.dtype) * MARGIN
    return torch.nn.functional.cross_entropy(SHARPNESS * (cosines - ahead), wanted)


def nt_xent(vectors: torch.Tensor, kinds: torch.Tensor, *, temperature: float = TEMPERATURE) -> torch.Tensor:
    """NT-Xent of SimCLR (Chen et al., 2020) over two halves of views; others of the same known kind are left out.

    ``vectors`` (2n, d) of length 1: view i and view i + n show the same animal. ``kinds`` (2n,): -1 is like no other.
    """
    half = len(vectors) // 2
    likeness = vectors @ vectors.T / temperature  # (2n, 2n)
    partner = torch.arange(2 * half, device=vectors.device).roll(half)
    same = (kinds[:, None] == kinds[None, :]) & (kinds[:, None] >= 0)
    same[torch.arange(2 * half, device=vectors.device), partner] = False
    same.fill_diagonal_(True)
    return torch.nn.functional.cross_entropy(likeness.masked_fill(same, -1e4), partner)


def augment(rng: np.random.Generator, square: np.ndarray, size_px: int) -> torch.Tensor:
    """One view, uint8 (3, px, px): another cut, flip, light and sharpness. Colours stay: they tell kinds apart."""
    side = len(square)
    wide, tall = rng.uniform(0.8, 1.0, 2) * side
    x, y = rng.uniform(0, side - wide), rng.uniform(0, side - tall)
    view = square[int(y) : int(y + tall), int(x) : int(x + wide)]
    # Blurred like the enlarged crop of a small, far animal.
    coarse = int(rng.uniform(0.35, 1.0) * size_px) if rng.random() < 0.35 else size_px
    view = cv2.resize(view, (coarse, coarse), interpolation=cv2.INTER_AREA)
    if coarse != size_px:
        view = cv2.resize(view, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        view = view[:, ::-1]
    picture = view.astype(np.float32)
    grey = picture.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.15 else float(rng.uniform(0.7, 1.3))
    contrast = float(rng.uniform(0.75, 1.3))
    middle = float(picture.mean())
    picture = grey + (picture - grey) * saturation
    picture = (picture - middle) * contrast + middle * float(rng.uniform(0.75, 1.3))
    picture *= rng.uniform(0.95, 1.05, 3).astype(np.float32)
    picture += rng.standard_normal(picture.shape, dtype=np.float32) * float(rng.uniform(0, 6))
    return torch.from_numpy(np.ascontiguousarray(np.clip(picture, 0, 255).astype(np.uint8).transpose(2, 0, 1)))


def store(backbone: torch.nn.Module, target: Path, *, input_px: int = INPUT_PX) -> None:
    """The weights in half precision with torchvision's names, without the classifier."""
    state = {
        key: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for key, value in backbone.state_dict().items()
        if not key.startswith("classifier")
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    save_file(state, part, metadata={"backbone": "mobilenet_v2", "input_px": str(input_px)})
    os.replace(part, target)
    print(f"{target} {target.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main()
