"""``cli.py run``: a folder of photos to ranked crops."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, FAILED, SOME_PHOTOS_FAILED
from commands.options import add_encoder, add_settings, open_project, read_encoder_specs, read_settings
from commands.progress_line import ProgressLine
from core.errors import WrongUsage

if TYPE_CHECKING:
    from core.runs.folder import RunFolder

ABOUT = "find, embed and score the crops of a folder of photos"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER")
    parser.add_argument("--bundle", default="", help="default: the active one; without any, a first look")
    parser.add_argument(
        "--first-look", action="store_true", help="score the photos against each other, without a bundle (unsupervised)"
    )
    parser.add_argument(
        "--detector",
        default="",
        metavar="NAME_OR_PATH",
        help="bundled, a published name such as megadetector-v5a (see models list), or a .pt, .onnx or OpenVINO model",
    )
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="boxes, used instead of a detector: MegaDetector, SpeciesNet or COCO JSON, or Camtrap DP",
    )
    parser.add_argument(
        "--classifications",
        type=Path,
        metavar="FILE",
        help="names of a classifier for the crops: SpeciesNet's predictions, a MegaDetector JSON with classes, or "
        "DeepFaune's CSV",
    )
    parser.add_argument("--name", metavar="R", help="the run's name; default: today and the folder's name")
    parser.add_argument("--resume", metavar="R", help="resume a run that ended too early")
    parser.add_argument(
        "--deployments", type=Path, metavar="CSV", help="a CSV table with file_name or folder, and deployment"
    )
    parser.add_argument(
        "--workers",
        default="",
        metavar="WHICH",
        help="several processes do the run together: local:2 on this computer, slurm:50 as jobs of a Slurm cluster, "
        "ray or ray:4 on this computer, ray://HOST:10001 on a Ray cluster",
    )
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="only list the photos and divide them into shards; workers do them: work runs/NAME --shards i/n",
    )
    parser.add_argument("--allow-code", action="store_true", help="agree that a .pt file runs code when it is loaded")
    add_encoder(parser)
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Do the run; exit code 3 if some photos failed."""
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.run import RunRequest, is_flawed, prepare, prepare_again
    from models.workers.team import read_team

    project = open_project(arguments)
    if arguments.workers and arguments.prepare:
        raise WrongUsage("Give --workers, or --prepare and start workers yourself, not both.")
    if arguments.workers:
        read_team(arguments.workers)  # a wrong word is said before anything is begun
    with ProgressLine("photos") as line:
        how: dict[str, Any] = {"allow_code": arguments.allow_code, "on_progress": line.show_progress}
        try:
            if arguments.resume:
                run = project.run(arguments.resume)
                if arguments.prepare or arguments.workers:
                    prepare_again(project, run.run_id, workers=arguments.workers)
                if arguments.prepare:
                    return DONE, _describe_prepared(run)
                result = registry.resume_at_once(project, f"{RunRequest.room}/{run.run_id}", **how)
            elif arguments.folder is None:
                raise WrongUsage("Give the folder of photos, or --resume and the run to resume.")
            else:
                request = RunRequest(
                    name=arguments.name or project.suggest_run_name(arguments.folder),
                    folder=arguments.folder,
                    bundle="" if arguments.first_look else arguments.bundle or project.store.active_bundle(),
                    detector=arguments.detector,
                    boxes=arguments.boxes,
                    encoders=read_encoder_specs(arguments),
                    deployments_csv=arguments.deployments,
                    classifications=arguments.classifications,
                    settings=read_settings(arguments),
                    workers=arguments.workers,
                )
                if arguments.prepare:
                    return DONE, _describe_prepared(prepare(project, request, allow_code=arguments.allow_code))
                result = registry.do_at_once(project, request, **how)
        except Cancelled:
            return FAILED, {"error": "The run was cancelled; resume it with --resume."}
    return (SOME_PHOTOS_FAILED if is_flawed(result) else DONE), result


def _describe_prepared(run: "RunFolder") -> dict[str, Any]:

    return {
        "run": run.run_id,
        "work": f"runs/{run.run_id}",
        "photos": run.n_files,
        "n_shards": run.n_shards,
        "shards_left": len(run.list_left()),
        "next": f"cli.py work runs/{run.run_id} --shards 1/{min(run.n_shards, 4) or 1}",
    }
