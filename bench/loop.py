"""Measures what verdicts are worth: how many crops a reviewer must look at to find the anomalies, in different orders.

    python bench/loop.py [--quick] [--json] [--curves FILE.png]
    python bench/loop.py --truth FILE --images DIR [--train-split train --season-split season] [--novel SPECIES]

A reviewer is simulated with the truth of the wildlife season: crops of known species are normal, those of one species
that was left out of training are the anomalies, as many of them as the prevalence asks for. Nothing may be tuned to
raccoons alone, so each species plays the anomaly in turn. The default bundle's encoder, truth boxes. Needs
../shared/data.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)

from bench.targets import Target, at_least, below, report  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.review.stopping import Remaining, estimate_remaining  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from models.bundles.training import embed_labelled  # noqa: E402
from models.encoders.loading import EncoderSpec, load_encoder  # noqa: E402
from models.encoders.sections import weigh_sections  # noqa: E402
from models.judging.judge import Judge, fit_judge  # noqa: E402
from models.loop.active_learning import order_by_likelihood, order_for_learning  # noqa: E402
from models.loop.ranker import Ranker  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
WILDLIFE = DATA / "wildlife"
WEIGHTS = DATA / "weights" / "mobilenet_v2.safetensors"
SPECS = (
    EncoderSpec(backbone="mobilenet_v2", weights=str(WEIGHTS)),
    EncoderSpec(detector=str(DATA / "weights" / "yolov8n_int8_openvino_model")),
)
PREVALENCES = (0.02, 0.05, 0.12)
RECALLS = (0.5, 0.8, 0.95)
RERANK_EVERY = 10
RETRAIN_EVERY = 50
SEEDS = 10
QUICK_SEEDS = 3
RANDOM, SCORE, RERANK, RETRAIN, BOTH, LEARN = (
    "random order",
    "one-class score only",
    "re-ranked every 10",
    "retrained every 50",
    "re-ranked every 10, retrained every 50",
    "learning order for 50, then re-ranked every 10",
)
LEAST_COVERED = 0.9
FARTHEST = 0.7
"""A simulated review ends here at the latest, if the stop estimate has not ended it."""
COLOURS = {RANDOM: "#999999", SCORE: "#0072B2", RERANK: "#D55E00", RETRAIN: "#009E73", BOTH: "#CC79A7"}
STYLES = {RANDOM: ":", SCORE: "--", RERANK: "-", RETRAIN: "-.", BOTH: "-"}


@dataclass(frozen=True)
class Crops:
    """Raw embeddings, species and events of one split."""

    rows: np.ndarray
    species: np.ndarray
    groups: np.ndarray
    sections: tuple[int, ...]

    def only(self, mask: np.ndarray) -> "Crops":
        """Those where ``mask`` is true."""
        return Crops(self.rows[mask], self.species[mask], self.groups[mask], self.sections)


@dataclass
class Season:
    """The crops that a reviewer has to look at."""

    crops: Crops
    odd: np.ndarray
    known: Crops
    scores: np.ndarray
    looks: np.ndarray
    lots: np.ndarray

    @property
    def n(self) -> int:
        """The number of crops."""
        return len(self.odd)


@dataclass
class Review:
    """The crops in the order in which they were looked at, and what the stop estimate said on the way."""

    order: list[int] = field(default_factory=list)
    estimates: list[tuple[Remaining, int]] = field(default_factory=list)


def embed(truth: Path, images: Path, split: str, encoder: Any) -> Crops:
    """The labelled boxes of a split."""
    labels = read_labels(truth)
    crops = embed_labelled(
        [photo for photo in labels.photos if photo.split == split], images, encoder=encoder, settings=RunSettings()
    )
    species = np.array(crops.species, dtype=object)
    mask = species != ""
    return Crops(crops.rows()[mask], species[mask], np.array(crops.groups(gap_s=60.0))[mask], crops.sections)


def make_season(train: Crops, season: Crops, *, novel: str, prevalence: float, seed: int, judge: Judge) -> Season:
    """A season in which ``novel`` is as frequent as asked for."""
    known_names = sorted(set(train.species) - {novel})
    rng = np.random.default_rng(seed)
    odd = np.flatnonzero(season.species == novel)
    usual = np.flatnonzero(np.isin(season.species, known_names))
    n_odd = round(prevalence / (1 - prevalence) * len(usual))
    if n_odd > len(odd):
        n_odd = len(odd)
        usual = rng.permutation(usual)[: round(n_odd * (1 - prevalence) / prevalence)]
    chosen = rng.permutation(np.concatenate([rng.permutation(odd)[:n_odd], usual]))
    mask = np.zeros(len(season.species), dtype=bool)
    mask[chosen] = True
    crops = Crops(season.rows[chosen], season.species[chosen], season.groups[chosen], season.sections)
    looks = judge.normaliser.transform(crops.rows)
    lots = rng.permutation(len(chosen)).astype(np.uint64)
    return Season(
        crops,
        crops.species == novel,
        train.only(np.isin(train.species, known_names)),
        judge.judge(crops.rows).scores,
        looks,
        lots,
    )


def rescore(season: Season, rejected: np.ndarray) -> np.ndarray:
    """Scores by models that were trained on the rejected crops, too."""
    known = season.known
    judge = fit_judge(
        np.concatenate([known.rows, season.crops.rows[rejected]]),
        [*known.species, *season.crops.species[rejected]],
        [*known.groups, *(f"season {group}" for group in season.crops.groups[rejected])],
        sections=known.sections,
        weights=weigh_sections(SPECS, known.sections),
    )
    return judge.judge(season.crops.rows).scores


def review(season: Season, *, rerank: bool, retrain: bool, learn_first: int = 0, watch: bool = False) -> Review:
    """Go through a season; ``watch``: note the stop estimate at each new order."""
    result = Review()
    is_open = np.ones(season.n, dtype=bool)
    scores = season.scores
    predicted: list[float] = []
    retrained_at = 0
    stopped = not watch
    while is_open.any():
        order = np.array(result.order, dtype=int)
        done = not season.odd[is_open].any() and stopped
        if done or (len(order) > FARTHEST * season.n and not season.odd[is_open].any()):
            break
        if retrain and len(order) >= retrained_at + RETRAIN_EVERY:
            retrained_at += RETRAIN_EVERY
            scores = rescore(season, order[~season.odd[order]])
        left = np.flatnonzero(is_open)
        ranker = Ranker.fit(season.looks[order], scores[order], season.odd[order]) if rerank else None
        odds = scores[left] if ranker is None else ranker.log_odds(season.looks[left], scores[left])
        if watch:
            said = estimate_remaining(odds, predicted=np.array(predicted), anomalous=season.odd[order])
            result.estimates.append((said, int(season.odd[is_open].sum())))
            stopped = stopped or said.can_stop
        if ranker is None:
            places = np.argsort(-odds, kind="stable")
        elif len(order) < learn_first:
            places = order_for_learning(odds, season.looks[left], decided=season.looks[order])
        else:
            places = order_by_likelihood(odds, lots=season.lots[left])
        batch = places[:RERANK_EVERY]
        predicted += odds[batch].tolist()
        result.order += left[batch].tolist()
        is_open[left[batch]] = False
    result.order += np.flatnonzero(is_open).tolist()
    return result


def measure_efforts(season: Season, order: Sequence[int]) -> list[float]:
    """The share of crops looked at to meet each of ``RECALLS``."""
    met = np.cumsum(season.odd[np.array(order)])
    return [float(np.searchsorted(met, math.ceil(recall * met[-1] - 1e-9)) + 1) / season.n for recall in RECALLS]


def list_strategies(*, everything: bool) -> dict[str, Callable[[Season], Review]]:
    """The orders of review by name; the slow ones only with ``everything``."""
    strategies: dict[str, Callable[[Season], Review]] = {
        RANDOM: lambda season: Review(np.argsort(season.lots).tolist()),
        SCORE: lambda season: Review(np.argsort(-season.scores, kind="stable").tolist()),
        RERANK: lambda season: review(season, rerank=True, retrain=False, watch=True),
    }
    if everything:
        strategies[RETRAIN] = lambda season: review(season, rerank=False, retrain=True)
        strategies[BOTH] = lambda season: review(season, rerank=True, retrain=True)
        strategies[LEARN] = lambda season: review(season, rerank=True, retrain=False, learn_first=50)
    return strategies


def describe_stop(reviews: Sequence[Review]) -> dict[str, Any]:
    """How often the estimate covered what was left: at every new order, and where it first said that one can stop."""
    checked = [(said, left) for one in reviews for said, left in one.estimates if said.decided >= 30]
    stops = [next(((said, left) for said, left in one.estimates if said.can_stop), None) for one in reviews]
    at_stop = [one for one in stops if one is not None]
    return {
        "covered_always": float(np.mean([left <= said.at_most for said, left in checked])),
        "said_stop": len(at_stop),
        "covered_at_stop": float(np.mean([left <= said.at_most for said, left in at_stop])) if at_stop else None,
        "effort_at_stop": float(np.mean([said.decided / (said.decided + said.undecided) for said, _ in at_stop]))
        if at_stop
        else None,
        "share_found_at_stop": float(np.mean([said.found / max(said.found + left, 1) for said, left in at_stop]))
        if at_stop
        else None,
        "at_most_at_stop": float(np.mean([said.at_most for said, _ in at_stop])) if at_stop else None,
        "left_at_stop": float(np.mean([left for _, left in at_stop])) if at_stop else None,
    }


def measure(train: Crops, season: Crops, novels: Sequence[str], *, seeds: int, everything: bool) -> dict[str, Any]:
    """All figures, by the species that is the anomaly and by prevalence."""
    figures: dict[str, Any] = {}
    for nth, novel in enumerate(novels):
        known = train.only(train.species != novel)
        judge = fit_judge(
            known.rows,
            known.species.tolist(),
            known.groups.tolist(),
            sections=known.sections,
            weights=weigh_sections(SPECS, known.sections),
        )
        figures[novel] = {}
        for prevalence in PREVALENCES:
            started = time.perf_counter()
            seasons = [
                make_season(train, season, novel=novel, prevalence=prevalence, seed=seed, judge=judge)
                for seed in range(seeds)
            ]
            part: dict[str, Any] = {"crops": seasons[0].n, "anomalies": int(seasons[0].odd.sum()), "effort": {}}
            for name, go in list_strategies(everything=everything and nth == 0).items():
                reviews = [go(one) for one in seasons]
                efforts = np.array(
                    [measure_efforts(*pair) for pair in zip(seasons, (one.order for one in reviews), strict=True)]
                )
                part["effort"][name] = {
                    f"{recall:g}": float(value) for recall, value in zip(RECALLS, efforts.mean(axis=0), strict=True)
                }
                part.setdefault("effort_95_of_each_seed", {})[name] = efforts[:, -1].tolist()
                part.setdefault("curves", {})[name] = draw_curve(seasons, reviews)
                if name == RERANK:
                    part["stop"] = describe_stop(reviews)
            figures[novel][f"{prevalence:g}"] = part
            print(f"{novel} {prevalence:g}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return figures


def draw_curve(seasons: Sequence[Season], reviews: Sequence[Review]) -> list[float]:
    """The share of the anomalies found after each hundredth of the crops, as the mean over the seeds."""
    shares = np.linspace(0, 1, 101)
    curves = []
    for season, one in zip(seasons, reviews, strict=True):
        met = np.concatenate([[0], np.cumsum(season.odd[np.array(one.order)])])
        curves.append(np.interp(shares, np.linspace(0, 1, len(met)), met / met[-1]))
    return [round(float(value), 4) for value in np.mean(curves, axis=0)]


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach, and whether they do."""
    targets = []
    for novel, by_prevalence in figures.items():
        for prevalence, part in by_prevalence.items():
            loop, score = part["effort"][RERANK]["0.95"], part["effort"][SCORE]["0.95"]
            where = f"{novel}, {float(prevalence):.0%}"
            targets.append(below(f"review for 95% when re-ranked, {where}", loop, score))
            for key, said in (("covered_at_stop", "where it says stop"), ("covered_always", "all along")):
                name = f"the stop estimate covers what is left, {said}, {where}"
                targets.append(at_least(name, part["stop"][key], LEAST_COVERED))
    return targets


def print_tables(figures: dict[str, Any]) -> None:
    """The figures as tables in Markdown."""
    for novel, by_prevalence in figures.items():
        print(f"\nAnomalies: {novel}\n")
        heads = [f"{float(p):.0%}, {part['anomalies']} of {part['crops']}" for p, part in by_prevalence.items()]
        print(f"| share of crops to look at for 50 / 80 / 95% of them | {' | '.join(heads)} |")
        print("|---" * (1 + len(heads)) + "|")
        for name in next(iter(by_prevalence.values()))["effort"]:
            cells = [
                " / ".join(f"{value:.3f}" for value in part["effort"][name].values()) for part in by_prevalence.values()
            ]
            print(f"| {name} | {' | '.join(cells)} |")
    print("\n| stop estimate | covers, always | said stop | covers there | looked at | found | says at most | left |")
    print("|---|---|---|---|---|---|---|---|")
    for novel, by_prevalence in figures.items():
        for prevalence, part in by_prevalence.items():
            stop = part["stop"]
            values = ("covered_at_stop", "effort_at_stop", "share_found_at_stop", "at_most_at_stop", "left_at_stop")
            cells = ["–" if stop[key] is None else f"{stop[key]:.2f}" for key in values]
            print(
                f"| {novel}, {float(prevalence):.0%} | {stop['covered_always']:.3f} | {stop['said_stop']} | "
                f"{' | '.join(cells)} |"
            )


def write_curves(figures: dict[str, Any], path: Path) -> None:
    """A picture of the curves: one row per species that is the anomaly, one column per prevalence."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    novels = list(figures)
    plot, axes = pyplot.subplots(
        len(novels), len(PREVALENCES), figsize=(10, 2.5 * len(novels)), sharex=True, sharey=True, squeeze=False
    )
    for row, novel in zip(axes, novels, strict=True):
        for axis, (prevalence, part) in zip(row, figures[novel].items(), strict=True):
            for name, curve in part["curves"].items():
                if name in COLOURS:
                    axis.plot(
                        np.arange(101),
                        100 * np.array(curve),
                        color=COLOURS[name],
                        linestyle=STYLES[name],
                        linewidth=1.4,
                        label=name,
                    )
            axis.axhline(95, color="#cccccc", linewidth=0.7)
            axis.set_title(f"{novel}, {float(prevalence):.0%}", fontsize=9)
            axis.tick_params(labelsize=7)
    for axis in axes[-1]:
        axis.set_xlabel("% of the crops looked at", fontsize=8)
    for row in axes:
        row[0].set_ylabel("% of the anomalies met", fontsize=8)
    axes[0][0].legend(fontsize=6, loc="lower right")
    plot.tight_layout()
    plot.savefig(path, dpi=80)


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    parser = argparse.ArgumentParser(description="What verdicts are worth.")
    parser.add_argument("--quick", action="store_true", help="raccoons only, three seeds; under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--truth", type=Path, default=WILDLIFE / "annotations.json", help="COCO JSON with splits")
    parser.add_argument("--images", type=Path, default=WILDLIFE / "images")
    parser.add_argument("--train-split", default="train")
    parser.add_argument("--season-split", default="season")
    parser.add_argument(
        "--novel", action="append", help="species that are the anomaly; default: each that has enough crops"
    )
    parser.add_argument("--curves", type=Path, metavar="FILE.png", help="draw the curves")
    options = parser.parse_args()
    if not options.truth.is_file() or not WEIGHTS.is_file():
        print(f"This bench needs {options.truth} and {WEIGHTS}, which are not here.", file=sys.stderr)
        return 1
    encoder = load_encoder(SPECS)
    train = embed(options.truth, options.images, options.train_split, encoder)
    season = embed(options.truth, options.images, options.season_split, encoder)
    known, met = set(train.species), set(season.species)
    novels = options.novel or [*sorted(met - known), *([] if options.quick else sorted(met & known))]
    figures = measure(
        train, season, novels, seeds=QUICK_SEEDS if options.quick else options.seeds, everything=not options.quick
    )
    if options.curves:
        write_curves(figures, options.curves)
    report(
        {"figures": figures}, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
