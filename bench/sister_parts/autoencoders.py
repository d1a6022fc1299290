"""Autoencoders: recall of each species beside the false alarms, by reconstruction error and by the default bundle."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.targets import Target, at_least, within
from core.evaluation.metrics import compute_auroc
from core.formats.labelled import Label, LabelFile
from core.formats.recognise import read_labels
from core.labels.crops import LabelledCrops, read_labelled_crops
from core.photos.crops import resize_crops
from core.records import CropKind
from core.runs.parts import Encoder
from core.settings.run import RunSettings
from core.settings.training import AUTOENCODER_DEFAULTS, AUTOENCODERS, SCORED_BY, TrainingSettings
from core.species import EMPTY
from models.autoencoder.training import AutoencoderTrainer, train_autoencoder
from models.contrastive.crops import EncoderCrops, choose_side
from models.contrastive.training import TrainedEncoder
from models.encoders.loading import load_encoder
from models.encoders.sections import find_error, weigh_sections
from models.encoders.spec import EncoderSpec, bundled_encoder
from models.engines.device import choose_device
from models.judging.judge import Judge, fit_judge
from models.judging.thresholds import find_rate, read_threshold

ABOUT = "Autoencoders: crops and whole frames that cannot be put together again"
DATA = Path(__file__).resolve().parents[3] / "shared/data"
PX = int(AUTOENCODER_DEFAULTS["image_px"])
PROMISED = 0.05
DEVIATIONS = "mean+2sd"
QUICK_PHOTOS = 100
QUICK_EPOCHS, FRAME_EPOCHS, QUICK_FRAME_EPOCHS = 4, 200, 20
LEAST_CROPS_PER_S, TIMED_STEPS = 300.0, 5
BATCH = 32
PUBLISHED = (
    "dog .67 to 1.0, frog 0 to .55, vole 0 to .58, snake 0 to .5; thresholds that flag up to .75 of normal images"
)


@dataclass(frozen=True)
class Part:
    """Crops of one split: squares for the autoencoder, whole and as it is trained on, and what the default encoder
    sees."""

    species: np.ndarray
    events: np.ndarray
    whole: np.ndarray  # (n, 64, 64, 3)
    kept: np.ndarray  # (n, 74, 74, 3)
    embeddings: np.ndarray  # (n, d)

    def select(self, mask: np.ndarray) -> "Part":
        """Those of a mask."""
        return Part(*(values[mask] for values in vars(self).values()))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    parser.add_argument(
        "--wildlife",
        type=Path,
        default=DATA / "wildlife",
        metavar="DIR",
        help="images/ and annotations.json with splits",
    )
    parser.add_argument(
        "--frames", type=Path, default=DATA / "smallmammal", metavar="DIR", help="images/ and labels.csv of one camera"
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Crops with each species unknown in turn, whole frames of a fixed camera, and crops a second."""
    figures: dict[str, Any] = {"quick": bool(arguments.quick)}
    if (arguments.wildlife / "annotations.json").is_file():
        figures["crops"] = measure_crops(arguments.wildlife, quick=arguments.quick)
    if (arguments.frames / "labels.csv").is_file():
        figures["frames"] = measure_frames(arguments.frames, quick=arguments.quick)
    return figures if len(figures) > 1 else None


def measure_crops(folder: Path, *, quick: bool) -> dict[str, Any]:
    """By unknown species, by method: see ``judge_both``. The unknown one is never trained on; quick: only those that
    are in no training photo, few photos, and the dense autoencoder."""
    truth = read_labels(folder / "annotations.json")
    train, season = (
        read_part(truth, folder / "images", split, most=QUICK_PHOTOS if quick else None) for split in SPLITS
    )
    known = sorted(set(train.species.tolist()))
    strangers = sorted(set(season.species.tolist()) - set(known))
    settings = TrainingSettings.from_values({**AUTOENCODER_DEFAULTS, **({"epochs": QUICK_EPOCHS} if quick else {})})
    forms = AUTOENCODERS[:1] if quick else AUTOENCODERS
    figures: dict[str, Any] = {
        "crops_per_s": {form: measure_speed(train, form) for form in AUTOENCODERS},
        "unknown": {},
    }
    for novel in strangers if quick else (*strangers, *known):
        learned = train.select(train.species != novel)
        asked = season.select(np.isin(season.species, [*(one for one in known if one != novel), novel]))
        rows: dict[str, Any] = {"default": judge_default(learned, asked, novel={novel})}
        for form in forms:
            rows |= judge_autoencoder(learned, asked, form, settings, novel={novel})
        figures["unknown"][novel] = rows
    return {**figures, "n_train": len(train.species), "n_season": len(season.species)}


SPLITS = ("train", "season")


def measure_frames(folder: Path, *, quick: bool) -> dict[str, Any]:
    """Whole frames of a fixed camera: half of the empty ones are normal, the others, and all animals, are asked for."""
    truth = read_labels(folder / "labels.csv")
    frames = replace(
        truth, photos=tuple(replace(one, labels=(Label(EMPTY),), is_incomplete=False) for one in truth.photos)
    )
    part = read_part(frames, folder / "images", None)
    by_name = {Path(one.file_name).name: one.labels[0].species for one in truth.photos}
    part = replace(part, species=np.array([by_name[Path(name).name] for name in part.species], dtype=object))
    usual = part.species == EMPTY
    events = np.unique(part.events[usual])
    learns = usual & np.isin(part.events, np.random.default_rng(0).permutation(events)[::2])
    learned, asked = part.select(learns), part.select(~learns)
    animals = set(asked.species.tolist()) - {EMPTY}
    learned = replace(learned, species=np.full(len(learned.species), "frame", dtype=object))
    epochs = QUICK_FRAME_EPOCHS if quick else FRAME_EPOCHS
    settings = TrainingSettings.from_values({**AUTOENCODER_DEFAULTS, "epochs": epochs})
    rows: dict[str, Any] = {"default": judge_default(learned, asked, novel=animals)}
    for form in AUTOENCODERS[:1] if quick else AUTOENCODERS:
        rows |= judge_autoencoder(learned, asked, form, settings, novel=animals)
    return {"rows": rows, "n_learned": len(learned.species), "n_asked": len(asked.species)}


def read_part(truth: LabelFile, images: Path, split: str | None, *, most: int | None = None) -> Part:
    """The boxes of a split; whole frames where no photo has a box, their file names as species."""
    photos = [one for one in truth.photos if split is None or one.split == split]
    boxed = [one for one in photos if any(label.box is not None for label in one.labels)]
    photos = boxed or photos
    if most is not None:
        order = np.random.default_rng(0).permutation(len(photos))[:most]
        photos = [photos[at] for at in sorted(order)]
    encoder = load_default()
    cut, whole, kept, embeddings = LabelledCrops(), [], [], []
    for crops in _in_batches(read_labelled_crops(photos, images, settings=RunSettings(), into=cut)):
        whole.append(resize_crops(crops, size_px=PX))
        kept.append(resize_crops(crops, size_px=choose_side(PX)))
        embeddings.append(encoder.embed(resize_crops(crops, size_px=encoder.input_px)))
    species = [
        cut.file_name_of[crop.photo_id] if crop.kind is CropKind.FRAME else name
        for crop, name in zip(cut.crops, cut.species, strict=True)
    ]
    return Part(
        np.array(species, dtype=object),
        cut.groups(gap_s=RunSettings().event_gap_s),
        np.concatenate(whole),
        np.concatenate(kept),
        np.concatenate(embeddings),
    )


@cache
def load_default() -> Encoder:
    """The encoder of a bundle unless told otherwise."""
    return load_encoder(bundled_encoder())


def _in_batches(crops: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    batch: list[np.ndarray] = []
    for one in crops:
        batch.append(one.copy())
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def judge_default(learned: Part, asked: Part, *, novel: set[str]) -> dict[str, Any]:
    """The encoder and the one-class model that a bundle has unless told otherwise."""
    spec, encoder = bundled_encoder(), load_default()
    judge = fit_judge(
        learned.embeddings,
        learned.species.tolist(),
        learned.events.tolist(),
        sections=encoder.sections,
        weights=weigh_sections((spec,), encoder.sections),
    )
    return summarise(judge, asked.embeddings, asked.species, novel=novel)


def judge_autoencoder(
    learned: Part, asked: Part, form: str, settings: TrainingSettings, *, novel: set[str]
) -> dict[str, Any]:
    """The three ways to score by one autoencoder, trained on what was learned; it never meets what is asked for."""
    crops = EncoderCrops(learned.kept, tuple(learned.species.tolist()), tuple(learned.events.tolist()))
    with tempfile.TemporaryDirectory() as folder:
        trained: TrainedEncoder = train_autoencoder(crops, Path(folder), method=form, settings=settings)
        encoder = load_encoder(trained.spec)
        rows, asked_rows = encoder.embed(learned.whole), encoder.embed(asked.whole)
    unseen = np.isin(learned.events, trained.held_out_events)
    found = {}
    for scored_by in SCORED_BY:
        judge = fit_judge(
            rows,
            learned.species.tolist(),
            learned.events.tolist(),
            sections=encoder.sections,
            weights=weigh_sections((trained.spec,), encoder.sections),
            unseen=unseen,
            error_at=find_error((trained.spec,), encoder.sections, scored_by),
        )
        print(f"{form}, {scored_by}, unknown {', '.join(sorted(novel))}: {trained.seconds:.0f} s", file=sys.stderr)
        found[f"{form}, {scored_by}"] = {
            **summarise(judge, asked_rows, asked.species, novel=novel),
            "held_out_loss": trained.held_out_loss,
            "seconds": trained.seconds,
        }
    return found


def summarise(judge: Judge, rows: np.ndarray, species: np.ndarray, *, novel: set[str]) -> dict[str, Any]:
    """AUROC, and the share of each species that is flagged: at the promised rate, and over mean + 2 deviations."""
    judged = judge.judge(rows)
    is_novel = np.isin(species, list(novel))
    threshold = read_threshold(DEVIATIONS)
    assert threshold is not None
    found: dict[str, Any] = {
        "auroc": compute_auroc(judged.scores, novel=is_novel),
        "auroc_by_species": {
            name: compute_auroc(
                judged.scores[~is_novel | (species == name)], novel=is_novel[~is_novel | (species == name)]
            )
            for name in sorted(novel)
        },
    }
    for name, rate in (("promised", PROMISED), ("deviations", find_rate(judge.reference, threshold))):
        flagged = judged.p_values <= rate
        found[name] = {
            "rate": rate,
            "false_alarms": float(flagged[~is_novel].mean()),
            "found": {one: float(flagged[species == one].mean()) for one in sorted(novel)},
        }
    return found


def measure_speed(part: Part, form: str) -> float:
    """Crops that are learned at 64 px in two seconds of processor time on one thread: what two processors do a second
    if nobody else works on them."""
    crops = EncoderCrops(part.kept, tuple(part.species.tolist()), tuple(part.events.tolist()))
    settings = TrainingSettings.from_values({**AUTOENCODER_DEFAULTS, "precision": "f32"})
    start = EncoderSpec(backbone=form, weights="none", input_px=PX)
    with tempfile.TemporaryDirectory() as folder:
        trainer = AutoencoderTrainer(
            crops, Path(folder), start=start, method=form, settings=settings, device=choose_device("cpu")
        )
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # others would wait for each other, and waiting counts as processor time
        batches = (trainer.sampler.deal_epoch(0) * TIMED_STEPS)[:TIMED_STEPS]
        spent = []
        for at, batch in enumerate(batches):
            began = time.process_time()
            trainer.take_step(trainer.learnt_rows[batch], at=at, n_steps=TIMED_STEPS)
            spent.append(time.process_time() - began)
        torch.set_num_threads(threads)
    return 2 * len(batches[0]) / float(np.median(spent))


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """Speed; and the promised rate must hold, as far as so few crops can tell."""
    targets = []
    if "crops" in figures:
        for form, rate in figures["crops"]["crops_per_s"].items():
            targets.append(at_least(f"autoencoders: crops a second, {form}", rate, LEAST_CROPS_PER_S))
        if not figures["quick"]:
            for novel, rows in figures["crops"]["unknown"].items():
                for name, row in rows.items():
                    if name.endswith(SCORED_BY[1]):
                        alarms = row["promised"]["false_alarms"]
                        targets.append(within(f"autoencoders: false alarms at 5%, {novel}, {name}", alarms, 0.01, 0.1))
    return targets


def print_figures(figures: dict[str, Any]) -> None:
    """Recall of each unknown species beside the false alarms."""
    if "crops" in figures:
        part = figures["crops"]
        speeds = ", ".join(f"{form} {rate:,.0f}" for form, rate in part["crops_per_s"].items())
        print(
            f"Crops: {part['n_train']} are learned without the unknown species, {part['n_season']} of another season "
            f"are asked for. Crops a second in training, on two processors: {speeds}.\n"
        )
        print_rows([(f"{novel}: {name}", row) for novel, rows in part["unknown"].items() for name, row in rows.items()])
    if "frames" in figures:
        part = figures["frames"]
        print(
            f"\nWhole frames of a fixed camera: {part['n_learned']} empty ones are learned, {part['n_asked']} others "
            "are asked for.\n"
        )
        print_rows(list(part["rows"].items()))
    print(f"\nPublished, recall alone: {PUBLISHED}.")


def print_rows(rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """A table: AUROC, then recall of each species (false alarms) at each threshold."""
    print(f"| unknown: scored by | AUROC | recall (false alarms) at a promised 5% | over {DEVIATIONS} |")
    print("|---|---|---|---|")
    for name, row in rows:
        cells = [
            ", ".join(f"{one} {share:.2f}" for one, share in row[rule]["found"].items())
            + f" ({row[rule]['false_alarms']:.2f})"
            for rule in ("promised", "deviations")
        ]
        aurocs = ", ".join(f"{auroc:.3f}" for auroc in row["auroc_by_species"].values())
        print(f"| {name} | {aurocs} | {cells[0]} | {cells[1]} |")


class PART:
    """What ``bench/sisters.py`` calls."""

    ABOUT = ABOUT
    add_options = staticmethod(add_options)
    measure = staticmethod(measure)
    list_targets = staticmethod(list_targets)
    print_figures = staticmethod(print_figures)
