"""What boxes on nothing and on people do to a bundle's figures, with and without the background class.

    python bench/nothing.py [--quick] [--json]

YOLOv8n's boxes on the wildlife photos, the default encoder. Two bundles: of the labels' boxes, and of the detector's
boxes with a background class. Besides raccoons each known species is unknown in turn, without the raccoons' photos, so
that nothing is tuned to raccoons. Needs ../shared/data.
"""

import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)

from bench.targets import Target, at_least, at_most, run_with_photos, within  # noqa: E402
from core.evaluation.judging import judge_crops, measure_judged  # noqa: E402
from core.formats.labelled import LabelFile  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.records import PERSON  # noqa: E402
from core.runs.folder import RunFolder  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from core.study.project import Project  # noqa: E402
from models.bundles.bundle import Bundle  # noqa: E402
from models.bundles.making import make_bundle  # noqa: E402
from models.bundles.rows import TrainingRows  # noqa: E402
from models.bundles.scorer import BundleScorer  # noqa: E402
from models.bundles.training import embed_labelled  # noqa: E402
from models.detectors.loading import load_detector  # noqa: E402
from models.encoders.loading import load_encoder  # noqa: E402
from models.encoders.spec import bundled_encoder  # noqa: E402
from models.jobs.registry import do_at_once  # noqa: E402
from models.jobs.run import RunRequest  # noqa: E402

WILDLIFE = ROOT.parent / "shared" / "data" / "wildlife"
DETECTOR = ROOT.parent / "shared" / "data" / "weights" / "yolov8n_int8_openvino_model"
KNOWN = ("deer", "elephant", "lion", "turkey")
NOVEL = "raccoon"
LEAST_AUROC, MOST_REVIEW = 0.975, 0.20
LABELS, BACKGROUND = "boxes of the labels", "detector's boxes and background class"
SPECS = (bundled_encoder(),)


def embed_rows(truth: LabelFile) -> dict[str, tuple[TrainingRows, tuple[int, ...]]]:
    """The training rows of both bundles, and the lengths of their sections."""
    photos = [photo for photo in truth.photos if photo.split == "train"]
    encoder, settings = load_encoder(SPECS), RunSettings()
    rows = {}
    for name, detector in ((LABELS, None), (BACKGROUND, load_detector(str(DETECTOR), settings))):
        crops = embed_labelled(photos, WILDLIFE / "images", encoder=encoder, settings=settings, detector=detector)
        rows[name] = (crops.training_rows(gap_s=settings.event_gap_s), crops.sections)
    return rows


def rescore(run: RunFolder, bundle: Bundle, truth: LabelFile, known: tuple[str, ...]) -> dict[str, Any]:
    """The figures of a copy of a run, scored by another bundle."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / run.run_id
        shutil.copytree(run.path, path, ignore=shutil.ignore_patterns("catalogue-*"))
        copy = RunFolder.open(path)
        copy.write_all_scores(BundleScorer(bundle, RunSettings()).score(copy.embedded_shards()))
        judged = judge_crops(copy, truth, known_species=known, split="season")
    values = measure_judged(judged, with_intervals=False)[0].to_values()
    names = ("auroc", "average_precision", "review_at_95", "recall_flagged", "false_alarm_rate", "n_novel")
    is_person = judged.crops["called"] == PERSON
    shown = measure_judged(replace(judged, crops=judged.crops[~is_person]), with_intervals=False)[0]
    return {
        **{name: values[name] for name in names},
        **values["apart"],
        "without_people": {
            "auroc": shown.auroc,
            "review_at_95": shown.review_at_95,
            "n_novel_lost": int((judged.crops["novel"] & is_person).sum()),
        },
    }


def measure(*, quick: bool) -> dict[str, Any]:
    """The figures of both bundles by what is unknown."""
    truth = read_labels(WILDLIFE / "annotations.json")
    without = replace(
        truth, photos=tuple(one for one in truth.photos if not any(label.species == NOVEL for label in one.labels))
    )
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder) / "project")
        rows = embed_rows(truth)
        run: RunFolder | None = None
        for name, (every, sections) in rows.items():
            for novel in (NOVEL,) if quick else (NOVEL, *KNOWN):
                bundle = make_bundle(
                    every.select(every.column("species") != novel),
                    name=f"{novel}-{len(figures)}",
                    encoders=SPECS,
                    sections=sections,
                    detector=str(DETECTOR),
                    settings=RunSettings(),
                    out_dir=project.bundles_dir,
                )
                if run is None:
                    folder_of = WILDLIFE / "images" / "season"
                    do_at_once(project, RunRequest(folder=folder_of, name="season", bundle=bundle.name))
                    run = project.run("season")
                known = tuple(one for one in KNOWN if one != novel)
                asked = truth if novel == NOVEL else without
                figures.setdefault(name, {})[novel] = rescore(run, bundle, asked, known)
    return figures


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach, and whether they do."""
    ours = figures[BACKGROUND]
    targets = [
        at_least("AUROC, YOLOv8n's boxes, boxes on nothing included", ours[NOVEL]["auroc"], LEAST_AUROC),
        at_most("share to review for 95%, YOLOv8n's boxes", ours[NOVEL]["review_at_95"], MOST_REVIEW),
        within("share of usual animals flagged at 0.05", ours[NOVEL]["usual_flagged"], 0.03, 0.07),
        at_most("raccoons called nothing", ours[NOVEL]["called_nothing"]["novel"], 0),
    ]
    if len(ours) > 1:
        means = [float(np.mean([part["auroc"] for part in figures[name].values()])) for name in (BACKGROUND, LABELS)]
        targets.append(at_least("mean AUROC, each species unknown in turn, over labels' boxes", *means))
    return targets


def print_tables(figures: dict[str, Any]) -> None:
    """The figures as a table in Markdown."""
    print(
        "\n| trained on | unknown | AUROC | average precision | to review for 95% | flagged: novel, usual animals, "
        "nothing | called nothing: novel, usual, nothing | without boxes of people: AUROC, to review (novel lost) |"
        "\n|---|---|---|---|---|---|---|---|"
    )
    for name, by_novel in figures.items():
        for novel, item in by_novel.items():
            shares = ", ".join(f"{item[key]:.3f}" for key in ("recall_flagged", "usual_flagged", "nothing_flagged"))
            left = item["without_people"]
            called = ", ".join(str(item["called_nothing"][key]) for key in ("novel", "usual", "nothing"))
            print(
                f"| {name} | {novel} ({item['n_novel']}) | {item['auroc']:.3f} | {item['average_precision']:.3f} | "
                f"{item['review_at_95']:.3f} | {shares} | {called} | {left['auroc']:.3f}, {left['review_at_95']:.3f} "
                f"({left['n_novel_lost']}) |"
            )


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    return run_with_photos(
        WILDLIFE,
        about="Boxes on nothing, with and without a background class.",
        quick="only raccoons are unknown",
        measure=lambda quick: measure(quick=quick),
        list_targets=list_targets,
        print_tables=print_tables,
    )


if __name__ == "__main__":
    sys.exit(main())
