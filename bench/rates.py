"""Measures whether a promised false-alarm rate holds where that is hardest: few crops, a trained encoder, patches.

    python bench/rates.py [--quick] [--json]

- A species with few crops: so many of its crops are trained on beside all crops of the other species, by whole events;
  its other crops and the season's are asked for. The default encoder, several draws for each number.
- A trained encoder: triplets from MobileNetV2, as `train --method triplet` does it, on the train split of the wildlife
  season; the season's crops of the known species are asked for.
- Whole frames by their patches: 40 of the 55 empty frames of smallmammal are learned, the other 15 asked for, in many
  draws. Their mean says whether the rate holds; the spread, how much a single camera's 15 frames say.

Needs ../shared/data.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)

from bench.quality import KNOWN, MOBILENET, SPEC, TRUTH, WILDLIFE  # noqa: E402
from bench.targets import report, within  # noqa: E402
from core.evaluation.judging import evaluate_run  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.photos.crops import resize_crops  # noqa: E402
from core.photos.reading import read_photo  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from core.settings.training import TrainingSettings  # noqa: E402
from core.study.project import Project  # noqa: E402
from models.bundles.training import TrainingCrops, embed_labelled  # noqa: E402
from models.encoders.loading import load_encoder  # noqa: E402
from models.encoders.patch_maps import load_patch_encoder  # noqa: E402
from models.encoders.sections import weigh_sections  # noqa: E402
from models.jobs.bundle import BundleRequest  # noqa: E402
from models.jobs.registry import do_at_once  # noqa: E402
from models.jobs.run import RunRequest  # noqa: E402
from models.judging.judge import fit_judge  # noqa: E402
from models.judging.patch_judge import fit_patch_judge  # noqa: E402

MAMMALS = WILDLIFE.parent / "smallmammal"
NUMBERS = (5, 10, 20, 40, 80)
SEASON = WILDLIFE / "images" / "season"
N_LEARNED = 40
RATE, LOW, HIGH = 0.05, 0.03, 0.07


def draw_few(species: np.ndarray, groups: np.ndarray, kind: str, *, n: int, seed: int) -> np.ndarray:
    """Which crops are learned: all of the other species, and about ``n`` of this one, by whole events."""
    own = species == kind
    events = np.random.default_rng(seed).permutation(np.unique(groups[own]))
    sizes = np.cumsum([int((own & (groups == event)).sum()) for event in events])
    few = events[: int(np.searchsorted(sizes, n)) + 1]
    return ~own | np.isin(groups, few)


def measure_few(train: TrainingCrops, season: TrainingCrops, *, n_draws: int) -> dict[str, Any]:
    """By number of crops: the share of the species' other crops that is flagged, and of all known crops."""
    species, asked = np.array(train.species, dtype=object), np.array(season.species, dtype=object)
    groups, rows, asked_rows = train.groups(gap_s=60.0), train.rows(), season.rows()
    known = np.isin(species, KNOWN)
    found: dict[str, Any] = {}
    for n in NUMBERS:
        own_flagged, own_asked, all_flagged, all_asked = 0, 0, 0, 0
        shares = []
        for kind in KNOWN:
            for seed in range(n_draws):
                learn = known & draw_few(species, groups, kind, n=n, seed=seed)
                judge = fit_judge(
                    rows[learn],
                    species[learn].tolist(),
                    groups[learn].tolist(),
                    sections=train.sections,
                    weights=weigh_sections((SPEC,), train.sections),
                )
                left = known & ~learn & (species == kind)
                later = np.isin(asked, KNOWN)
                p_own = judge.judge(np.concatenate([rows[left], asked_rows[asked == kind]])).p_values
                p_all = judge.judge(asked_rows[later]).p_values
                own_flagged += int((p_own <= RATE).sum())
                own_asked += len(p_own)
                all_flagged += int((p_all <= RATE).sum())
                all_asked += len(p_all)
                shares.append(float((p_own <= RATE).mean()))
        found[str(n)] = {"own": own_flagged / own_asked, "own_worst": max(shares), "all_known": all_flagged / all_asked}
    return found


def measure_trained(*, n_seeds: int) -> dict[str, Any]:
    """The share of the season's known crops that bundles with a trained encoder flag, for each seed."""
    shares = []
    for seed in range(n_seeds):
        with tempfile.TemporaryDirectory() as temporary:
            project = Project(Path(temporary) / "project")
            do_at_once(
                project,
                BundleRequest(
                    name="trained",
                    images=WILDLIFE / "images",
                    labels=TRUTH,
                    split="train",
                    encoders=(MOBILENET,),
                    method="triplet",
                    boxes_from="labels",
                    training=TrainingSettings(epochs=3, seed=seed),
                    device="cpu",
                ),
            )
            do_at_once(project, RunRequest(folder=SEASON, name="r", bundle="trained", boxes=TRUTH))
            found = evaluate_run(project.run("r"), read_labels(TRUTH), known_species=KNOWN, split="season")
            shares.append(float(found.false_alarm_rate or 0.0))
    return {"flagged": shares, "mean": float(np.mean(shares))}


def measure_patches(*, n_draws: int) -> dict[str, Any]:
    """The share of empty frames flagged by patches of others of the same camera: mean and percentiles of the draws."""
    photos = [photo for photo in read_labels(MAMMALS / "labels.csv").photos if photo.labels[0].species == "empty"]
    encoder = load_patch_encoder(SPEC)
    maps = np.concatenate(
        [
            encoder.embed_maps(
                resize_crops(
                    [read_photo(MAMMALS / "images", photo.file_name, deployment="camera", max_megapixels=50).pixels],
                    size_px=encoder.input_px,
                )
            )
            for photo in photos
        ]
    )
    shares = []
    for seed in range(n_draws):
        order = np.random.default_rng(seed).permutation(len(maps))
        learn, asked = order[:N_LEARNED], order[N_LEARNED:]
        judge = fit_patch_judge(maps[learn], [str(i) for i in learn], camera="camera", seed=seed)
        _, p_values = judge.judge(judge.bank.score_maps(maps[asked]))
        shares.append(float((p_values <= RATE).mean()))
    low, high = np.quantile(shares, [0.05, 0.95])
    return {"mean": float(np.mean(shares)), "low": float(low), "high": float(high), "n_asked": len(maps) - N_LEARNED}


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    parser = argparse.ArgumentParser(description="Whether a promised false-alarm rate of 5% holds in three hard cases.")
    parser.add_argument("--quick", action="store_true", help="one draw of few crops, no trained encoder; a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    if not TRUTH.is_file():
        print(f"This bench needs the real photos in {WILDLIFE.parent}, which are not here.", file=sys.stderr)
        return 1
    encoder, truth = load_encoder((SPEC,)), read_labels(TRUTH)
    train, season = (
        embed_labelled(
            [photo for photo in truth.photos if photo.split == split],
            WILDLIFE / "images",
            encoder=encoder,
            settings=RunSettings(),
        )
        for split in ("train", "season")
    )
    figures: dict[str, Any] = {
        "few": measure_few(train, season, n_draws=1 if arguments.quick else 5),
        "patches": measure_patches(n_draws=10 if arguments.quick else 100),
    }
    if not arguments.quick:
        figures["trained"] = measure_trained(n_seeds=3)
    targets = [
        *(
            within(f"known crops flagged where a species has {n} crops", row["all_known"], LOW, HIGH)
            for n, row in figures["few"].items()
        ),
        within("frames flagged by their patches, mean of the draws", figures["patches"]["mean"], LOW, HIGH),
    ]
    if "trained" in figures:
        targets.append(within("known crops flagged with a trained encoder", figures["trained"]["mean"], LOW, HIGH))
    report(figures, targets, as_json=arguments.json, print_figures=lambda: print_tables(figures))
    return 0


def print_tables(figures: dict[str, Any]) -> None:
    """The tables of bench/README.md."""
    print(
        "| crops of the species that are learned | its others flagged | in the worst draw | all known crops flagged |"
    )
    print("|---|---|---|---|")
    for n, row in figures["few"].items():
        print(f"| {n} | {row['own']:.3f} | {row['own_worst']:.3f} | {row['all_known']:.3f} |")
    patches = figures["patches"]
    print(
        f"\nPatches: {patches['mean']:.3f} of the usual frames flagged, {patches['low']:.2f} to {patches['high']:.2f} "
        f"in nine of ten draws of {patches['n_asked']} frames."
    )
    if "trained" in figures:
        shares = ", ".join(f"{share:.3f}" for share in figures["trained"]["flagged"])
        print(f"Trained encoder: {shares} of the usual crops flagged, for three seeds.")


if __name__ == "__main__":
    sys.exit(main())
