"""The encoder's last lesson, telling kinds apart: `python -m models.weights.refine_encoder`. See encoder.md.

The lessons before it (train_encoder.py) say what an animal is made of. Here the sample's four known kinds and many
made-up ones are told apart, with a margin (CosFace, Wang et al., 2018), so that a kind that was never seen lies beside
all of them and not within one. The sample's intruders are in no lesson.

Only the last blocks are trained: what the first ones give is computed once for a few views of each crop and kept, which
makes a step ten times as quick on a processor.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision
from safetensors.torch import load_file

from core.sample.species import INTRUDERS, KNOWN
from models.weights.train_encoder import MEAN, SCALE, TARGET, Crops, augment, cut_squares, store
from models.weights.training_photos import invent_kinds, keep_mixed_photos

INPUT_PX = 96
FROZEN_BLOCKS = 14  # of MobileNetV2's 19
VIEWS = 4  # of each crop
SHARPNESS = 20.0  # of the softmax over cosines
MARGIN = 0.2  # that the own kind must be ahead, as a cosine
KNOWN_WEIGHT = 6.0  # a known kind is drawn as often as so many made-up ones
RATE_STEPS = 1500  # over which the rate would fall to nothing; far fewer are enough
BLEND = 0.7  # how much of the new weights: what the lessons before gave is not all forgotten
REPORT_EVERY = 100


@dataclass(frozen=True, slots=True)
class Maps:
    """What the first blocks give: maps (n, c, h, w) in half precision and the kinds (n,) that they show."""

    maps: torch.Tensor
    kinds: np.ndarray


def main() -> None:
    """Render or read what is kept, train, store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=Path, default=TARGET, help="what the lessons before left")
    parser.add_argument("--seed", type=int, default=3003)
    parser.add_argument("--kinds", type=int, default=260, help="made-up kinds of animal")
    parser.add_argument("--photos", type=int, default=1600, help="rendered photos, the detector's too")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--cache", type=Path, default=Path("data/training"), help="where photos and maps are kept")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=TARGET)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)

    names = [kind.name for kind in (*KNOWN, *invent_kinds(args.seed, args.kinds))]
    photos = keep_mixed_photos(args.cache, seed=args.seed, photos=args.photos, kinds=args.kinds)
    crops = cut_squares(photos, {name: number for number, name in enumerate(names)})
    backbone = torchvision.models.mobilenet_v2(weights=None)
    backbone.classifier = torch.nn.Identity()
    backbone.load_state_dict({key: value.float() for key, value in load_file(args.start).items()})
    print(f"{len(crops.kinds)} crops of {len(set(crops.kinds))} kinds, none of {len(INTRUDERS)} intruders", flush=True)
    backbone.to(args.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    maps = compute_maps(backbone.features[:FROZEN_BLOCKS], crops, args)
    train(backbone, maps, n_kinds=len(names), args=args)
    blend(backbone, before, share=BLEND)
    store(backbone, args.out, input_px=INPUT_PX)


def compute_maps(blocks: torch.nn.Module, crops: Crops, args: argparse.Namespace) -> Maps:
    """What the frozen blocks give for some views of each crop."""
    rng = np.random.default_rng([args.seed, 2])
    kinds = np.tile(crops.kinds, VIEWS)
    maps: list[torch.Tensor] = []
    blocks.eval()
    started = time.monotonic()
    with torch.inference_mode():
        for start in range(0, len(kinds), args.batch):
            rows = np.arange(start, min(start + args.batch, len(kinds))) % len(crops.kinds)
            views = torch.stack([augment(rng, crops.squares[row], INPUT_PX) for row in rows])
            views = ((views.float() / 255 - MEAN) / SCALE).to(args.device, memory_format=torch.channels_last)
            maps.append(blocks(views).half().cpu())
            if start // args.batch % 20 == 0:
                print(f"{time.monotonic() - started:5.0f} s, {start} of {len(kinds)} views", flush=True)
    return Maps(torch.cat(maps).clone(), kinds)


def blend(backbone: torch.nn.Module, before: dict[str, torch.Tensor], *, share: float) -> None:
    """Weights between those before and after (Wortsman et al., Robust fine-tuning, 2022); ``share`` 1 is after."""
    after = backbone.state_dict()
    backbone.load_state_dict(
        {key: before[key].lerp(value, share) if value.is_floating_point() else value for key, value in after.items()}
    )


def draw_chances(kinds: np.ndarray) -> np.ndarray:
    """With which chance each view is drawn, (n,): every kind alike, known ones more often."""
    weights = np.where(kinds < len(KNOWN), KNOWN_WEIGHT, 1.0) / np.bincount(kinds)[kinds]
    return weights / weights.sum()


def margin_loss(cosines: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """CosFace's loss of cosines (n, n_kinds) to the kinds' directions; ``wanted`` (n,) are the kinds' numbers."""
    ahead = torch.nn.functional.one_hot(wanted, cosines.shape[1]).to(cosines.dtype) * MARGIN
    return torch.nn.functional.cross_entropy(SHARPNESS * (cosines - ahead), wanted)


def train(backbone: torch.nn.Module, maps: Maps, *, n_kinds: int, args: argparse.Namespace) -> None:
    """Train the last blocks."""
    device = torch.device(args.device)
    features = backbone.features
    assert isinstance(features, torch.nn.Sequential)
    last = features[FROZEN_BLOCKS:].train()
    directions = torch.nn.Parameter(torch.randn(n_kinds, 1280, device=device) * 0.03)
    optimizer = torch.optim.AdamW([*last.parameters(), directions], lr=args.lr, weight_decay=0.05)
    chances = draw_chances(maps.kinds)
    rng = np.random.default_rng([args.seed, 3])
    started, losses, hits = time.monotonic(), [], []
    for step in range(args.steps):
        share = step / RATE_STEPS
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, (step + 1) / 50) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * share)))
        pick = rng.choice(len(maps.kinds), args.batch, p=chances)
        given = maps.maps[pick].float().to(device, memory_format=torch.channels_last)
        if rng.random() < 0.5:
            given = given.flip(3)
        wanted = torch.from_numpy(maps.kinds[pick]).to(device)
        pooled = last(given).mean(dim=(2, 3))  # (n, 1280)
        cosines = torch.nn.functional.normalize(pooled) @ torch.nn.functional.normalize(directions).T
        loss = margin_loss(cosines, wanted)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(last.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
        hits.append(float((cosines.argmax(dim=1) == wanted).float().mean()))
        if (step + 1) % REPORT_EVERY == 0:
            spent = time.monotonic() - started
            print(f"{spent:5.0f} s, step {step + 1}, loss {np.mean(losses[-REPORT_EVERY:]):.3f}, "
                  f"hits {np.mean(hits[-REPORT_EVERY:]):.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
