"""Measures how well labels that disagree with their look-alikes are wrong labels, beside cleanlab on the same features.

    python bench/suggestions.py [--quick] [--json]

The crops of the wildlife train split with the boxes and species of the labels, each seen by the default encoder; 2 and
5% of the labels are swapped for another species at random, ten seeded times. Precision is measured at the number that
was swapped: the share of wrong labels among so many at the top of the list. cleanlab gets class probabilities of a
logistic regression on the same main directions, cross-validated so that no event is in both parts, once with its
``find_label_issues`` and once with all crops in the order of its self-confidence. Then the same with one species
thinned out to a dozen crops, and the seconds for 100,000 made-up crops. Needs ../shared/data and cleanlab.
"""

import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)
from cleanlab.filter import find_label_issues  # noqa: E402
from cleanlab.rank import get_self_confidence_for_each_label  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict  # noqa: E402

from bench.targets import Target, at_least, at_most, run_with_photos  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from models.bundles.training import embed_labelled  # noqa: E402
from models.encoders.loading import load_encoder  # noqa: E402
from models.encoders.sections import list_sections, weigh_sections  # noqa: E402
from models.encoders.spec import bundled_encoder  # noqa: E402
from models.groups.features import Directions, choose_columns  # noqa: E402
from models.suggestions.look_alikes import compare_with_look_alikes  # noqa: E402

WILDLIFE = ROOT.parent / "shared" / "data" / "wildlife"
SHARES = (0.02, 0.05)
N_SEEDS, N_FOLDS = 10, 5
RARE, N_RARE = "turkey", 12
MANY, MOST_MANY_S = 100_000, 60.0
OURS, FILTER, CONFIDENCE = "ours", "cleanlab find_label_issues", "cleanlab self-confidence"


def embed_crops() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Main directions ``(n, 64)``, species and events of the labelled crops."""
    photos = [photo for photo in read_labels(WILDLIFE / "annotations.json").photos if photo.split == "train"]
    specs, settings = (bundled_encoder(),), RunSettings()
    crops = embed_labelled(photos, WILDLIFE / "images", encoder=load_encoder(specs), settings=settings)
    rows = crops.training_rows(gap_s=settings.event_gap_s)
    names = [one.name for one in list_sections(specs)]
    columns, sections, weights = choose_columns(names, crops.sections, weigh_sections(specs, crops.sections))
    vectors = rows.vectors()[:, columns]
    points = Directions.fit(vectors, sections, weights).transform(vectors)
    return points, rows.column("species").astype(str), rows.column("owner").astype(str)


def swap_labels(species: np.ndarray, share: float, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The labels with so many swapped for another species, and which they are."""
    random = np.random.default_rng(seed)
    names, labels = np.unique(species, return_inverse=True)
    wrong = random.choice(len(labels), round(share * len(labels)), replace=False)
    labels[wrong] = (labels[wrong] + random.integers(1, len(names), len(wrong))) % len(names)
    is_wrong = np.zeros(len(labels), dtype=bool)
    is_wrong[wrong] = True
    return names[labels], is_wrong


def rank_all(points: np.ndarray, species: np.ndarray, events: np.ndarray) -> dict[str, np.ndarray]:
    """The crops by each method, the most doubtful first; ``find_label_issues`` lists only some of them."""
    labels = np.unique(species, return_inverse=True)[1]
    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=0)
    shares = cross_val_predict(
        LogisticRegression(max_iter=500), points, labels, groups=events, cv=folds, method="predict_proba"
    )
    return {
        OURS: np.argsort(-compare_with_look_alikes(points, species.tolist(), events.tolist()).margins, kind="stable"),
        FILTER: find_label_issues(labels, shares, return_indices_ranked_by="self_confidence", n_jobs=1),
        CONFIDENCE: np.argsort(get_self_confidence_for_each_label(labels, shares), kind="stable"),
    }


def measure_swapped(points: np.ndarray, species: np.ndarray, events: np.ndarray, *, n_seeds: int) -> dict[str, Any]:
    """By share that was swapped: mean precision by method, and what our list has over 0."""
    figures: dict[str, Any] = {}
    for share in SHARES:
        found: dict[str, list[float]] = {}
        for seed in range(n_seeds):
            said, is_wrong = swap_labels(species, share, seed=seed)
            n = int(is_wrong.sum())
            for name, order in rank_all(points, said, events).items():
                found.setdefault(name, []).append(float(is_wrong[order[:n]].sum()) / n)
            margins = compare_with_look_alikes(points, said.tolist(), events.tolist()).margins
            found.setdefault("listed", []).append(float((margins > 0).sum()) / n)
            found.setdefault("wrong ones listed", []).append(float(is_wrong[margins > 0].sum()) / n)
        figures[f"{share:.0%}"] = {name: round(float(np.mean(values)), 4) for name, values in found.items()}
    return figures


def measure_many() -> float:
    """Seconds to compare 100,000 made-up crops of ten species, of 64 directions."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, MANY)
    points = (random.normal(size=(10, 64))[labels] + random.normal(size=(MANY, 64))).astype(np.float32)
    began = time.perf_counter()
    compare_with_look_alikes(points, [f"species {i}" for i in labels], [f"event {i // 4}" for i in range(MANY)])
    return time.perf_counter() - began


def measure(*, quick: bool) -> dict[str, Any]:
    """All figures."""
    points, species, events = embed_crops()
    n_seeds = 3 if quick else N_SEEDS
    rare = np.flatnonzero(species == RARE)
    thinned = np.sort(np.concatenate([np.flatnonzero(species != RARE), rare[:: len(rare) // N_RARE][:N_RARE]]))
    return {
        "n_crops": len(species),
        "n_seeds": n_seeds,
        "swapped": measure_swapped(points, species, events, n_seeds=n_seeds),
        "one rare species": measure_swapped(points[thinned], species[thinned], events[thinned], n_seeds=n_seeds),
        "many_s": round(measure_many(), 2),
    }


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach."""
    targets = []
    for what in ("swapped", "one rare species"):
        for share, found in figures[what].items():
            rival = max(found[FILTER], found[CONFIDENCE])
            targets.append(at_least(f"precision, {share} swapped ({what}), over cleanlab's better", found[OURS], rival))
    return [*targets, at_most(f"seconds for {MANY:,} crops", figures["many_s"], MOST_MANY_S)]


def print_tables(figures: dict[str, Any]) -> None:
    """The figures as a table in Markdown."""
    print(
        f"\n{figures['n_crops']:,} crops, {figures['n_seeds']} draws\n\n| labels | swapped | {OURS} | {FILTER} | "
        f"{CONFIDENCE} | on our list, for each swapped one | of the swapped ones on it |\n|---|---|---|---|---|---|---|"
    )
    for what in ("swapped", "one rare species"):
        for share, found in figures[what].items():
            cells = (found[name] for name in (OURS, FILTER, CONFIDENCE, "listed", "wrong ones listed"))
            print(f"| {what} | {share} | " + " | ".join(f"{value:.3f}" for value in cells) + " |")


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    return run_with_photos(
        WILDLIFE,
        about="Labels that disagree with their look-alikes, beside cleanlab.",
        quick="three draws",
        measure=lambda quick: measure(quick=quick),
        list_targets=list_targets,
        print_tables=print_tables,
    )


if __name__ == "__main__":
    sys.exit(main())
