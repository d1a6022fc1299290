"""The encoder's second lesson, telling kinds apart: `python -m models.weights.refine_encoder`. See encoder.md.

The first lesson (train_encoder.py) says what an animal is made of; alone it groups crops by their background as much as
by their animal. Here the invented kinds and the sample's known ones, in sceneries of other seeds, are told apart with a
cosine classifier. The sample's intruders are in neither lesson.
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
from models.weights.train_encoder import MEAN, SCALE, STORED_PX, TARGET, Crops, augment, cut_squares, store
from models.weights.training_photos import TrainingPhoto, invent_kinds, keep_photos, render_photos

INPUT_PX = 96
KNOWN_SHARE = 0.4  # of a batch; the rest are invented kinds
SHARPNESS = 16.0  # of the softmax over cosines
SMOOTHING = 0.1


def main() -> None:
    """Render or read what is kept, train, store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=Path, default=TARGET, help="what the first lesson left")
    parser.add_argument("--seed", type=int, default=2002)
    parser.add_argument("--kinds", type=int, default=160)
    parser.add_argument("--photos", type=int, default=3600, help="of invented kinds, as in the first lesson")
    parser.add_argument("--known-seeds", type=int, nargs="+", default=[1001, 1002])
    parser.add_argument("--known-photos", type=int, nargs="+", default=[1800, 2000])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--cache", type=Path, default=Path("data/training"))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, default=TARGET)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)

    kinds = invent_kinds(args.seed, args.kinds)
    invented = cut_squares(
        keep_photos(
            args.cache / f"encoder-{args.seed}-{args.photos}-{args.kinds}.npz",
            lambda: render_photos(args.seed, args.photos, size_px=(320, 240), species=kinds, close=True),
        ),
        {kind.name: number for number, kind in enumerate(kinds, start=len(KNOWN))},
    )
    numbers = {kind.name: number for number, kind in enumerate(KNOWN)}
    known_photos: list[TrainingPhoto] = []
    for seed, photos in zip(args.known_seeds, args.known_photos, strict=True):
        known_photos += keep_photos(
            args.cache / f"detector-{seed}-{photos}.npz",
            lambda seed=seed, photos=photos: render_photos(seed, photos, size_px=(400, 300)),  # type: ignore[misc]
        )
    known = _only_known(cut_squares(known_photos, numbers))
    backbone = torchvision.models.mobilenet_v2(weights=None)
    backbone.classifier = torch.nn.Identity()
    backbone.load_state_dict({key: value.float() for key, value in load_file(args.start).items()})
    print(f"{len(known.kinds)} known and {len(invented.kinds)} invented crops, none of {len(INTRUDERS)} intruders")
    train(backbone, known, invented, n_kinds=len(KNOWN) + args.kinds, args=args)


def _only_known(crops: Crops) -> Crops:
    known = crops.kinds >= 0
    return Crops(crops.squares[known].reshape(-1, STORED_PX, STORED_PX, 3), crops.kinds[known])


def train(backbone: torch.nn.Module, known: Crops, invented: Crops, *, n_kinds: int, args: argparse.Namespace) -> None:
    """Cross entropy over the cosines of embeddings (n, 1280) and one direction a kind (n_kinds, 1280)."""
    rng = np.random.default_rng(args.seed + 2)
    device = torch.device(args.device)
    backbone.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    directions = torch.nn.Parameter(torch.randn(n_kinds, 1280, device=device) * 0.03)
    optimizer = torch.optim.AdamW([*backbone.parameters(), directions], lr=args.lr, weight_decay=0.02)
    n_known = round(KNOWN_SHARE * args.batch)
    started, losses, hits = time.monotonic(), [], []
    for step in range(args.steps):
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * step / args.steps))
        of_known = rng.integers(len(known.kinds), size=n_known)
        of_invented = rng.integers(len(invented.kinds), size=args.batch - n_known)
        squares = [*known.squares[of_known], *invented.squares[of_invented]]
        wanted = torch.from_numpy(np.concatenate([known.kinds[of_known], invented.kinds[of_invented]])).to(device)
        views = torch.stack([augment(rng, square, INPUT_PX) for square in squares])
        views = ((views.float() / 255 - MEAN) / SCALE).to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            pooled = backbone(views).float()  # (n, 1280)
        cosines = torch.nn.functional.normalize(pooled) @ torch.nn.functional.normalize(directions).T
        loss = torch.nn.functional.cross_entropy(SHARPNESS * cosines, wanted, label_smoothing=SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(backbone.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
        hits.append(float((cosines[:n_known].argmax(dim=1) == wanted[:n_known]).float().mean()))
        if (step + 1) % 50 == 0:
            spent = time.monotonic() - started
            loss_shown, hit_shown = np.mean(losses[-50:]), np.mean(hits[-50:])
            print(f"{spent:5.0f} s, step {step + 1}, loss {loss_shown:.3f}, known hits {hit_shown:.2f}", flush=True)
            store(backbone, args.out)
    store(backbone, args.out)


if __name__ == "__main__":
    main()
