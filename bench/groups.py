"""Measures what forty decisions about groups are worth on real photos, without any label before.

    python bench/groups.py [--quick] [--json]
    python bench/groups.py --images DIR --truth COCO_FILE [--detector NAME_OR_PATH] [--novel NAME ...]

A simulated person opens the groups of a run, largest first, and names each by what most of it is, or splits it if less
than 80% of it are alike; each is one decision. Beside it, with as many decisions: k-means and HDBSCAN on the same
points, the first look's queue, and active learning crop by crop. Then bundles are made from the names and from the true
labels, each on one half of the events, and score the other half. Without --images: the season of wildlife, and
smallmammal, of ../shared/data.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)
from sklearn.cluster import HDBSCAN, KMeans  # noqa: E402

from bench.targets import Target, at_least, at_most, report  # noqa: E402
from core.errors import AnomalureError  # noqa: E402
from core.evaluation.judging import NO_ANIMAL, SEVERAL, judge_crops  # noqa: E402
from core.evaluation.metrics import compute_auroc, compute_average_precision  # noqa: E402
from core.formats.labelled import LabelFile  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.groups.making import make_tree  # noqa: E402
from core.groups.tree import GroupTree  # noqa: E402
from core.runs.folder import RunFolder  # noqa: E402
from core.study.project import Project  # noqa: E402
from models.encoders.sections import list_sections, weigh_sections  # noqa: E402
from models.encoders.spec import EncoderSpec  # noqa: E402
from models.groups.features import Directions, choose_columns  # noqa: E402
from models.jobs.registry import do_at_once  # noqa: E402
from models.jobs.run import RunRequest  # noqa: E402
from models.judging.judge import fit_judge  # noqa: E402
from models.judging.normaliser import Normaliser  # noqa: E402
from models.loop.ranker import Ranker  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
WILDLIFE, MAMMALS = DATA / "wildlife", DATA / "smallmammal"
DETECTOR = DATA / "weights" / "yolov8n_int8_openvino_model"
DECISIONS = 40
AGREEMENT = 0.8
"""A person splits a group of which less looks alike."""
SEEDS = (0, 1, 2)
SHARES = (0.05, 0.02)
FEW = 8
ROUND = 10
"""Active learning trains a new ranker after so many decisions."""
RATE = 0.05
SMALLEST_CLUSTER = 5
FOUND, RIGHT, BEHIND = 0.85, 0.90, 0.02
UNNAMED = ""
MANY, MOST_MANY_S = 100_000, 60.0


@dataclass(frozen=True)
class Season:
    """The crops of one run and what they show; all arrays have one entry or row a crop."""

    rows: np.ndarray
    truth: np.ndarray
    events: np.ndarray
    scores: np.ndarray
    names: tuple[str, ...]
    sections: tuple[int, ...]
    weights: tuple[float, ...]
    novel: frozenset[str]

    @property
    def is_novel(self) -> np.ndarray:
        """Which crops show a species that is not known."""
        return np.isin(self.truth, list(self.novel))

    def take(self, kept: np.ndarray) -> "Season":
        """The season of these crops only."""
        return replace(
            self, rows=self.rows[kept], truth=self.truth[kept], events=self.events[kept], scores=self.scores[kept]
        )

    def points(self) -> np.ndarray:
        """What crops are grouped by."""
        columns, sections, weights = choose_columns(self.names, self.sections, self.weights)
        rows = self.rows[:, columns]
        return Directions.fit(rows, sections, weights).transform(rows)


def open_season(run: RunFolder, truth: LabelFile, *, novel: Sequence[str], split: str | None) -> Season:
    """The crops of a run whose content the truth tells."""
    species = {label.species for photo in truth.photos for label in photo.labels if label.species}
    judged = judge_crops(run, truth, known_species=sorted(species - set(novel)), split=split).crops
    of_crop = judged.set_index("crop_id")
    events = run.read_table("events").set_index("photo_id")["event_id"]
    rows, ids, photos = [], [], []
    for crops, embeddings in run.embedded_shards():
        shown = crops["crop_id"].isin(of_crop.index).to_numpy()
        rows.append(embeddings[shown])
        ids += crops["crop_id"][shown].tolist()
        photos += crops["photo_id"][shown].tolist()
    specs = tuple(EncoderSpec.from_values(spec) for spec in run.info.encoders)
    return Season(
        rows=np.concatenate(rows),
        truth=of_crop.loc[ids, "truth"].to_numpy(dtype=object),
        events=events.loc[photos].to_numpy(dtype=object),
        scores=of_crop.loc[ids, "score"].to_numpy(dtype=float),
        names=tuple(one.name for one in list_sections(specs)),
        sections=tuple(run.info.sections),
        weights=weigh_sections(specs, run.info.sections),
        novel=frozenset(novel),
    )


def name_groups(tree: GroupTree, truth: np.ndarray, *, decisions: int) -> tuple[np.ndarray, int]:
    """Name the groups as a person would, with at most so many decisions.

    Returns:
        The name of each crop, shape ``(n,)``, or ``UNNAMED``; and the decisions that were made.
    """
    left = [tree.leaves_of(node) for node in tree.cut(min(tree.suggested, decisions))]
    names, made = np.full(len(truth), UNNAMED, dtype=object), 0
    while left and made < decisions:
        left.sort(key=lambda group: -len(tree.crops_in(group)))
        group = left.pop(0)
        rows = tree.crops_in(group)
        made += 1
        ((name, n),) = Counter(truth[rows].tolist()).most_common(1)
        parts = tree.split(group)
        # Nobody splits a group whose parts there is no time to name.
        if n < AGREEMENT * len(rows) and len(parts) > 1 and made + len(left) + len(parts) <= decisions:
            left += parts
        else:
            names[rows] = name
    return names, made


def name_clusters(labels: np.ndarray, truth: np.ndarray, *, decisions: int) -> tuple[np.ndarray, int]:
    """Name the largest clusters by what most of each is; -1 is no cluster."""
    names = np.full(len(truth), UNNAMED, dtype=object)
    sizes = Counter(labels[labels >= 0].tolist()).most_common(decisions)
    for label, _ in sizes:
        names[labels == label] = Counter(truth[labels == label].tolist()).most_common(1)[0][0]
    return names, len(sizes)


def look_one_by_one(season: Season, *, decisions: int, learns: bool) -> tuple[np.ndarray, int]:
    """Decide about crops one by one, by the first look's scores or by a ranker that learns from the decisions.

    What a ranker takes for novel in the end is called so; its names are only "novel" and the most common species.
    """
    odd = season.is_novel
    looks = Normaliser.fit(season.rows, sections=season.sections, weights=season.weights).transform(season.rows)
    decided: list[int] = []
    odds = season.scores.astype(float)
    while len(decided) < min(decisions, len(odd)):
        order = np.argsort(-odds, kind="stable")
        decided += [int(i) for i in order[~np.isin(order, decided)][: min(ROUND, decisions - len(decided))]]
        if learns:
            odds = Ranker.fit(looks[decided], season.scores[decided], odd[decided]).log_odds(looks, season.scores)
    called = odds > 0 if learns else np.zeros(len(odd), dtype=bool)
    called[decided] = odd[decided]
    usual = Counter(season.truth[~odd].tolist()).most_common(1)[0][0]
    return np.where(called, sorted(season.novel)[0], usual).astype(object), len(decided)


def measure_names(season: Season, names: np.ndarray, made: int) -> dict[str, float]:
    """Decisions, crops named right, novel crops found and lost, and of what is called novel, the share that is."""
    odd, called = season.is_novel, np.isin(names, list(season.novel))
    return {
        "decisions": made,
        "right": float((names == season.truth).mean()),
        "found": float(called[odd].mean()) if odd.any() else float("nan"),
        "lost": float((odd & ~called).sum()),
        "precision": float(odd[called].mean()) if called.any() else 0.0,
    }


def judge_by_halves(season: Season, names: np.ndarray) -> dict[str, float]:
    """A bundle made from the names on one half of the events scores the other half: AUROC, AP and false alarms.

    What is called novel, or nothing, is not learned from, and the figures count animals only.
    """
    learnt = ~np.isin(names, [UNNAMED, SEVERAL, NO_ANIMAL, *season.novel])
    events = np.unique(season.events.astype(str), return_inverse=True)[1]
    side = np.random.default_rng(0).permutation(events.max() + 1)[events] % 2
    scores, p_values = np.full(len(names), np.nan), np.full(len(names), np.nan)
    for half in (0, 1):
        use = learnt & (side != half)
        judge = fit_judge(
            season.rows[use],
            names[use].tolist(),
            season.events[use].tolist(),
            sections=season.sections,
            weights=season.weights,
        )
        judged = judge.judge(season.rows[side == half])
        scores[side == half], p_values[side == half] = judged.scores, judged.p_values
    animals = season.truth != NO_ANIMAL
    odd = season.is_novel[animals]
    return {
        "auroc": compute_auroc(scores[animals], novel=odd),
        "average_precision": compute_average_precision(scores[animals], novel=odd),
        "false_alarms": float((p_values[animals][~odd] <= RATE).mean()),
        "flagged": float((p_values[animals][odd] <= RATE).mean()),
    }


def measure_season(season: Season, *, with_bundles: bool, decisions: int = DECISIONS) -> dict[str, Any]:
    """All ways, on one season."""
    points = season.points()
    tree = make_tree([str(i) for i in range(len(points))], points, version="bench")
    whole = KMeans(min(decisions, len(points)), n_init=1, random_state=0).fit_predict(points)
    density = HDBSCAN(min_cluster_size=min(SMALLEST_CLUSTER, len(points)), copy=True).fit_predict(points)
    ways: dict[str, Callable[[], tuple[np.ndarray, int]]] = {
        "groups": lambda: name_groups(tree, season.truth, decisions=decisions),
        "k-means": lambda: name_clusters(whole, season.truth, decisions=decisions),
        "HDBSCAN": lambda: name_clusters(density, season.truth, decisions=decisions),
        "first look": lambda: look_one_by_one(season, decisions=decisions, learns=False),
        "active learning": lambda: look_one_by_one(season, decisions=decisions, learns=True),
    }
    figures: dict[str, Any] = {"crops": len(points), "novel": int(season.is_novel.sum()), "suggested": tree.suggested}
    named = {way: name() for way, name in ways.items()}
    figures["ways"] = {way: measure_names(season, *answer) for way, answer in named.items()}
    figures["first look AUROC"] = compute_auroc(season.scores, novel=season.is_novel)
    if with_bundles:
        for label, names in (("groups", named["groups"][0]), ("k-means", named["k-means"][0]), ("truth", season.truth)):
            try:
                figures.setdefault("bundles", {})[label] = judge_by_halves(season, names)
            except AnomalureError as error:
                figures.setdefault("notes", []).append(f"no bundle from {label}: {error}")
    return figures


def thin_out(season: Season, n: int, *, seed: int) -> Season:
    """The season with only so many novel crops."""
    odd = np.flatnonzero(season.is_novel)
    gone = np.random.default_rng(seed).permutation(odd)[n:]
    return season.take(np.setdiff1d(np.arange(len(season.truth)), gone))


def measure_rare(season: Season) -> dict[str, Any]:
    """The same with few novel crops, averaged over three draws."""
    figures = {}
    usual = int((~season.is_novel).sum())
    for label, n in (
        *((f"{share:.0%}", round(share * usual / (1 - share))) for share in SHARES),
        (f"{FEW} crops", FEW),
    ):
        if 1 <= n < int(season.is_novel.sum()):
            drawn = [measure_season(thin_out(season, n, seed=seed), with_bundles=False) for seed in SEEDS]
            figures[label] = {
                way: {key: float(np.mean([one["ways"][way][key] for one in drawn])) for key in first}
                for way, first in drawn[0]["ways"].items()
            }
    return figures


def measure_large() -> float:
    """Seconds to group 100,000 made-up crops of 64 directions."""
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(200, 64))
    points = (looks[rng.integers(0, 200, MANY)] + 0.5 * rng.normal(size=(MANY, 64))).astype(np.float32)
    start = time.perf_counter()
    make_tree([str(i) for i in range(MANY)], points, version="bench")
    return time.perf_counter() - start


def run_season(project: Project, name: str, images: Path, *, detector: str, boxes: Path | None) -> RunFolder:
    """A first look."""
    do_at_once(project, RunRequest(name=name, folder=images, detector=detector, boxes=boxes))
    return project.run(name)


def measure_wildlife(project: Project, *, quick: bool) -> dict[str, Any]:
    """The season of ../shared/data with raccoons unknown, with the truth's boxes and with YOLOv8n's."""
    truth, figures = read_labels(WILDLIFE / "annotations.json"), {}
    for name, boxes in (("YOLOv8n's boxes", None), ("truth boxes", WILDLIFE / "annotations.json")):
        run = run_season(
            project,
            name.split()[0].lower().replace("'s", ""),
            WILDLIFE / "images" / "season",
            detector=str(DETECTOR),
            boxes=boxes,
        )
        season = open_season(run, truth, novel=["raccoon"], split="season")
        figures[f"wildlife, {name}"] = {
            **measure_season(season, with_bundles=True),
            "rare": {} if quick else measure_rare(season),
        }
        if not quick:
            figures[f"wildlife, {name}"]["each in turn"] = {
                species: measure_season(replace(season, novel=frozenset([species])), with_bundles=False)["ways"][
                    "groups"
                ]
                for species in sorted(set(season.truth.tolist()) - {NO_ANIMAL, SEVERAL})
            }
    return figures


def measure_mammals(project: Project) -> dict[str, Any]:
    """Whole frames and YOLOv8n's boxes of one camera in a box, with stoats unknown."""
    truth, figures = read_labels(MAMMALS / "labels.csv"), {}
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "no-boxes.json"
        images = [{"id": i, "file_name": photo.file_name} for i, photo in enumerate(truth.photos)]
        frames.write_text(
            json.dumps({"images": images, "annotations": [], "categories": [{"id": 0, "name": "animal"}]})
        )
        for name, boxes in (("whole frames", frames), ("YOLOv8n's boxes", None)):
            run = run_season(
                project,
                f"mammals-{name.split()[0].lower().replace(chr(39), '')}",
                MAMMALS / "images",
                detector=str(DETECTOR),
                boxes=boxes,
            )
            season = open_season(run, truth, novel=["stoat"], split=None)
            figures[f"smallmammal, {name}"] = measure_season(season, with_bundles=False)
    return figures


def measure_own(project: Project, options: argparse.Namespace) -> dict[str, Any]:
    """Anybody's season: the photos of the truth's split ``season`` if there is one, else all."""
    truth = read_labels(options.truth)
    splits = {photo.split for photo in truth.photos}
    counts = Counter(label.species for photo in truth.photos for label in photo.labels if label.species)
    known = {label.species for photo in truth.photos if photo.split == "train" for label in photo.labels}
    novel = options.novel or sorted(set(counts) - known) if known else options.novel or [counts.most_common()[-1][0]]
    figures = {}
    for name, boxes in (("detector", None), ("truth", options.truth)):
        run = run_season(project, name, options.images, detector=options.detector, boxes=boxes)
        season = open_season(run, truth, novel=novel, split="season" if "season" in splits else None)
        if season.is_novel.all() or not season.is_novel.any():
            shown = f"{season.is_novel.sum()} of {len(season.truth)} crops show what counts as novel"
            print(f"Boxes of {name}: left out, {shown} ({', '.join(novel) or 'nothing'}).", file=sys.stderr)
            print(f"Name other species with --novel, out of: {', '.join(sorted(counts))}.", file=sys.stderr)
            continue
        figures[f"{options.images.name}, boxes of {name}"] = {
            **measure_season(season, with_bundles=True),
            "rare": {} if options.quick else measure_rare(season),
        }
    return figures


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach, and whether they do."""
    targets = []
    if "wildlife, YOLOv8n's boxes" in figures:
        part = figures["wildlife, YOLOv8n's boxes"]
        groups, bundles = part["ways"]["groups"], part["bundles"]
        targets += [
            at_most("decisions, wildlife, YOLOv8n's boxes", groups["decisions"], DECISIONS),
            at_least("raccoons found, wildlife, YOLOv8n's boxes", groups["found"], FOUND),
            at_least("of what is called raccoon, right", groups["precision"], RIGHT),
            at_most(
                "AUROC behind the bundle from true labels",
                bundles["truth"]["auroc"] - bundles["groups"]["auroc"],
                BEHIND,
            ),
        ]
    if "seconds, 100,000 crops" in figures:
        targets.append(at_most("seconds to group 100,000 crops", figures["seconds, 100,000 crops"], MOST_MANY_S))
    return targets


def print_tables(figures: dict[str, Any]) -> None:
    """The figures as tables in Markdown."""
    for case, part in figures.items():
        if not isinstance(part, dict):
            print(f"\n{case}: {part:.1f}")
            continue
        print(
            f"\n**{case}**: {part['crops']} crops, {part['novel']} of them novel; {part['suggested']} groups suggested;"
            f" the first look's order has AUROC {part['first look AUROC']:.3f}\n"
        )
        print(
            "| | decisions | crops named right | novel found | novel lost | called novel, right |\n"
            "|---|---|---|---|---|---|"
        )
        lines = [("", part["ways"]), *((f", {label}", ways) for label, ways in part.get("rare", {}).items())]
        for label, ways in lines:
            for way, one in ways.items():
                print(f"| {way}{label} | {_cells(one)} |")
        for species, one in part.get("each in turn", {}).items():
            print(f"| groups, {species} unknown | {_cells(one)} |")
        if "bundles" in part:
            print(
                "\n| bundle made from | AUROC | average precision | usual flagged | novel flagged |\n"
                "|---|---|---|---|---|"
            )
            for label, one in part["bundles"].items():
                print(
                    f"| {label} | {one['auroc']:.3f} | {one['average_precision']:.3f} | {one['false_alarms']:.3f} | "
                    f"{one['flagged']:.3f} |"
                )
        for note in part.get("notes", []):
            print(f"\n{note}")


def _cells(one: dict[str, float]) -> str:
    return (
        f"{one['decisions']:.0f} | {one['right']:.3f} | {one['found']:.3f} | {one['lost']:.1f} | {one['precision']:.3f}"
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "project")
        if options.images:
            return measure_own(project, options)
        figures = measure_wildlife(project, quick=options.quick)
        if not options.quick:
            figures |= measure_mammals(project)
            figures["seconds, 100,000 crops"] = measure_large()
        return figures


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing, 2 if the options do not fit."""
    parser = argparse.ArgumentParser(description="What forty decisions about groups are worth.")
    parser.add_argument("--images", type=Path, help="a folder of photos, instead of ../shared/data")
    parser.add_argument("--truth", type=Path, help="their labels: COCO or another format that Anomalure reads")
    parser.add_argument(
        "--detector", default=str(DETECTOR), help="a name or a path; default: YOLOv8n of ../shared/data"
    )
    parser.add_argument(
        "--novel",
        nargs="*",
        default=[],
        help="species that count as novel; default: those not in split train, or without splits the rarest",
    )
    parser.add_argument("--quick", action="store_true", help="only the wildlife season, all of its crops")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if (options.images is None) != (options.truth is None):
        parser.error("--images and --truth belong together")
    if options.images is None and not WILDLIFE.is_dir():
        print(f"This bench needs the real photos in {WILDLIFE}, which are not here.", file=sys.stderr)
        return 1
    figures = measure(options)
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
