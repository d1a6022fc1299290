"""Measures how many crops per second an encoder is trained on: ours beside lightly's SimCLR, in turn in one process.

    python bench/training.py [--device cuda] [--networks mobilenet_v2 ...] [--data FOLDER] [--quick] [--json]

Both: the same network from scratch, head, temperature, optimizer, batch and size, on the same crops, with the same
strength of augmentation. lightly as its guide shows it: crops as JPEG files, `SimCLRTransform`, a `DataLoader`; with
and without worker processes, on a GPU with and without bfloat16, and what is fastest counts. Needs ../shared/data and
lightly (requirements-dev.txt).
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402  (the project must be on the path first)
import torchvision  # noqa: E402

from bench.targets import Target, at_least, report  # noqa: E402
from core.errors import AnomalureError  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.labels.crops import LabelledCrops, choose_split, read_labelled_crops  # noqa: E402
from core.photos.crops import encode_jpeg  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from core.settings.training import TrainingSettings  # noqa: E402
from models.contrastive.crops import EncoderCrops  # noqa: E402
from models.contrastive.training import Trainer  # noqa: E402
from models.encoders.spec import EncoderSpec  # noqa: E402
from models.engines.device import choose_device  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
IMAGE_PX = 128
SAVED_PX = 320  # as the pages keep crops; most of these are smaller
AT_LEAST = 1.0
NETWORKS = ("mobilenet_v2", "resnet18", "resnet50")
WORKERS = {"cpu": (0, 2), "cuda": (8, 12)}
BATCHES = {"cpu": (32,), "cuda": (64,)}
N_STEPS = 100_000  # more than are ever taken
WARM_STEPS = 3
FETCHED_AHEAD = 2  # batches a worker, torch's own default


class LightlySimClr:
    """lightly's SimCLR, as its guide builds it."""

    def __init__(
        self,
        folder: Path,
        settings: TrainingSettings,
        *,
        backbone: str,
        workers: int,
        device: torch.device,
        halved: bool = False,
    ) -> None:
        from lightly.data import LightlyDataset
        from lightly.loss import NTXentLoss
        from lightly.models.modules import SimCLRProjectionHead
        from lightly.transforms.simclr_transform import SimCLRTransform

        transform = SimCLRTransform(
            input_size=settings.image_px,
            cj_strength=settings.colour_strength,
            min_scale=settings.smallest_cut,
            random_gray_scale=settings.grey_share,
            gaussian_blur=settings.blur_share,
        )
        dataset = LightlyDataset(str(folder), transform=transform)
        # One endless epoch, so that the workers are not started again every few batches.
        order = torch.utils.data.RandomSampler(dataset, num_samples=N_STEPS * settings.batch_crops)
        self._loader = torch.utils.data.DataLoader(
            dataset,
            batch_size=settings.batch_crops,
            sampler=order,
            drop_last=True,
            num_workers=workers,
            prefetch_factor=FETCHED_AHEAD if workers else None,
            pin_memory=device.type == "cuda",
        )
        self.fetched_ahead = FETCHED_AHEAD * workers
        self._device, self._halved = device, halved
        network = torchvision.models.get_model(backbone, weights=None)
        length = _take_head_off(network)
        head = SimCLRProjectionHead(length, settings.projection_hidden, settings.projection_size)
        self._model = torch.nn.Sequential(network, head).train().to(device)
        self._criterion = NTXentLoss(temperature=settings.temperature)
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=settings.learning_rate)
        self._batches: Iterator[Any] = iter(())

    def prepare(self) -> None:
        """Start the workers and let them fetch, before the clock runs."""
        self._batches = iter(self._loader)

    def rest(self) -> None:
        """End the workers, which would otherwise fetch ahead while the other side is timed."""
        self._batches = iter(())

    def step(self) -> None:
        """Train on one batch."""
        batch = next(self._batches, None)
        if batch is None:
            self.prepare()
            batch = next(self._batches)
        first, second = (views.to(self._device, non_blocking=True) for views in batch[0])
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._halved):
            loss = self._criterion(self._model(first), self._model(second))
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad()


class OurSimClr:
    """The training that the Train page and `cli.py train --method simclr` do."""

    fetched_ahead = 0

    def __init__(
        self, crops: EncoderCrops, folder: Path, settings: TrainingSettings, *, backbone: str, device: torch.device
    ) -> None:
        start = EncoderSpec(backbone=backbone, weights="none", input_px=settings.image_px)
        self._trainer = Trainer(crops, folder, start=start, method="simclr", settings=settings, device=device)
        self._trainer.restore()
        self._trainer.learner.train()
        self._at = 0
        self._batches: list[Any] = []

    @property
    def precision(self) -> str:
        """The precision that a trial found to be faster here."""
        return self._trainer.precision

    def prepare(self) -> None:
        """Nothing to do: there are no workers."""

    def rest(self) -> None:
        """Nothing to do either."""

    def step(self) -> None:
        """Train on one batch."""
        if not self._batches:
            self._batches = self._trainer.sampler.deal_epoch(self._at)
        self._trainer.take_step(self._batches.pop(), at=self._at, n_steps=N_STEPS)
        self._at += 1


def _take_head_off(network: torch.nn.Module) -> int:
    """Make a torchvision classifier return features; gives their length."""
    name = "fc" if hasattr(network, "fc") else "classifier"
    head = getattr(network, name)
    last = head[-1] if isinstance(head, torch.nn.Sequential) else head
    setattr(network, name, torch.nn.Identity())
    return int(last.in_features)  # type: ignore[arg-type]


def write_crops(data: Path, folder: Path, settings: TrainingSettings, *, most: int) -> tuple[EncoderCrops, float]:
    """The crops of the train split, as JPEGs for lightly and as bytes for us; and our crops per second, once."""
    cut, images = LabelledCrops(), data / "wildlife" / "images"
    photos = choose_split(read_labels(data / "wildlife" / "annotations.json"), "train")
    photos = [photo for photo in photos if any(label.box is not None for label in photo.labels)]
    photos = [photo for photo in photos if (images / photo.file_name).is_file()]
    step = max(1, len(photos) // most)
    pictures = []
    folder.mkdir()
    for pixels in read_labelled_crops(photos[::step][:most], images, settings=RunSettings(), into=cut):
        pictures.append(pixels.copy())
        (folder / f"{len(pictures):05d}.jpg").write_bytes(encode_jpeg(pixels, longest_px=SAVED_PX))
    began = time.perf_counter()
    crops = EncoderCrops.of(pictures, cut.species, list(cut.groups(gap_s=60.0)), image_px=settings.image_px)
    return crops, len(pictures) / (time.perf_counter() - began)


def take_turns(
    parts: dict[str, Any], *, turns: int, steps: int, least_s: float, batch: int, device: torch.device
) -> dict[str, list[float]]:
    """Crops per second of each part in each turn; the first step of each, which sets things up, is not counted.

    At least ``steps``, and as many as take ``least_s``. On a GPU, where a step takes milliseconds, each turn begins
    with some steps that are not counted, which also use up what workers fetched before the clock ran.
    """
    rates: dict[str, list[float]] = {name: [] for name in parts}
    on_gpu = device.type == "cuda"
    for part in parts.values() if not on_gpu else ():
        part.prepare()
        part.step()
        part.rest()
    for _ in range(turns):
        for name, part in parts.items():
            part.prepare()
            for _ in range(WARM_STEPS + part.fetched_ahead if on_gpu else 0):
                part.step()
            rates[name].append(batch * _count_steps(part, steps=steps, least_s=least_s, device=device))
            part.rest()
    return rates


def _count_steps(part: Any, *, steps: int, least_s: float, device: torch.device) -> float:
    """Steps per second; on a GPU the clock stops when the GPU has finished."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    began, done = time.perf_counter(), 0
    while done < steps or time.perf_counter() - began < least_s:
        for _ in range(steps):
            part.step()
        done += steps
        wait()
    return done / (time.perf_counter() - began)


def measure(data: Path, *, quick: bool, device: torch.device, networks: Sequence[str]) -> dict[str, Any]:
    """One row per network and batch size: crops per second, medians over the turns."""
    turns, steps, least_s = (2, 2, 0.0) if quick else (3, 3, 0.0)
    if device.type == "cuda":
        turns, steps, least_s = (2, 3, 0.3) if quick else (2, 10, 1.0)
    batches: tuple[int, ...] = (16,) if quick else BATCHES[device.type]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = TrainingSettings(image_px=IMAGE_PX, batch_crops=batches[0], held_out_share=0.0)
        crops, kept_per_s = write_crops(data, folder / "crops", settings, most=64 if quick else 600)
        # A batch never has more crops than there are: ours would take fewer, lightly none.
        batches = tuple(batch for batch in batches if batch <= len(crops.species))
        for backbone, batch in itertools.product(networks, batches):
            settings = replace(settings, batch_crops=batch)
            place = folder / f"{backbone}-{batch}"
            place.mkdir()
            ours = OurSimClr(crops, place, settings, backbone=backbone, device=device)
            parts: dict[str, Any] = {"ours": ours}
            for workers in _list_workers(device, quick=quick):
                for halved in (False, True) if device.type == "cuda" else (False,):
                    name = f"lightly, {workers} workers" + (", bf16" if halved else "")
                    parts[name] = LightlySimClr(
                        folder / "crops", settings, backbone=backbone, workers=workers, device=device, halved=halved
                    )
            rates = take_turns(parts, turns=turns, steps=steps, least_s=least_s, batch=batch, device=device)
            medians = {name: statistics.median(figures) for name, figures in rates.items()}
            best = max(rate for name, rate in medians.items() if name != "ours")
            ratios = [
                mine / max(rates[name][i] for name in rates if name != "ours") for i, mine in enumerate(rates["ours"])
            ]
            rows.append(
                {
                    "network": backbone,
                    "batch": batch,
                    "precision": ours.precision,
                    **medians,
                    "best_of_lightly": best,
                    "times_lightly": statistics.median(ratios),
                }
            )
    return {
        "image_px": IMAGE_PX,
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "crops": len(crops.species),
        "crops_kept_per_s": kept_per_s,
        "rows": rows,
    }


def _list_workers(device: torch.device, *, quick: bool) -> tuple[int, ...]:
    if device.type == "cuda":
        return WORKERS["cuda"][:1] if quick else WORKERS["cuda"]
    return (0,) if quick else WORKERS["cpu"]


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """At least lightly's crops a second, for each network."""
    return [
        at_least(
            f"{row['network']}, batches of {row['batch']}: crops a second, times lightly's",
            row["times_lightly"],
            AT_LEAST,
        )
        for row in figures["rows"]
    ]


def print_tables(figures: dict[str, Any]) -> None:
    """The tables of bench/README.md."""
    print(
        f"{figures['crops']} crops at {figures['image_px']} px on {figures['device']}, {figures['threads']} threads; "
        f"crops are cut to size once, {figures['crops_kept_per_s']:,.0f} a second.\n"
    )
    names = [name for name in figures["rows"][0] if name == "ours" or name.startswith("lightly")]
    print(f"| crops per second | batch | our precision | {' | '.join(names)} | times |")
    print("|---" * (len(names) + 4) + "|")
    for row in figures["rows"]:
        rates = " | ".join(f"{row[name]:.1f}" for name in names)
        print(f"| {row['network']} | {row['batch']} | {row['precision']} | {rates} | {row['times_lightly']:.2f} |")


def main() -> int:
    """Run what the command line asks for; 1 where the data or lightly are missing."""
    parser = argparse.ArgumentParser(description="Crops a second of SimCLR training, beside lightly's.")
    parser.add_argument("--quick", action="store_true", help="one network, few steps; under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="what both train on")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="torchvision's names; left out: three of them")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER", help="where wildlife/ is")
    options = parser.parse_args()
    if not (options.data / "wildlife").is_dir():
        print(f"This bench needs the real photos in {options.data / 'wildlife'}, which are not here.", file=sys.stderr)
        return 1
    try:
        import lightly  # noqa: F401
    except ImportError:
        print("This bench needs lightly: pip install -r requirements-dev.txt.", file=sys.stderr)
        return 1
    try:
        device = choose_device(options.device)
    except AnomalureError as error:
        print(error, file=sys.stderr)
        return 1
    networks = options.networks or (NETWORKS[:1] if options.quick else NETWORKS)
    figures = measure(options.data, quick=options.quick, device=device, networks=networks)
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
