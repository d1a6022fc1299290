"""The same jobs as the pages, without a browser. Progress goes to stderr, results to stdout."""

import argparse
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from core.errors import AnomalureError
from core.project import Project
from core.records import Decision
from core.runs import describe_run
from core.settings import SETTINGS, RunSettings
from core.version import VERSION

if TYPE_CHECKING:
    from models.encoder_spec import EncoderSpec

DONE, FAILED, WRONG_USAGE, SOME_PHOTOS_FAILED = 0, 1, 2, 3
ROOT = Path(__file__).resolve().parent
DEFAULT_PROJECT = "data/project"
PROJECT_VARIABLE = "ANOMALURE_PROJECT"
DEFAULT_BACKBONE = "mobilenet_v2"

log = logging.getLogger("anomalure")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 wrong usage, 3 done but some photos failed."""
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    result: dict[str, Any]
    try:
        with redirect_stdout(sys.stderr):  # libraries print too; stdout holds the result alone
            code, result = arguments.job(arguments)
    except AnomalureError as error:
        return _fail(str(error), as_json=arguments.json)
    except KeyboardInterrupt:
        return _fail("Stopped. What was finished is kept; a run can be resumed.", as_json=arguments.json)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _fail(f"{error.strerror or error}{where}. Check the disk and the rights to the folder.",
                     as_json=arguments.json)  # fmt: skip
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False, default=str))
    else:
        print_plainly(result)
    return code


def _fail(message: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": message}, ensure_ascii=False))
    print(message, file=sys.stderr)
    return FAILED


def print_plainly(result: dict[str, Any]) -> None:
    """The result as lines of text; lists of rows as one line a row."""
    for name, value in result.items():
        if isinstance(value, list):
            for row in value:
                print("  ".join(f"{key}={item}" for key, item in row.items()) if isinstance(row, dict) else row)
        elif isinstance(value, dict):
            print(f"{name}:")
            for key, item in value.items():
                print(f"  {key}: {item}")
        else:
            print(f"{name}: {value}")


def job_sample(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.sample import render_season

    with ProgressLine("photos drawn") as line:
        report = render_season(arguments.out, seed=arguments.seed, on_progress=line.show)
    return DONE, {"out": str(arguments.out), **asdict(report)}


def job_train(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.formats.recognise import read_labels
    from models.encoder import EncoderSpec
    from models.training import train_bundle

    project = open_project(arguments)
    specs = read_encoder_specs(arguments) or (EncoderSpec(backbone=DEFAULT_BACKBONE, weights="default"),)
    with ProgressLine("crops") as line:
        bundle = train_bundle(
            read_labels(arguments.coco),
            arguments.images,
            name=arguments.name,
            split=arguments.split,
            encoders=specs,
            detector=arguments.detector,
            method=arguments.method,
            one_class=arguments.one_class,
            settings=read_settings(arguments),
            out_dir=project.bundles_dir,
            on_progress=line.show,
        )
    project.store.register_bundle(bundle.name)
    return DONE, {"bundle": bundle.name, **bundle.to_values()}


def job_run(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.pipeline import RunCancelled
    from models.running import RunRequest, resume_run, start_run

    project = open_project(arguments)
    with ProgressLine("photos") as line:
        try:
            if arguments.resume:
                run = resume_run(
                    project, arguments.resume, allow_code=arguments.allow_code, on_progress=line.show_progress
                )
            elif arguments.folder is None:
                raise AnomalureError("Give the folder of photos, or --resume and the run to go on with.")
            else:
                bundle = "" if arguments.first_look else arguments.bundle or project.store.active_bundle()
                request = RunRequest(
                    folder=arguments.folder,
                    name=arguments.name,
                    bundle=bundle,
                    detector=arguments.detector,
                    boxes=arguments.boxes,
                    encoders=read_encoder_specs(arguments),
                    deployments_csv=arguments.deployments,
                    allow_code=arguments.allow_code,
                    settings=read_settings(arguments),
                )
                run = start_run(project, request, on_progress=line.show_progress)
        except RunCancelled:
            return FAILED, {"error": "The run was cancelled; go on with --resume."}
    result = describe_run(run)
    flawed = result["failures"] + result["damaged"]
    return (SOME_PHOTOS_FAILED if flawed else DONE), result


def job_evaluate(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.evaluation import evaluate_run
    from core.formats.recognise import read_labels
    from models.bundle import Bundle

    project = open_project(arguments)
    run = project.run(arguments.run)
    known = arguments.known
    if known is None and run.info.bundle:
        known = Bundle.load(project.bundles_dir / run.info.bundle).species
    evaluation = evaluate_run(run, read_labels(arguments.truth), known_species=known, split=arguments.split)
    return DONE, {"run": run.run_id, **evaluation.to_values()}


def job_runs(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    rows = [
        {"run": run.run_id, "status": str(run.status), "problem": run.problem} if run.problem else describe_run(run)
        for run in open_project(arguments).runs()
    ]
    return DONE, {"runs": rows}


def job_bundles(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    store = open_project(arguments).store
    active = store.active_bundle()
    rows = store.bundles().to_dict("records")
    return DONE, {"bundles": [{**row, "active": row["name"] == active} for row in rows]}


def job_species(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.bundle import Bundle

    project = open_project(arguments)
    name = arguments.bundle or project.store.active_bundle()
    trained = Bundle.load(project.bundles_dir / name).counts if name else {}
    seen = project.species(arguments.run)
    rows = [
        {"species": species, "crops_in_bundle": trained.get(species, 0), "crops_in_run": seen.get(species, 0)}
        for species in sorted({*trained, *seen})
    ]
    return DONE, {"bundle": name, "species": rows}


def job_verdict(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    verdict = open_project(arguments).save_verdict(
        arguments.crop,
        arguments.verdict,
        species=arguments.species,
        note=arguments.note,
        reviewer=arguments.reviewer,
    )
    return DONE, {
        "crop": verdict.crop_id,
        "verdict": str(verdict.verdict),
        "reviewer": verdict.reviewer,
        "decided_at": verdict.decided_at.isoformat(),
    }


def job_activate(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    open_project(arguments).store.activate_bundle(arguments.bundle)
    return DONE, {"active": arguments.bundle}


def job_export(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.formats.csv import write_csv

    project = open_project(arguments)
    tables = project.export_rows(arguments.run, reviewed_anomalies_only=not arguments.all)
    rows = write_csv((row for table in tables for row in table.to_dict("records")), arguments.out)
    return DONE, {"out": str(arguments.out), "format": arguments.format, "rows": rows}


def job_start(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """What a newcomer gets with one word: something to look at, and the dashboard."""
    from models.first_steps import make_folder_ready, make_sample_ready

    project = open_project(arguments)
    with ProgressLine("photos") as line:
        if arguments.folder is None:
            run = make_sample_ready(
                project, ROOT / "data" / "sample", on_photos=line.show, on_progress=line.show_progress
            )
        else:
            run = make_folder_ready(project, arguments.folder, on_progress=line.show_progress)
    print_plainly(describe_run(run))
    log.info("The dashboard is at http://localhost:%d; stop it with Ctrl+C.", arguments.port)
    environment = {**os.environ, PROJECT_VARIABLE: str(project.path)}
    options = ["--server.port", str(arguments.port), "--server.showEmailPrompt", "false"]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]
    try:
        code = subprocess.call(command, env=environment, cwd=ROOT)
    except KeyboardInterrupt:
        code = DONE
    if code > 0:
        raise AnomalureError(
            f"The dashboard ended with code {code}. If another program uses port {arguments.port}, choose another: "
            "make run PORT=8502, or --port 8502."
        )
    return DONE, {"project": str(project.path)}


class ProgressLine:
    """A bar on stderr with a rate and the time left, as a context manager."""

    def __init__(self, unit: str) -> None:
        self._bar = tqdm(unit=f" {unit}", file=sys.stderr, disable=None, dynamic_ncols=True, mininterval=0.3)

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def show(self, done: int, total: int) -> None:
        """Draw it at ``done`` of ``total``."""
        self._bar.total = total
        if done < self._bar.n:
            self._bar.reset(total)
        self._bar.update(done - self._bar.n)

    def show_progress(self, progress: Any) -> None:
        """Draw a run's progress."""
        self._bar.set_description_str(str(progress.phase), refresh=False)
        self.show(progress.done, progress.total)


def open_project(arguments: argparse.Namespace) -> Project:
    """The project that the options name; made if it is not there."""
    return Project(arguments.project)


def read_settings(arguments: argparse.Namespace) -> RunSettings:
    """The settings file, if any, and over it each setting given as an option."""
    values: dict[str, Any] = {}
    if arguments.settings_file is not None:
        try:
            values = json.loads(arguments.settings_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise AnomalureError(
                f"The settings file {arguments.settings_file} must be readable JSON: {error}."
            ) from error
        if not isinstance(values, dict):
            raise AnomalureError(f"The settings file {arguments.settings_file} must hold an object of name to value.")
    given = {item.name: getattr(arguments, f"setting_{item.name}") for item in SETTINGS}
    return RunSettings.from_values({**values, **{name: value for name, value in given.items() if value is not None}})


def read_encoder_specs(arguments: argparse.Namespace) -> "tuple[EncoderSpec, ...]":
    """The encoders that the options ask for; none without any option."""
    from models.encoder_spec import BUNDLED, EncoderSpec, bundled_encoder

    specs: tuple[EncoderSpec, ...] = ()
    if arguments.backbone_weights == BUNDLED and arguments.backbone in ("", DEFAULT_BACKBONE):
        specs += (bundled_encoder(),)
    elif arguments.backbone or arguments.backbone_weights:
        weights = arguments.backbone_weights or "default"
        specs += (EncoderSpec(backbone=arguments.backbone or DEFAULT_BACKBONE, weights=weights),)
    for detector in arguments.detector_features or ():
        specs += (EncoderSpec(detector=detector),)
    return specs


def _to_flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return text.lower() == "true"


def add_settings(parser: argparse.ArgumentParser) -> None:
    """One option a setting, from the one table of settings."""
    group = parser.add_argument_group("settings")
    group.add_argument("--settings-file", type=Path, metavar="FILE", help="JSON of name to value")
    for setting in SETTINGS:
        kind = type(setting.default)
        group.add_argument(
            "--" + setting.name.replace("_", "-"),
            dest=f"setting_{setting.name}",
            type=_to_flag if kind is bool else kind,
            choices=setting.choices or None,
            metavar=None if setting.choices else kind.__name__,
            help=f"{setting.label}. {setting.help} Default: {setting.default!r}.".replace("%", "%%"),
        )


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Options that choose the encoder."""
    group = parser.add_argument_group("encoder")
    group.add_argument("--backbone", default="", help="torchvision's name of the network, such as mobilenet_v2")
    group.add_argument("--backbone-weights", default="", metavar="FILE.safetensors",
                       help="a safetensors file, bundled, or default (published weights, downloaded)")  # fmt: skip
    group.add_argument("--detector-features", action="append", metavar="DETECTOR",
                       help="join the features of this detector's backbone; can be given again")  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(prog="cli.py", description=__doc__)
    parser.add_argument("--version", action="version", version=f"Anomalure {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, job: Callable[[argparse.Namespace], tuple[int, dict[str, Any]]], about: str):
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(job=job)
        command.add_argument("--project", type=Path, default=Path(os.environ.get(PROJECT_VARIABLE, DEFAULT_PROJECT)),
                             help=f"the study's folder; default {DEFAULT_PROJECT}")  # fmt: skip
        command.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        return command

    sample = add("sample", job_sample, "render the sample season")
    sample.add_argument("--out", type=Path, required=True, metavar="DIR")
    sample.add_argument("--seed", type=int, default=7)

    train = add("train", job_train, "make a bundle from labelled photos")
    train.add_argument("--name", required=True)
    train.add_argument("--images", type=Path, required=True, metavar="DIR")
    train.add_argument("--coco", type=Path, required=True, metavar="FILE", help="labels; COCO JSON")
    train.add_argument("--split", help="only the photos of this split of the labels")
    train.add_argument("--method", choices=("none",), default="none",
                       help="how the encoder is trained on the crops; none: it is used as it is")  # fmt: skip
    train.add_argument("--one-class", choices=("ocsvm",), default="ocsvm")
    train.add_argument("--detector", default="auto", help="the detector that runs with this bundle use")
    add_encoder(train)
    add_settings(train)

    run = add("run", job_run, "find, embed and judge the crops of a folder of photos")
    run.add_argument("folder", type=Path, nargs="?", metavar="FOLDER")
    run.add_argument("--bundle", default="", help="default: the active one; without any, a first look")
    run.add_argument("--first-look", action="store_true", help="judge the folder against itself")
    run.add_argument("--detector", default="", metavar="NAME_OR_PATH",
                     help="bundled, a published name such as yolov8n, or a .pt, .onnx or OpenVINO model")  # fmt: skip
    run.add_argument("--boxes", type=Path, metavar="FILE",
                     help="boxes in place of a detector: MegaDetector JSON, COCO JSON or Camtrap DP")  # fmt: skip
    run.add_argument("--name", metavar="R", help="the run's name; default: today and the folder's name")
    run.add_argument("--resume", metavar="R", help="go on with a run that was cut short")
    run.add_argument("--deployments", type=Path, metavar="CSV", help="a table of file_name or folder, and deployment")
    run.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")
    add_encoder(run)
    add_settings(run)

    evaluate = add("evaluate", job_evaluate, "hold a run against the truth")
    evaluate.add_argument("--run", required=True, metavar="R")
    evaluate.add_argument("--truth", type=Path, required=True, metavar="COCO_FILE")
    evaluate.add_argument("--split", help="only the photos of this split of the truth")
    evaluate.add_argument("--known", nargs="+", metavar="SPECIES",
                          help="known species; default: the bundle's, or those of the truth's train split")  # fmt: skip

    add("runs", job_runs, "list the runs")
    add("bundles", job_bundles, "list the bundles")
    species = add("species", job_species, "list the species of the bundle and of a run")
    species.add_argument("--bundle", default="")
    species.add_argument("--run", metavar="R")

    verdict = add("verdict", job_verdict, "decide about a crop")
    verdict.add_argument("--crop", required=True, metavar="ID")
    verdict.add_argument("--verdict", required=True, choices=[str(decision) for decision in Decision])
    verdict.add_argument("--species", default="")
    verdict.add_argument("--note", default="")
    verdict.add_argument("--reviewer", default="")

    activate = add("activate", job_activate, "make a bundle the one that runs use")
    activate.add_argument("--bundle", required=True)

    export = add("export", job_export, "write reviewed anomalies to a file")
    export.add_argument("--run", metavar="R", help="default: the newest run that is done")
    export.add_argument("--format", choices=("csv",), default="csv")
    export.add_argument("--out", type=Path, required=True, metavar="PATH")
    export.add_argument("--all", action="store_true", help="every crop, not only reviewed anomalies")

    start = add("start", job_start, "make the dashboard ready and open it; what make run does")
    start.add_argument("--folder", type=Path, help="photos of your own; default: the sample season")
    start.add_argument("--port", type=int, default=8501)
    return parser


if __name__ == "__main__":
    sys.exit(main())
