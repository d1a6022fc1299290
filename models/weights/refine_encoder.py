"""The encoder's second lesson, telling kinds apart: `python -m models.weights.refine_encoder`. See encoder.md.

The first lesson (train_encoder.py) says what an animal is made of; alone it groups crops by their background as much as
by their animal. Here the sample's four known kinds and many made-up ones are told apart, each kind as often as any
other, with a margin (CosFace, Wang et al., 2018), so that a kind that was never seen lies beside all of them and not
within one. The sample's intruders are in neither lesson.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
import torchvision
from safetensors.torch import load_file

from core.sample.species import INTRUDERS, KNOWN
from models.weights.train_encoder import MEAN, SCALE, TARGET, Crops, augment, cut_squares, store
from models.weights.training_photos import invent_kinds, keep_mixed_photos

INPUT_PX = 96
STAGES = ((0.6, 64), (1.0, INPUT_PX))  # until which share of the steps, at which size: small pictures are quick
SHARPNESS = 20.0  # of the softmax over cosines
MARGIN = 0.2  # that the own kind must be ahead, as a cosine
KNOWN_WEIGHT = 4.0  # a known kind is drawn as often as so many made-up ones
KEEP_EVERY = 25


def main() -> None:
    """Render or read what is kept, train, store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=Path, default=TARGET, help="what the first lesson left")
    parser.add_argument("--seed", type=int, default=3003)
    parser.add_argument("--kinds", type=int, default=260, help="made-up kinds of animal")
    parser.add_argument("--photos", type=int, default=1600, help="rendered photos, the detector's too")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--cache", type=Path, default=Path("data/training"), help="photos, and how far a training is")
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
    train(backbone, crops, n_kinds=len(names), args=args)


def draw_chances(kinds: np.ndarray) -> np.ndarray:
    """With which chance each crop is drawn, (n,): every kind alike, known ones more often."""
    weights = np.where(kinds < len(KNOWN), KNOWN_WEIGHT, 1.0) / np.bincount(kinds)[kinds]
    return weights / weights.sum()


def margin_loss(cosines: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """CosFace's loss of cosines (n, n_kinds) to the kinds' directions; ``wanted`` (n,) are the kinds' numbers."""
    ahead = torch.nn.functional.one_hot(wanted, cosines.shape[1]).to(cosines.dtype) * MARGIN
    return torch.nn.functional.cross_entropy(SHARPNESS * (cosines - ahead), wanted)


def train(backbone: torch.nn.Module, crops: Crops, *, n_kinds: int, args: argparse.Namespace) -> None:
    """Learn; how far it is lies in the cache, so that a training that was stopped goes on from there."""
    device = torch.device(args.device)
    backbone.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    directions = torch.nn.Parameter(torch.randn(n_kinds, 1280, device=device) * 0.03)
    optimizer = torch.optim.AdamW([*backbone.parameters(), directions], lr=args.lr, weight_decay=0.02)
    kept = args.cache / f"refine-encoder-{args.seed}-{args.photos}-{args.kinds}-{args.steps}.pt"
    first = 0
    if kept.is_file():
        state = torch.load(kept, weights_only=True)
        backbone.load_state_dict(state["backbone"])
        directions.data.copy_(state["directions"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    chances = draw_chances(crops.kinds)
    started, losses, hits = time.monotonic(), [], []
    for step in range(first, args.steps):
        rng = np.random.default_rng([args.seed, 2, step])
        share = step / args.steps
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share)))
        size_px = next(px for until, px in STAGES if share < until)
        pick = rng.choice(len(crops.kinds), args.batch, p=chances)
        views = torch.stack([augment(rng, crops.squares[i], size_px) for i in pick])
        views = ((views.float() / 255 - MEAN) / SCALE).to(device, memory_format=torch.channels_last)
        wanted = torch.from_numpy(crops.kinds[pick]).to(device)
        # In half precision a CPU without its own instructions for it is ten times slower.
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            pooled = backbone(views).float()  # (n, 1280)
        cosines = torch.nn.functional.normalize(pooled) @ torch.nn.functional.normalize(directions).T
        loss = margin_loss(cosines, wanted)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(backbone.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
        hits.append(float((cosines.argmax(dim=1) == wanted).float().mean()))
        if (step + 1) % KEEP_EVERY == 0 or step + 1 == args.steps:
            spent = time.monotonic() - started
            print(
                f"{spent:5.0f} s, step {step + 1} at {size_px} px, loss {np.mean(losses[-KEEP_EVERY:]):.3f}, "
                f"hits {np.mean(hits[-KEEP_EVERY:]):.2f}", flush=True)  # fmt: skip
            part = kept.with_suffix(".part")
            torch.save({"backbone": backbone.state_dict(), "directions": directions.data,
                        "optimizer": optimizer.state_dict(), "step": step + 1}, part)  # fmt: skip
            os.replace(part, kept)
    store(backbone, args.out, input_px=INPUT_PX)


if __name__ == "__main__":
    main()
