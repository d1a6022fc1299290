"""``cli.py scenes``: what is unexpected in photos or events, and what is missing from them."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, FAILED, SOME_PHOTOS_FAILED
from commands.options import add_job, open_project, read_seed
from commands.progress_line import ProgressLine
from core.errors import WrongUsage

if TYPE_CHECKING:
    from core.scenes.from_labels import LabelledScenes
    from core.study.project import Project
    from models.scenes.trained import TrainedScenes

ABOUT = "learn which classes go together, and find what is unexpected in a photo or an event, or missing from it"
USUAL_RATE, USUAL_CONFIDENCE = 0.05, 0.5
MOST_SHOWN = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command: each of its jobs has its own."""
    from models.scenes.methods import DEFAULT, list_scene_models

    jobs = parser.add_subparsers(dest="scenes_job", metavar="train|score|decisions|experiment|agree", required=True)

    train = add_job(jobs, "train", "make a model of scenes from labels, or from the project's own runs and verdicts")
    train.set_defaults(job=_train)
    train.add_argument("--name", required=True, help="the name of the new model, which is kept in the project")
    _add_labels(train)
    train.add_argument(
        "--history",
        action="store_true",
        help="also learn from the project's own runs and verdicts, by event; without --labels they are all there is",
    )
    methods = list_scene_models()
    train.add_argument(
        "--model",
        choices=tuple(methods),
        default=DEFAULT,
        help=" ".join(f"{name}: {one.label}. {one.about}" for name, one in methods.items()),
    )
    train.add_argument(
        "--bottleneck", type=int, default=8, metavar="N", help="the autoencoder's narrow layer, 1 to 16; default: 8"
    )
    train.add_argument("--seed", type=read_seed, default=0)

    score = add_job(jobs, "score", "find unexpected and missing classes in labelled photos")
    score.set_defaults(job=_score)
    score.add_argument("--name", metavar="MODEL", help="the model of scenes; default: the project's newest")
    _add_labels(score)
    score.add_argument(
        "--run", metavar="R", help="look through the events of this run; default without --labels: the newest"
    )
    _add_rate(score)
    score.add_argument("--out", type=Path, metavar="FILE.csv", help="also write all findings as a table")

    decisions = add_job(jobs, "decisions", "write what people decided about classes that are missing from events")
    decisions.set_defaults(job=_decisions)
    decisions.add_argument("--run", metavar="R", help="of this run; default: the newest that is done")
    decisions.add_argument("--out", type=Path, metavar="FILE.csv", help="write them as a table")

    experiment = add_job(jobs, "experiment", "put classes into held-out scenes or take them out, and see who notices")
    experiment.set_defaults(job=_experiment)
    _add_labels(experiment, min_classes=3)
    experiment.add_argument(
        "--seeds", type=int, default=20, metavar="N", help="how often all is drawn anew; default: 20"
    )
    experiment.add_argument(
        "--bottlenecks",
        type=int,
        nargs="+",
        metavar="N",
        help="of the autoencoders to compare with; default: 5 to 15, as published",
    )

    agree = add_job(jobs, "agree", "how often a detector sees an object that the model misses: it was not annotated")
    agree.set_defaults(job=_agree)
    agree.add_argument("--name", metavar="MODEL", help="the model of scenes; default: the project's newest")
    _add_labels(agree)
    agree.add_argument(
        "--detections", type=Path, metavar="FILE", help="the detector's boxes: MegaDetector JSON or COCO"
    )
    agree.add_argument("--images", type=Path, metavar="DIR", help="the photos, for --detector to look at")
    agree.add_argument("--detector", metavar="NAME_OR_PATH", help="the detector that looks at --images")
    agree.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")
    agree.add_argument("--min-confidence", type=float, default=USUAL_CONFIDENCE, metavar="C", help="default: 0.5")
    _add_rate(agree)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Each of its jobs has a function of its own."""
    raise WrongUsage("Say what to do with scenes: train, score, decisions, experiment or agree.")


def _add_rate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--false-alarm-rate",
        type=float,
        default=USUAL_RATE,
        metavar="RATE",
        help="the share of ordinary scenes that you accept to be shown as odd; default: 0.05",
    )


def _add_labels(parser: argparse.ArgumentParser, *, min_classes: int = 1) -> None:
    parser.add_argument(
        "--labels",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="COCO, MegaDetector JSON, Camtrap DP or CSV; can be repeated",
    )
    parser.add_argument(
        "--by",
        choices=("photo", "event"),
        help="what a scene is; default: an event if the labels say where and when photos were taken, else a photo",
    )
    parser.add_argument(
        "--leave-out", nargs="+", default=[], metavar="CLASS", help="classes that do not count, such as person"
    )
    parser.add_argument(
        "--min-classes",
        type=int,
        default=min_classes,
        metavar="N",
        help=f"leave scenes of fewer classes out; default: {min_classes}",
    )


def _train(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.scenes import ScenesRequest

    project = open_project(arguments)
    request = ScenesRequest(
        name=arguments.name,
        labels=tuple(arguments.labels),
        with_history=arguments.history or not arguments.labels,
        method=arguments.model,
        by=arguments.by,
        leave_out=tuple(arguments.leave_out),
        min_classes=arguments.min_classes,
        bottleneck=arguments.bottleneck,
        seed=arguments.seed,
    )
    with ProgressLine("steps") as line:
        try:
            return DONE, registry.do_at_once(project, request, on_progress=line.show_progress)
        except Cancelled:
            return FAILED, {"error": "The training was cancelled; no model was made."}


def _score(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.formats.csv import write_csv
    from core.scenes.words import count_kinds, list_findings
    from models.scenes.kept import find_model_file
    from models.scenes.trained import TrainedScenes

    if not 0 <= arguments.false_alarm_rate <= 1:
        raise WrongUsage(f"The false-alarm rate is between 0 and 1, got {arguments.false_alarm_rate}.")
    if arguments.labels and arguments.run:
        raise WrongUsage("Give --labels or --run, not both.")
    project = open_project(arguments)
    file = find_model_file(project, arguments.name)
    trained = TrainedScenes.load(file)
    if not arguments.labels:
        return _score_run(project, arguments, trained, file.parent.name)
    labelled = _read(arguments, by=arguments.by or trained.by, leave_out=(*arguments.leave_out, *trained.left_out))
    began = time.perf_counter()
    found = trained.find(labelled.scenes, rate=arguments.false_alarm_rate)
    seconds = time.perf_counter() - began
    rows = list(list_findings(found, labelled.scenes, by=labelled.by))
    if arguments.out is not None:
        columns = (labelled.by, "kind", "class", "probability", "p_value", "others", "camera", "explanation")
        write_csv(rows, arguments.out, columns=columns)
    counts = count_kinds(found)
    return DONE, {
        "model": file.parent.name,
        "scenes": len(labelled.scenes),
        "by": labelled.by,
        "false_alarm_rate": arguments.false_alarm_rate,
        **{f"with_{kind}": count for kind, count in counts.items()},
        "seconds": round(seconds, 3),
        "notes": list(trained.notes),
        "findings": rows if arguments.json else rows[:MOST_SHOWN],
        **({"written": str(arguments.out)} if arguments.out is not None else {}),
    }


def _score_run(
    project: "Project", arguments: argparse.Namespace, trained: "TrainedScenes", model: str
) -> tuple[int, dict[str, Any]]:
    from core.errors import AnomalureError
    from core.formats.csv import write_csv
    from core.scenes.words import count_kinds
    from models.scenes.of_run import FINDING_EXPORT, find_in_run, keep_found, list_run_rows

    run = project.run_or_latest(arguments.run)
    if not run.is_scored():
        raise AnomalureError(
            f"Run {run.run_id} is not finished, so there is nothing to look through. Resume it, or give --labels."
        )
    findings = find_in_run(project, run, trained, rate=arguments.false_alarm_rate, model=model)
    if findings is None:
        raise AnomalureError(
            f"No crop of the run {run.run_id} is known to show a species. Name its groups, or run the photos with a "
            "bundle."
        )
    keep_found(run, findings, trained)
    rows = list_run_rows(project, findings)
    if arguments.out is not None:
        write_csv(rows, arguments.out, columns=FINDING_EXPORT)
    return DONE, {
        "model": model,
        "run": run.run_id,
        "scenes": len(findings.labelled.scenes),
        "by": findings.labelled.by,
        "false_alarm_rate": arguments.false_alarm_rate,
        **{f"with_{kind}": count for kind, count in count_kinds(findings.found).items()},
        "notes": list(trained.notes),
        "findings": rows if arguments.json else [_shorten(row) for row in rows[:MOST_SHOWN]],
        **({"written": str(arguments.out)} if arguments.out is not None else {}),
    }


def _shorten(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("event", "kind", "class", "p_value", "explanation", "verdict")}


def _decisions(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.formats.csv import write_csv
    from core.scenes.decisions import DECISION_COLUMNS, list_run_decisions

    project = open_project(arguments)
    run = project.run_or_latest(arguments.run).run_id
    rows = list_run_decisions(project.path, run)
    if arguments.out is not None:
        write_csv(rows, arguments.out, columns=DECISION_COLUMNS)
    return DONE, {
        "run": run,
        "n": len(rows),
        "decisions": rows if arguments.json else rows[:MOST_SHOWN],
        **({"written": str(arguments.out)} if arguments.out is not None else {}),
    }


def _experiment(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.scenes.experiment import PUBLISHED_BOTTLENECKS, list_contestants, run_experiment, summarise

    if not arguments.labels:
        raise WrongUsage("Give --labels and the file of labels to experiment with.")
    labelled = _read(arguments, by=arguments.by, leave_out=arguments.leave_out)
    contestants = list_contestants(arguments.bottlenecks or PUBLISHED_BOTTLENECKS)
    with ProgressLine("fits") as line:
        results = run_experiment(
            labelled.scenes, contestants=contestants, n_seeds=arguments.seeds, on_progress=line.show
        )
    return DONE, {
        "scenes": len(labelled.scenes),
        "by": labelled.by,
        "classes": len(labelled.scenes.classes),
        "seeds": arguments.seeds,
        "models": summarise(results),
    }


def _read(arguments: argparse.Namespace, *, by: str | None, leave_out: Any) -> "LabelledScenes":
    from core.formats.recognise import read_labels
    from core.scenes.from_labels import make_labelled_scenes

    files = [read_labels(path) for path in arguments.labels]
    return make_labelled_scenes(files, by=by, leave_out=tuple(leave_out), min_classes=arguments.min_classes)


def _agree(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.formats.recognise import read_labels
    from core.scenes.agreement import compare_with_seen, read_seen
    from core.scenes.from_labels import PHOTO
    from models.scenes.kept import load_kept

    if not arguments.labels:
        raise WrongUsage("Give --labels and the annotations.")
    by_file, by_detector = arguments.detections is not None, arguments.images is not None and bool(arguments.detector)
    if by_file == by_detector:
        raise WrongUsage("Give --detections and the detector's file, or --images and --detector.")
    for name in ("false_alarm_rate", "min_confidence"):
        if not 0 <= getattr(arguments, name) <= 1:
            raise WrongUsage(f"The {name.replace('_', ' ')} is between 0 and 1, got {getattr(arguments, name)}.")
    trained = load_kept(open_project(arguments), arguments.name)
    labelled = _read(arguments, by=PHOTO, leave_out=(*arguments.leave_out, *trained.left_out))
    annotated = [photos[0] for photos in labelled.photos]
    failed: list[str] = []
    if by_file:
        seen = read_seen(read_labels(arguments.detections), annotated, min_confidence=arguments.min_confidence)
    else:
        seen, failed = _look_at(arguments, annotated)
    found = trained.find(labelled.scenes, rate=arguments.false_alarm_rate)
    agreement = compare_with_seen(found, labelled.scenes, seen)
    return (SOME_PHOTOS_FAILED if failed else DONE), {
        "photos": len(seen),
        "missing": agreement.n_missing,
        "of_these_seen": agreement.n_seen,
        "share": agreement.share,
        "control_share": agreement.control_share,
        "missing_but_unknown_to_the_detector": agreement.n_unknown,
        "per_class": [
            dict(zip(("class", "missing", "seen", "not_missing", "seen_there"), (name, *counts), strict=True))
            for name, counts in sorted(agreement.per_class.items(), key=lambda item: -item[1][0])
        ],
        "failed": failed,
    }


def _look_at(arguments: argparse.Namespace, annotated: Any) -> tuple[dict[str, Any], list[str]]:
    from core.settings.run import RunSettings
    from models.detectors.loading import load_detector
    from models.scenes.seeing import see_photos

    if not arguments.images.is_dir():
        raise WrongUsage(f"There is no folder {arguments.images}. Give the folder of the annotated photos.")
    detector = load_detector(arguments.detector, RunSettings(), allow_code=arguments.allow_code)
    with ProgressLine("photos") as line:
        return see_photos(
            detector, arguments.images, annotated, min_confidence=arguments.min_confidence, on_progress=line.show
        )
