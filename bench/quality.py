"""Measures how well scores tell odd animals from usual ones on real photos: bundles, first looks, and plain distances.

    python bench/quality.py [--quick] [--no-encoders] [--json]

The default encoder is EfficientNet-Lite2; beside it stands the default of earlier versions, MobileNetV2 with the
features of the detector. Known are the four species of the wildlife train split; the season adds raccoons. Because
nothing may be tuned to raccoons alone, each species in turn plays the odd one as well. bench/encoder_table.py
measures every encoder by every one-class model. Needs ../shared/data.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)
import pandas as pd  # noqa: E402

from bench.encoder_table import LITE2_NAME, bench_encoders, print_encoder_tables  # noqa: E402
from bench.targets import Target, at_least, at_most, report, within  # noqa: E402
from bench.whole_frames import embed_whole_frames  # noqa: E402
from core.evaluation.judging import evaluate_run  # noqa: E402
from core.evaluation.metrics import compute_auroc, compute_average_precision  # noqa: E402
from core.formats.labelled import LabelFile  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.records import hash_content  # noqa: E402
from core.runs.folder import RunFolder  # noqa: E402
from core.runs.parts import EmbeddedShards, Encoder, Scorer  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from core.study.project import Project  # noqa: E402
from models.bundles.bundle import Bundle  # noqa: E402
from models.bundles.training import TrainingCrops, embed_labelled  # noqa: E402
from models.encoders.loading import EncoderSpec, load_encoder  # noqa: E402
from models.encoders.sections import weigh_sections  # noqa: E402
from models.encoders.spec import bundled_encoder  # noqa: E402
from models.jobs.bundle import BundleRequest, train_bundle  # noqa: E402
from models.jobs.registry import do_at_once  # noqa: E402
from models.jobs.run import RunRequest  # noqa: E402
from models.judging.first_look import FirstLookScorer  # noqa: E402
from models.judging.judge import fit_judge  # noqa: E402
from models.judging.outliers import OutlierModel  # noqa: E402
from models.one_class.methods import fit_one_class, list_one_class  # noqa: E402
from models.one_class.ocsvm import SupportVectorModel  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
WILDLIFE = DATA / "wildlife"
TRUTH = WILDLIFE / "annotations.json"
DETECTOR = DATA / "weights" / "yolov8n_int8_openvino_model"
SPEC = bundled_encoder()
MOBILENET = EncoderSpec(backbone="mobilenet_v2", weights=str(DATA / "weights" / "mobilenet_v2.safetensors"))
EARLIER_SPECS = (MOBILENET, EncoderSpec(detector=str(DETECTOR)))
KNOWN = ("deer", "elephant", "lion", "turkey")
NOVEL = "raccoon"
FEW = 8
BANDS = (8, 30, 60)
SEEDS = (0, 1, 2)
NEIGHBOURS = 10
LEAST_AUROC = 0.99
LEAST_MEAN, LEAST_WORST = 0.985, 0.965
"""AUROC over each species unknown in turn."""
MOST_REVIEW = 0.20
WORST_STOAT = 6
MANY_ROWS, MANY_COLUMNS, MOST_FIT_S = 50_000, 128, 5.0
RATES = ((0.05, 0.03, 0.07), (0.01, 0.0, 0.02))


class NearestNeighbours:
    """The baseline: mean cosine distance to the ten nearest other crops of the whole run."""

    def __init__(self, sections: Sequence[int]) -> None:
        self._sections = sections

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        """As ``core.runs.parts.Scorer``; p-values are not given, so nothing is flagged."""
        distances = measure_neighbours(np.concatenate([rows for _, rows in shards]), self._sections, ())
        start = 0
        for crops, _ in shards:
            score = distances[start : start + len(crops)]
            start += len(crops)
            yield pd.DataFrame(
                {
                    "crop_id": crops["crop_id"],
                    "species": "",
                    "score": score,
                    "p_value": 1.0,
                    "flagged": False,
                    "judged_by": "nearest neighbours",
                    "judged_against": "all",
                }
            )


class WithoutPhotos:
    """A run as if some photos were not in the folder: their crops get score 0 and are left out of the truth."""

    def __init__(self, scorer: Scorer, photo_ids: set[str]) -> None:
        self._scorer = scorer
        self._photo_ids = photo_ids

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        """As ``core.runs.parts.Scorer``."""
        kept = []
        for crops, rows in shards:
            mask = ~crops["photo_id"].isin(self._photo_ids).to_numpy()
            kept.append((crops[mask].reset_index(drop=True), rows[mask]))
        for (crops, _), scored in zip(shards, self._scorer.score(kept), strict=True):
            table = crops[["crop_id"]].merge(scored, on="crop_id", how="left")
            defaults = {"score": 0.0, "p_value": 1.0, "flagged": False}
            table = table.fillna({**defaults, "species": "", "judged_by": "left out", "judged_against": "none"})
            yield table.astype({"flagged": bool})


def scale_rows(rows: np.ndarray, *, sections: Sequence[int]) -> np.ndarray:
    """Each section and each row of length 1, float32, shape ``(n, d)``."""
    parts = np.split(np.asarray(rows, dtype=np.float32), np.cumsum(sections)[:-1], axis=1)
    return np.concatenate([part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts], axis=1) / np.sqrt(
        len(parts)
    )


def measure_neighbours(rows: np.ndarray, sections: Sequence[int], groups: Sequence[str]) -> np.ndarray:
    """Mean cosine distance to the ten nearest others, shape ``(n,)``."""
    scaled = scale_rows(rows, sections=sections)
    similar = scaled @ scaled.T
    np.fill_diagonal(similar, -np.inf)
    return 1 - np.sort(similar, axis=1)[:, -NEIGHBOURS:].mean(axis=1)


def measure_outliers(rows: np.ndarray, sections: Sequence[int], groups: Sequence[str]) -> np.ndarray:
    """The first look's distance within one group, shape ``(n,)``."""
    model = OutlierModel.fit(rows, groups, sections=sections, weights=weigh_sections((SPEC,), sections))
    return model.score_samples(rows, groups)


def summarise(evaluation: Any) -> dict[str, Any]:
    """The figures of an evaluation that the table shows."""
    values = evaluation.to_values()
    names = ("auroc", "average_precision", "review_at_95", "recall_flagged", "false_alarm_rate", "n_known", "n_novel")
    return {name: values[name] for name in names}


def rescore(run: RunFolder, scorer: Scorer, truth: LabelFile) -> dict[str, Any]:
    """Score a copy of a run with another scorer, and evaluate it against the truth."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / run.run_id
        shutil.copytree(run.path, path, ignore=shutil.ignore_patterns("catalogue-*"))
        copy = RunFolder.open(path)
        copy.write_all_scores(scorer.score(copy.embedded_shards()))
        return summarise(evaluate_run(copy, truth, known_species=KNOWN, split="season"))


def keep_few(truth: LabelFile, *, seed: int) -> tuple[LabelFile, set[str]]:
    """The truth with a seeded few of the raccoon photos, and the content hashes of the others."""
    raccoons = [photo for photo in truth.photos if any(label.species == NOVEL for label in photo.labels)]
    order = np.random.default_rng(seed).permutation(len(raccoons))
    gone = {raccoons[i].file_name for i in order[FEW:]}
    hashes = {hash_content((WILDLIFE / "images" / name).read_bytes()) for name in gone}
    return replace(truth, photos=tuple(photo for photo in truth.photos if photo.file_name not in gone)), hashes


def bench_runs(project: Project, bundle: Bundle, truth: LabelFile, *, boxes: Path | None) -> dict[str, Any]:
    """One run over the season, scored by the bundle, by a first look, and by nearest neighbours."""
    settings = RunSettings()
    name = "boxes" if boxes else "detector"
    do_at_once(
        project,
        RunRequest(
            folder=WILDLIFE / "images" / "season", name=name, bundle=bundle.name, boxes=boxes, detector=str(DETECTOR)
        ),
    )
    run = project.run(name)
    counts = run.counts()
    figures: dict[str, Any] = {
        "photos": counts.photos,
        "with_crops": counts.with_crops,
        "whole_frames": counts.whole_frames,
        "failures": counts.failures,
        "bundle": summarise(evaluate_run(run, truth, known_species=KNOWN, split="season")),
    }
    for label, scorer in (
        ("first_look", FirstLookScorer(settings, bundle.sections, weigh_sections(bundle.encoders, bundle.sections))),
        ("nearest", NearestNeighbours(bundle.sections)),
    ):
        figures[f"{label}_all"] = rescore(run, scorer, truth)
        few = []
        for seed in SEEDS:
            fewer, gone = keep_few(truth, seed=seed)
            few.append(rescore(run, WithoutPhotos(scorer, gone), fewer))
        figures[f"{label}_few"] = {key: float(np.mean([item[key] for item in few])) for key in few[0]}
        figures[f"{label}_few_of_each_seed"] = [item["auroc"] for item in few]
    return figures


def bench_promise(specs: Sequence[EncoderSpec], truth: LabelFile) -> dict[str, Any]:
    """Shares of the season's known crops that are flagged, and AUROC with each species unknown in turn."""
    encoder = load_encoder(specs)
    train, season = (
        embed_labelled(
            [photo for photo in truth.photos if photo.split == split],
            WILDLIFE / "images",
            encoder=encoder,
            settings=RunSettings(),
        )
        for split in ("train", "season")
    )
    learnt, asked = np.array(train.species, dtype=object), np.array(season.species, dtype=object)
    groups, rows, asked_rows = train.groups(gap_s=60.0), train.rows(), season.rows()
    figures: dict[str, Any] = {"auroc_by_novel": {}}
    for novel in (NOVEL, *KNOWN):
        known = [species for species in KNOWN if species != novel]
        use = np.isin(learnt, known)
        judge = fit_judge(
            rows[use],
            learnt[use].tolist(),
            groups[use].tolist(),
            sections=train.sections,
            weights=weigh_sections(specs, train.sections),
        )
        shown = np.isin(asked, [*known, novel])
        judged = judge.judge(asked_rows[shown])
        is_novel = asked[shown] == novel
        figures["auroc_by_novel"][novel] = compute_auroc(judged.scores, novel=is_novel)
        if novel == NOVEL:
            for kind in known:
                own = judged.p_values[asked[shown] == kind]
                figures[f"{kind}_flagged"] = {f"{rate:g}": float((own <= rate).mean()) for rate, _, _ in RATES}
            for rate, _, _ in RATES:
                figures[f"known_flagged_at_{rate:g}"] = float((judged.p_values[~is_novel] <= rate).mean())
                figures[f"novel_flagged_at_{rate:g}"] = float((judged.p_values[is_novel] <= rate).mean())
    by_novel = list(figures["auroc_by_novel"].values())
    return {**figures, "mean_auroc": float(np.mean(by_novel)), "worst_auroc": min(by_novel)}


def list_first_looks(season: TrainingCrops) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, indices of the crops among ``rows`` and which are odd; each species in turn, then other cameras."""
    species = np.array(season.species, dtype=object)
    for odd in (*KNOWN, NOVEL):
        others, own = np.flatnonzero(~np.isin(species, ["", odd])), np.flatnonzero(species == odd)
        for n in BANDS:
            for seed in SEEDS[: 1 if n >= len(own) else 2]:
                chosen = np.random.default_rng(seed).permutation(own)[:n]
                everyone = np.concatenate([others, chosen])
                yield f"{odd}, {n} crops", everyone, np.isin(everyone, chosen)


def bench_first_looks(season: TrainingCrops, encoder: Encoder, *, quick: bool) -> dict[str, dict[str, float]]:
    """Our distance and the baseline on the same embeddings, averaged over the seeds of each case."""
    cases: dict[str, list[list[float]]] = {}

    def add(name: str, rows: np.ndarray, groups: list[str], odd: np.ndarray, sections: Sequence[int]) -> None:
        pair: list[float] = []
        for measure in (measure_outliers, measure_neighbours):
            scores = measure(rows, sections, groups)
            pair += [compute_auroc(scores, novel=odd), compute_average_precision(scores, novel=odd)]
        cases.setdefault(name, []).append(pair)

    rows, photos = season.rows(), np.array(season.photos, dtype=object)
    for name, chosen, odd in list_first_looks(season):
        add(name, rows[chosen], photos[chosen].tolist(), odd, season.sections)
    if not quick:
        settings = RunSettings()
        frames, labels = embed_whole_frames(DATA / "smallmammal", encoder)
        add("4 stoats, whole frames", frames.rows(), frames.photos, labels == "stoat", frames.sections)
        empty, voles = np.flatnonzero(labels == "empty"), np.flatnonzero(labels == "vole")
        for seed in SEEDS:
            chosen = np.concatenate([empty, np.random.default_rng(seed).permutation(voles)[:FEW]])
            add(
                "8 voles, whole frames",
                frames.rows()[chosen],
                [frames.photos[i] for i in chosen],
                labels[chosen] == "vole",
                frames.sections,
            )
        folder = DATA / "formats" / "ena24_small"
        others = embed_labelled(
            read_labels(folder / "coco_annotations.json").photos, folder, encoder=encoder, settings=settings
        )
        known = np.flatnonzero(np.isin(np.array(season.species, dtype=object), KNOWN))
        kinds = np.array(others.species, dtype=object)
        for kind in sorted(set(others.species)):
            strange = np.flatnonzero(kinds == kind)
            add(
                "3 crops of a species of ENA24",
                np.concatenate([rows[known], others.rows()[strange]]),
                [*photos[known], *(others.photos[i] for i in strange)],
                np.arange(len(known) + len(strange)) >= len(known),
                season.sections,
            )
    names = ("auroc", "average_precision", "nearest_auroc", "nearest_average_precision")
    figures = {name: dict(zip(names, np.mean(pairs, axis=0).tolist(), strict=True)) for name, pairs in cases.items()}
    figures["mean"] = {key: float(np.mean([item[key] for item in figures.values()])) for key in names}
    return figures


def bench_fits(*, quick: bool) -> dict[str, float]:
    """Seconds to fit each one-class model on many rows; in the full run also the exact SVM on two fifths of them."""
    rows = np.random.default_rng(0).normal(size=(MANY_ROWS, MANY_COLUMNS)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    seconds = {}
    for name in list_one_class():
        if quick and name != "ocsvm":
            continue
        start = time.perf_counter()
        fit_one_class(rows, name=name)
        seconds[name] = time.perf_counter() - start
    if not quick:
        start = time.perf_counter()
        SupportVectorModel.fit(rows[: MANY_ROWS * 2 // 5], exact_rows=MANY_ROWS)
        seconds["ocsvm, exact, two fifths of the rows"] = time.perf_counter() - start
    return seconds


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach, and whether they do."""
    boxes, default = figures["boxes"], figures["default"]
    targets = [
        at_least("AUROC of the default bundle, truth boxes", default["auroc"], LEAST_AUROC),
        at_most("share to review for 95%, default bundle, truth boxes", default["review_at_95"], MOST_REVIEW),
        at_most(f"seconds to fit {MANY_ROWS:,} x {MANY_COLUMNS}", figures["fit_s"]["ocsvm"], MOST_FIT_S),
    ]
    frames = figures["encoders"]["frames"] if "encoders" in figures else None
    if frames:
        worst = max(max(half) for half in frames[LITE2_NAME]["ocsvm"])
        targets.append(at_most("worst rank of a stoat, default encoder and model", worst, WORST_STOAT))
    for name, said in (("all", "all raccoons"), ("few", f"{FEW} raccoon photos")):
        title = f"AUROC of the first look with {said}, over nearest neighbours"
        targets.append(at_least(title, boxes[f"first_look_{name}"]["auroc"], boxes[f"nearest_{name}"]["auroc"]))
    mean = figures["first_looks"]["mean"]
    targets.append(
        at_least("mean AUROC of the first looks, over nearest neighbours", mean["auroc"], mean["nearest_auroc"])
    )
    if "promise" in figures:
        targets += [
            at_least("mean AUROC, each species unknown in turn", figures["promise"]["mean_auroc"], LEAST_MEAN),
            at_least("worst AUROC of a species unknown in turn", figures["promise"]["worst_auroc"], LEAST_WORST),
        ]
    for rate, low, high in RATES if "promise" in figures else ():
        flagged = figures["promise"][f"known_flagged_at_{rate:g}"]
        targets.append(within(f"share of known crops flagged at {rate:g}", flagged, low, high))
    return targets


def print_tables(figures: dict[str, Any]) -> None:
    """The figures as tables in Markdown."""
    default = figures["default"]
    print(
        f"\nDefault bundle, season, truth boxes: AUROC {default['auroc']:.3f}, average precision "
        f"{default['average_precision']:.3f}, to review for 95% {default['review_at_95']:.3f}, flagged "
        f"{default['recall_flagged']:.3f} of the odd and {default['false_alarm_rate']:.3f} of the usual"
    )
    if "encoders" in figures:
        print_encoder_tables(figures["encoders"])
    print(f"\n| fit on {MANY_ROWS:,} x {MANY_COLUMNS} | seconds |\n|---|---|")
    for name, seconds in figures["fit_s"].items():
        print(f"| {name} | {seconds:.1f} |")
    for name, title in (("boxes", "truth boxes"), ("detector", "YOLOv8n int8")):
        if name not in figures:
            continue
        part = figures[name]
        print(
            f"\nSeason, {title}: {part['photos']} photos = {part['with_crops']} with crops + {part['whole_frames']} "
            f"whole frames + {part['failures']} failures"
        )
        print("\n| | AUROC | average precision | to review for 95% | flagged, odd | flagged, usual | odd crops |")
        print("|---|---|---|---|---|---|---|")
        for key, said in (
            ("bundle", "bundle"),
            ("first_look_all", "first look"),
            ("nearest_all", "10 nearest"),
            ("first_look_few", f"first look, {FEW} raccoon photos"),
            ("nearest_few", f"10 nearest, {FEW} raccoon photos"),
        ):
            item = part[key]
            cells = [f"{item[field]:.3f}" for field in ("auroc", "average_precision", "review_at_95")]
            flags = (
                ["", ""]
                if key.startswith("nearest")
                else [f"{item['recall_flagged']:.3f}", f"{item['false_alarm_rate']:.3f}"]
            )
            print(f"| {said} | {' | '.join(cells + flags)} | {item['n_novel']:g} |")
    if "promise" in figures:
        print("\n| unknown to the bundle | AUROC | encoder of before |\n|---|---|---|")
        for novel, auroc in figures["promise"]["auroc_by_novel"].items():
            print(f"| {novel} | {auroc:.3f} | {figures['earlier']['auroc_by_novel'][novel]:.3f} |")
        for name in ("mean_auroc", "worst_auroc"):
            print(f"| {name[:-6]} | {figures['promise'][name]:.3f} | {figures['earlier'][name]:.3f} |")
    print("\n| odd ones in a first look | AUROC | 10 nearest | average precision | 10 nearest |\n|---|---|---|---|---|")
    for name, item in figures["first_looks"].items():
        print(
            f"| {name} | {item['auroc']:.3f} | {item['nearest_auroc']:.3f} | {item['average_precision']:.3f} | "
            f"{item['nearest_average_precision']:.3f} |"
        )


def measure(*, quick: bool, encoders: bool = True) -> dict[str, Any]:
    """All figures; without ``encoders`` those of the many encoders and one-class models are left out."""
    truth = read_labels(TRUTH)
    encoder = load_encoder(SPEC)
    images = WILDLIFE / "images"
    season = embed_labelled(
        [photo for photo in truth.photos if photo.split == "season"], images, encoder=encoder, settings=RunSettings()
    )
    figures: dict[str, Any] = {"fit_s": bench_fits(quick=quick)}
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "project")
        request = BundleRequest(name="wildlife", images=images, split="train", encoders=(SPEC,), detector=str(DETECTOR))
        bundle = train_bundle(request, truth, out_dir=project.bundles_dir, encoder=encoder)
        figures["boxes"] = bench_runs(project, bundle, truth, boxes=TRUTH)
        evaluation = evaluate_run(
            project.run("boxes"), truth, known_species=KNOWN, split="season", with_intervals=not quick
        )
        figures["default"] = {**summarise(evaluation), "intervals": evaluation.intervals}
        if not quick:
            figures["detector"] = bench_runs(project, bundle, truth, boxes=None)
    if not quick:
        figures["promise"] = bench_promise((SPEC,), truth)
        figures["earlier"] = bench_promise(EARLIER_SPECS, truth)
    if encoders:
        figures["encoders"] = bench_encoders(
            MOBILENET,
            detector=DETECTOR,
            truth=truth,
            images=images,
            known=KNOWN,
            novel=NOVEL,
            mammals=DATA / "smallmammal",
            quick=quick,
        )
    figures["first_looks"] = bench_first_looks(season, encoder, quick=quick)
    return figures


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    parser = argparse.ArgumentParser(description="How well scores tell odd animals from usual ones.")
    parser.add_argument("--quick", action="store_true", help="truth boxes and the wildlife season only; about a minute")
    parser.add_argument(
        "--no-encoders", action="store_true", help="without the tables of all encoders, which take most of the time"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if not TRUTH.is_file():
        print(f"This bench needs the real photos in {WILDLIFE}, which are not here.", file=sys.stderr)
        return 1
    figures = measure(quick=options.quick, encoders=not options.no_encoders)
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
