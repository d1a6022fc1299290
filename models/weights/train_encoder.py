"""Train the bundled encoder: `python -m models.weights.train_encoder`. See encoder.md for what came of it."""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torchvision
from safetensors.torch import load_file, save_file

from core.crops import cut_crop
from core.records import Box
from core.sample.species import Species
from models.device import cpu_has_bf16
from models.weights.training_photos import TrainingPhoto, invent_kinds, keep_photos, read_real_photos, render_photos

HERE = Path(__file__).parent
TARGET = HERE / "encoder.safetensors"
INPUT_PX = 128
STAGES = ((0.5, 64), (0.9, 96), (1.0, INPUT_PX))  # until which share of the steps, at which size
STORED_PX = 160
LEAST_CROP_PX = 24
TEMPERATURE = 0.1
TRAIT_WEIGHT = 10.0
PROJECTED = 128
SIZES = (
    "trunk", "chest", "belly", "rump", "arch", "hump", "leg", "foot", "neck", "neck_deg", "neck_base", "skull",
    "muzzle", "nose", "face_deg", "ear", "ear_wide", "ear_deg", "tail", "tail_wide", "tail_deg", "quills", "mane",
    "fur", "shag",
)  # fmt: skip
PAINT = ("coat", "back", "under", "legs", "face", "tail_tip")
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
SCALE = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@dataclass(frozen=True, slots=True)
class Crops:
    """Squares (n, px, px, 3) uint8 and their kinds (n,): numbers from 0 of the rendered kinds, -1 for real animals."""

    squares: np.ndarray
    kinds: np.ndarray


class Learner(torch.nn.Module):
    """MobileNetV2 without its classifier, with two heads that only training uses.

    One tells what the rendered animal is made of (see `describe_kind`), the other is SimCLR's projection.
    """

    def __init__(self, n_traits: int) -> None:
        super().__init__()
        self.backbone = torchvision.models.mobilenet_v2(weights=None)
        self.backbone.classifier = torch.nn.Identity()
        self.traits = torch.nn.Linear(1280, n_traits)
        self.projection = torch.nn.Linear(1280, PROJECTED, bias=False)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Traits (n, n_traits) and unit vectors (n, 128) of pictures (n, 3, px, px)."""
        pooled = self.backbone(pictures).float()  # (n, 1280)
        return self.traits(pooled), torch.nn.functional.normalize(self.projection(pooled), dim=1)


def describe_kind(kind: Species) -> np.ndarray:
    """What can be seen of a kind as numbers, (n_traits,): proportions, colours, pattern, horns."""
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
    """A row a kind, each column with mean 0 and deviation 1, (n_kinds, n_traits)."""
    rows = np.stack([describe_kind(kind) for kind in kinds])
    return (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-3)


def main() -> None:
    """Render, train, store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few crops and steps, to see that it runs")
    parser.add_argument("--seed", type=int, default=2002)
    parser.add_argument("--kinds", type=int, default=200, help="made-up kinds of animal")
    parser.add_argument("--photos", type=int, default=4500, help="rendered photos")
    parser.add_argument("--wildlife", type=Path, default=Path("../shared/data/wildlife"), help="lions and elephants")
    parser.add_argument("--steps", type=int, default=1600, help="batches that are learnt from")
    parser.add_argument("--cache", type=Path, default=Path("data/training"), help="where rendered photos are kept")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--start", type=Path, help="an encoder.safetensors of an earlier training to go on from")
    parser.add_argument("--out", type=Path, default=TARGET)
    args = parser.parse_args()
    if args.quick:
        args.photos, args.steps, args.kinds = 48, 3, 12
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)

    started = time.monotonic()
    kinds = invent_kinds(args.seed, args.kinds)
    numbers = {kind.name: number for number, kind in enumerate(kinds)}
    photos = keep_photos(
        args.cache / f"encoder-{args.seed}-{args.photos}-{args.kinds}.npz",
        lambda: render_photos(args.seed, args.photos, size_px=(320, 240), species=kinds, close=True),
    )
    rendered = cut_squares(photos, numbers)
    real = cut_squares(read_real_photos(args.wildlife, longest_px=512), {})
    spent = time.monotonic() - started
    print(f"{len(rendered.kinds)} rendered and {len(real.kinds)} real crops in {spent:.0f} s", flush=True)
    if not len(real.kinds):
        print(f"No photos in {args.wildlife}: training on rendered crops only.", flush=True)
    traits = describe_kinds(kinds)
    learner = Learner(traits.shape[1])
    if args.start:
        learner.backbone.load_state_dict({key: value.float() for key, value in load_file(args.start).items()})
    for _ in train(learner, rendered, real, traits, args):
        store(learner.backbone, args.out)  # now and then, so that a training that is stopped was not for nothing
    store(learner.backbone, args.out)


def cut_squares(photos, numbers: dict[str, int]) -> Crops:  # type: ignore[no-untyped-def]
    """Cut as the pipeline cuts: squashed into squares, with a little more around for the augmentation to take from."""
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


def train(
    learner: Learner, rendered: Crops, real: Crops, traits: np.ndarray, args: argparse.Namespace
) -> Iterator[int]:
    """Rendered animals are described; views of one animal, real or rendered, are drawn together.

    Gives the number of steps done, each hundred of them.
    """
    rng = np.random.default_rng(args.seed + 1)
    device = torch.device(args.device)
    learner.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(learner.parameters(), lr=args.lr, weight_decay=0.02)
    started = time.monotonic()
    wanted = torch.from_numpy(traits).to(device)
    trait_losses, view_losses = [], []
    for step in range(args.steps):
        share = step / args.steps
        rate = args.lr * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        # Small pictures first: more of them a second.
        size_px = next(px for until, px in STAGES if share < until)
        n_real = args.batch // 4 if len(real.kinds) else 0
        pick = rng.integers(len(rendered.kinds), size=args.batch // 2 - n_real)
        chosen = [rendered.squares[i] for i in pick] + [
            real.squares[i] for i in rng.integers(max(len(real.kinds), 1), size=n_real)
        ]
        views = torch.stack([augment(rng, square, size_px) for _ in range(2) for square in chosen])
        views = ((views.float() / 255 - MEAN) / SCALE).to(device, memory_format=torch.channels_last)
        kinds = torch.from_numpy(np.concatenate([rendered.kinds[pick], np.full(n_real, -1)])).repeat(2).to(device)
        # On a CPU half precision pays only for the larger pictures.
        halves = device.type == "cuda" or (size_px >= INPUT_PX and cpu_has_bf16())
        with torch.autocast(device.type, torch.bfloat16, enabled=halves):
            told, vectors = learner(views)
        known = kinds >= 0
        trait_loss = torch.nn.functional.smooth_l1_loss(told[known].float(), wanted[kinds[known]])
        view_loss = nt_xent(vectors.float(), kinds)
        optimizer.zero_grad()
        (TRAIT_WEIGHT * trait_loss + view_loss).backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 5.0)
        optimizer.step()
        trait_losses.append(trait_loss.item())
        view_losses.append(view_loss.item())
        if (step + 1) % 100 == 0:
            spent = time.monotonic() - started
            trait, view = (np.mean(figures[-100:]) for figures in (trait_losses, view_losses))
            print(f"{spent:5.0f} s, step {step + 1}, traits {trait:.3f}, views {view:.3f}", flush=True)
            yield step + 1
    print(f"{args.steps} steps of {args.batch} views", flush=True)


def nt_xent(vectors: torch.Tensor, kinds: torch.Tensor, *, temperature: float = TEMPERATURE) -> torch.Tensor:
    """NT-Xent of SimCLR (Chen et al., 2020) over two halves of views; others of the same known kind are left out.

    ``vectors`` (2n, d) of length 1: view i and view i + n show the same animal. ``kinds`` (2n,): -1 is like no other.
    """
    half = len(vectors) // 2
    likeness = vectors @ vectors.T / temperature  # (2n, 2n)
    partner = torch.arange(2 * half, device=vectors.device).roll(half)
    same = (kinds[:, None] == kinds[None, :]) & (kinds[:, None] >= 0)
    same[torch.arange(2 * half), partner] = False
    same.fill_diagonal_(True)
    return torch.nn.functional.cross_entropy(likeness.masked_fill(same, -1e4), partner)


def augment(rng: np.random.Generator, square: np.ndarray, size_px: int) -> torch.Tensor:
    """One view, uint8 (3, px, px): another cut, flip, light and sharpness. Colours stay: they tell kinds apart."""
    side = len(square)
    wide, tall = rng.uniform(0.8, 1.0, 2) * side
    x, y = rng.uniform(0, side - wide), rng.uniform(0, side - tall)
    view = square[int(y) : int(y + tall), int(x) : int(x + wide)]
    # As coarse as the crop of a small, far animal.
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
    """Half precision, torchvision's own names, no classifier."""
    state = {
        key: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for key, value in backbone.state_dict().items() if not key.startswith("classifier")
    }  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    save_file(state, part, metadata={"backbone": "mobilenet_v2", "input_px": str(input_px)})
    os.replace(part, target)
    print(f"{target} {target.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main()
