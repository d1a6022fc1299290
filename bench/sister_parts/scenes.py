"""Scenes: classes put into held-out photos of COCO, or taken out; false alarms, calibration and speed."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.targets import Target, at_least, at_most, within
from core.formats.recognise import read_labels
from core.scenes.findings import to_probability
from core.scenes.from_labels import make_labelled_scenes
from core.scenes.scene_set import SceneSet, make_scene_set
from models.scenes.experiment import PUBLISHED_BOTTLENECKS, list_contestants, run_experiment, summarise
from models.scenes.model import FitSettings
from models.scenes.training import fit_scene_model, train_scenes

ABOUT = "Scenes: what is unexpected, and what is missing"
COCO = Path(__file__).resolve().parents[3] / "shared/data/coco/val2014_categories.json"
PERSON, MIN_CLASSES = "person", 3
SEEDS, QUICK_SEEDS, QUICK_BOTTLENECKS = 20, 2, (5, 8, 15)
PUBLISHED_INJECT = (91.8, 88.8, 85.6, 83.1, 80.6, 77.1, 72.9, 69.6, 65.7, 62.3, 60.0)
PUBLISHED_REMOVE = (85.6, 57.1, 57.0, 46.5, 43.0, 34.6, 28.3, 21.0, 17.0, 13.5, 13.8)
"""Shares in percent, for bottlenecks of 5 to 15, as published."""
MOST_TRAINING_S, MOST_SCORING_S, N_EVENTS, MANY_SCENES = 30.0, 2.0, 100_000, 40_000
RATE, NEAR = 0.05, 0.005
BINS = ((0.0, 0.001), (0.001, 0.01), (0.01, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0))
CAMERAS = 40


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    parser.add_argument("--coco", type=Path, default=COCO, metavar="FILE", help="COCO of the classes of photos")


def measure(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """The experiments, and the speed on all photos that have a class."""
    if not arguments.coco.is_file():
        return None
    labels = read_labels(arguments.coco)
    everything = make_labelled_scenes([labels], by="photo", leave_out=[PERSON]).scenes
    rich = make_labelled_scenes([labels], by="photo", leave_out=[PERSON], min_classes=MIN_CLASSES).scenes
    n_seeds = QUICK_SEEDS if arguments.quick else SEEDS
    bottlenecks = QUICK_BOTTLENECKS if arguments.quick else PUBLISHED_BOTTLENECKS
    results = run_experiment(
        rich,
        contestants=list_contestants(bottlenecks),
        n_seeds=n_seeds,
        on_progress=lambda done, total: print(f"fit {done} of {total}", file=sys.stderr) if done % 10 == 0 else None,
    )
    return {
        "scenes": len(rich),
        "classes": len(rich.classes),
        "seeds": n_seeds,
        "models": summarise(results),
        "published": {
            "bottlenecks": list(PUBLISHED_BOTTLENECKS),
            "inject": [share / 100 for share in PUBLISHED_INJECT],
            "remove": [share / 100 for share in PUBLISHED_REMOVE],
        },
        "reliability": _measure_reliability(rich),
        "speed": _measure_speed(everything),
    }


def _measure_reliability(scenes: SceneSet) -> list[dict[str, float]]:
    """How often a class is there, of those that the masked model gives such a probability."""
    order = np.random.default_rng(0).permutation(len(scenes))
    n_held_out = len(scenes) // 5
    model = fit_scene_model(scenes.take(order[n_held_out:]), "masked", FitSettings())
    held_out = scenes.take(order[:n_held_out])
    said, there = to_probability(model.predict(held_out)), held_out.present.toarray()
    rows = []
    for low, high in BINS:
        inside = (said >= low) & (said <= high if high == 1 else said < high)
        if inside.any():
            rows.append(
                {
                    "from": low,
                    "to": high,
                    "n": int(inside.sum()),
                    "said": float(said[inside].mean()),
                    "is_there": float(there[inside].mean()),
                }
            )
    return rows


def _measure_speed(scenes: SceneSet) -> dict[str, Any]:
    """Training on 40,000 photos, and scoring of 100,000 events with a camera, an hour and a season."""
    rows = np.arange(MANY_SCENES) % len(scenes)
    began, worked = time.perf_counter(), time.process_time()
    train_scenes(scenes.take(rows))
    training_s, training_cpu_s = time.perf_counter() - began, time.process_time() - worked
    events = _draw_events(N_EVENTS)
    trained = train_scenes(events.take(np.arange(min(len(events), 10_000))), by="event")
    times, cpu_times = [], []
    for _ in range(5):
        began, worked = time.perf_counter(), time.process_time()
        n_found = len(trained.find(events, rate=RATE))
        times.append(time.perf_counter() - began)
        cpu_times.append(time.process_time() - worked)
    return {
        "photos": len(rows),
        "training_s": training_s,
        "training_cpu_s": training_cpu_s,
        "events": len(events),
        "event_classes": len(events.classes),
        "cameras": CAMERAS,
        "scoring_s": float(np.median(times)),
        "scoring_cpu_s": float(np.median(cpu_times)),
        "findings": n_found,
    }


def _draw_events(n: int) -> SceneSet:
    """Events of 30 species at 40 cameras, each species with its cameras and its hours."""
    from datetime import datetime, timedelta

    rng = np.random.default_rng(0)
    species = [f"species {i:02}" for i in range(30)]
    likes = rng.dirichlet(np.full(len(species), 0.3), size=CAMERAS)
    cameras = rng.integers(0, CAMERAS, n)
    members, times = [], []
    for camera in cameras:
        names = rng.choice(len(species), size=rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1]), p=likes[camera])
        members.append({species[i]: int(rng.integers(1, 4)) for i in names})
        times.append(datetime(2026, 1, 1) + timedelta(hours=int(rng.integers(0, 8_760))))
    return make_scene_set(
        [f"event {i}" for i in range(n)],
        members,
        cameras=[f"camera {camera:02}" for camera in cameras],
        times=times,
        with_counts=True,
    )


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """The masked model beats the others, holds its promised rate, and is fast enough."""
    rows = {row["model"]: row for row in figures["models"]}
    ours = rows["masked"]
    plain = [row for name, row in rows.items() if name.startswith("autoencoder")]
    targets = []
    for figure, words in (
        ("uniform_most_anomalous", "an injected class is the most anomalous"),
        ("removed_most_missed", "a removed class is the most missed"),
    ):
        for others, who in (([rows["base_rates"]], "the control"), (plain, "the best autoencoder")):
            targets.append(
                at_least(f"{words}: masked model over {who}", ours[figure] - max(o[figure] for o in others), 0)
            )
    targets += [
        within(f"false alarms at 5%, {kind}", ours[f"false_alarms_{kind}"], RATE - 2 * NEAR, RATE + NEAR)
        for kind in ("unexpected", "missing")
    ]
    speed = figures["speed"]
    targets.append(at_most("seconds to train on 40,000 photos", speed["training_s"], MOST_TRAINING_S))
    targets.append(at_most("seconds to score 100,000 events", speed["scoring_s"], MOST_SCORING_S))
    return targets


def print_figures(figures: dict[str, Any]) -> None:
    """The tables of bench/README.md."""
    published = figures["published"]
    by_width = {
        f"autoencoder {width}": (inject, remove)
        for width, inject, remove in zip(
            published["bottlenecks"], published["inject"], published["remove"], strict=True
        )
    }
    print(f"{figures['scenes']:,} scenes of {figures['classes']} classes, medians of {figures['seeds']} seeds.\n")
    print(
        "| model | 20 rarest: under 0.5 | most anomalous | uniform: under 0.5 | most anomalous | removed: over 0.5 "
        "| most missed | false alarms at 5%: unexpected | missing | published: inject | remove |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in figures["models"]:
        cells = [
            f"{row[name]:.3f}"
            for name in (
                *("rare_under_half", "rare_most_anomalous", "uniform_under_half", "uniform_most_anomalous"),
                *("removed_over_half", "removed_most_missed", "false_alarms_unexpected", "false_alarms_missing"),
            )
        ]
        cells += [f"{share:.3f}" for share in by_width.get(row["model"], ())] or ["", ""]
        print(f"| {row['model']} | {' | '.join(cells)} |")
    print("\n| the masked model says | pairs of scene and class | mean | is there |\n|---|---|---|---|")
    for one in figures["reliability"]:
        print(f"| {one['from']} to {one['to']} | {one['n']:,} | {one['said']:.4f} | {one['is_there']:.4f} |")
    speed = figures["speed"]
    print(
        f"\nTraining on {speed['photos']:,} photos: {speed['training_s']:.1f} s (processor: "
        f"{speed['training_cpu_s']:.1f} s). Scoring {speed['events']:,} events of {speed['event_classes']} classes at "
        f"{speed['cameras']} cameras: {speed['scoring_s']:.2f} s (processor: {speed['scoring_cpu_s']:.2f} s)."
    )


class PART:
    """What ``bench/sisters.py`` calls."""

    ABOUT = ABOUT
    add_options = staticmethod(add_options)
    measure = staticmethod(measure)
    list_targets = staticmethod(list_targets)
    print_figures = staticmethod(print_figures)
