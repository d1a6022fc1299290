"""Where it is odd: the centre of a slightly brightened square, by a heat map and by the published networks."""

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from bench.targets import Target, at_least, at_most, below
from core.settings.localize import LocalizeSettings
from models.localize.comparing import (
    Distances,
    cross_validate,
    find_with,
    join,
    measure_carried,
    measure_made,
    split_folds,
)
from models.localize.methods import CONSTANT, NETWORKS
from models.localize.photos import PhotoSet, find_photo_set
from models.localize.training import train_heat_map

ABOUT = "Where it is odd: the centre of a slightly brightened square"
LANDSCAPE = Path(__file__).resolve().parents[3] / "shared/data/landscape"
N_FOLDS = 5
QUICK_STEPS, QUICK_EPOCHS, QUICK_ASKED = (24, 10), 1, 6
EPOCHS = 20
MOST_MEAN = 0.10
PUBLISHED = "0.298 to 0.375 (a constant guess: 0.319)"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    parser.add_argument(
        "--landscape", type=Path, default=LANDSCAPE, metavar="DIR", help="photos in images/ and squares in labels.csv"
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Distances by method, on squares of the data and on squares that our maker puts into held-out photos."""
    root: Path = arguments.landscape
    if not (root / "labels.csv").is_file() or not (root / "images").is_dir():
        return None
    torch.set_num_threads(1)
    photos = find_photo_set(root / "images", root / "labels.csv")
    quick: bool = arguments.quick
    figures: dict[str, Any] = {"n_photos": len(photos), "quick": quick}
    settings = LocalizeSettings()
    if quick:
        settings = LocalizeSettings(side_steps=QUICK_STEPS[0], place_steps=QUICK_STEPS[1])
    began = time.process_time()
    figures |= _measure_heat_map(photos, settings, n_asked=QUICK_ASKED if quick else None)
    for name in (CONSTANT, *NETWORKS):
        label = NETWORKS[name].label if name in NETWORKS else "constant guess: the middle"
        found = cross_validate(
            photos, name, settings, n_folds=2 if quick else N_FOLDS, epochs=QUICK_EPOCHS if quick else EPOCHS
        )
        figures["methods"][label] = found.summarise()
    figures["processor_s"] = time.process_time() - began
    return figures


def _measure_heat_map(photos: PhotoSet, settings: LocalizeSettings, *, n_asked: int | None) -> dict[str, Any]:
    parts: dict[str, list[Distances]] = {"heat map": [], "made": []}
    trained_s = asked_s = 0.0
    folds = split_folds(len(photos), N_FOLDS, seed=0)
    chosen = folds if n_asked is None else folds[:1]
    for learn, ask in chosen:
        began = time.process_time()
        model = train_heat_map(photos.take(list(learn)), settings)
        trained_s += time.process_time() - began
        asked = photos.take(list(ask[:n_asked]))
        began = time.process_time()
        parts["heat map"].append(measure_carried(find_with(model), asked))
        asked_s += time.process_time() - began
        parts["made"].append(measure_made(model, asked))
    return {
        "trained_s": trained_s / len(chosen),
        "asked_s": asked_s / sum(len(one.shares) for one in parts["heat map"]),
        "folds": [one.summarise() for one in parts["heat map"]],
        "methods": {"heat map": join(parts["heat map"]).summarise()},
        "made": join(parts["made"]).summarise(),
    }


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """Under a tenth of the side, and better than every published network; a quick run trains too briefly for these."""
    ours = figures["methods"]["heat map"]
    if figures["quick"]:
        return []
    others = min(one["mean"] for label, one in figures["methods"].items() if label != "heat map")
    return [
        at_most("localize: mean distance of the heat map, share of the side", ours["mean"], MOST_MEAN),
        at_most("localize: the same for squares made in held-out photos", figures["made"]["mean"], MOST_MEAN),
        below("localize: mean distance of the heat map, against the best other", ours["mean"], others),
        at_least("localize: share found within r", ours["within_r"], 0.5),
    ]


def print_figures(figures: dict[str, Any]) -> None:
    """Distances of each method."""
    how = (
        "a short training, one fold of five for the heat map, two for the others" if figures["quick"] else "five folds"
    )
    print(
        f"{figures['n_photos']} photos; {how}. Distances are shares of the photo's side. Published: {PUBLISHED}. A "
        f"heat map learns in {figures['trained_s']:.0f} processor seconds, and looks at a photo in "
        f"{figures['asked_s']:.1f}.\n"
    )
    print("| method | mean distance | median | found within r | photos |\n|---|---|---|---|---|")
    rows = {f"heat map, fold {number}": one for number, one in enumerate(figures["folds"], start=1)}
    rows |= figures["methods"] | {"heat map, squares of our maker (saturating)": figures["made"]}
    for label, one in rows.items():
        print(f"| {label} | {one['mean']:.3f} | {one['median']:.3f} | {one['within_r']:.2f} | {one['n']} |")


class PART:
    """What ``bench/sisters.py`` calls."""

    ABOUT = ABOUT
    add_options = staticmethod(add_options)
    measure = staticmethod(measure)
    list_targets = staticmethod(list_targets)
    print_figures = staticmethod(print_figures)
