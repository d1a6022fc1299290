"""The first steps of a new user: a run of the sample season or of their own folder."""

import logging
from collections.abc import Callable
from pathlib import Path

from commands.options import SAMPLE_RUN
from core.errors import AnomalureError
from core.photos.reading import find_photos
from core.runs.folder import Progress, RunFolder, Status
from core.study.project import Project
from models.encoders.spec import BUNDLED, sample_encoder
from models.jobs.bundle import BundleRequest
from models.jobs.maps import make_request
from models.jobs.registry import do_at_once, resume_at_once
from models.jobs.run import RunRequest
from models.loop.retraining import adopt_bundles

log = logging.getLogger(__name__)

SAMPLE_BUNDLE = "sample"


def has_own_work(project: Project) -> bool:
    """Whether the project holds a run or a bundle besides those of the sample season, also one that cannot be read."""
    runs = {path.name for path in project.runs_dir.iterdir() if path.is_dir()}
    bundles = {path.name for path in project.bundles_dir.iterdir() if path.is_dir() and not path.name.startswith(".")}
    return bool(runs - {SAMPLE_RUN} or bundles - {SAMPLE_BUNDLE})


def make_sample_ready(
    project: Project, sample: Path, *, on_photos: Callable[[int, int], None], on_progress: Callable[[Progress], None]
) -> RunFolder:
    """Draw the sample season into a folder, make a bundle of it and run it; finished parts are kept."""
    from core.sample import render_season

    labels = sample / "annotations.json"
    if not labels.is_file():
        log.info("Drawing the sample season ...")
        render_season(sample, on_progress=on_photos)
    if not (project.bundles_dir / SAMPLE_BUNDLE).is_dir():
        log.info("Learning what is normal in it ...")
        bundle = BundleRequest(
            name=SAMPLE_BUNDLE,
            images=sample / "images",
            labels=labels,
            split="train",
            encoders=(sample_encoder(),),
            detector=BUNDLED,
        )
        do_at_once(project, bundle, on_progress=on_progress)
    adopt_bundles(project)  # the bundle, if a start of before was killed before it was registered
    log.info("Looking for the anomalies ...")
    request = RunRequest(name=SAMPLE_RUN, folder=sample / "images" / "season", bundle=SAMPLE_BUNDLE)
    run = _finish_run(project, request, on_progress)
    _make_maps(project, run)
    return run


def _make_maps(project: Project, run: RunFolder) -> None:
    """The maps of the sample, three seconds here; on the page Explore a newcomer would wait for them."""
    from core.maps.exploration import Exploration

    exploration = Exploration(run)
    if run.status is not Status.DONE or all(exploration.has(preset) for preset in exploration.presets()):
        return
    try:
        do_at_once(project, make_request(exploration))
    except (AnomalureError, OSError) as error:
        log.info("The maps were not made: %s", error)  # the page makes them


def make_folder_ready(
    project: Project, folder: Path, *, detector: str = "", on_progress: Callable[[Progress], None]
) -> RunFolder:
    """Do a first look at a folder; if there is a run of exactly these photos already, finish that one instead.

    Args:
        project: The study.
        folder: The folder of photos.
        detector: A name or a path, as in ``RunRequest``. Only a run that was asked for with the same detector is
            finished instead of a new one; if it is empty, a run with any detector is.
        on_progress: Is told how far the run is.

    Raises:
        AnomalureError: If the folder or the detector cannot be used.
    """
    photos = list(find_photos(folder).file_names)
    for run in project.runs():
        if not run.problem and Path(run.info.folder) == folder.absolute() and run.file_names == photos:
            if detector and not _was_asked_with(run, detector):
                continue
            log.info("There is a run of these photos already: %s.", run.run_id)
            return _finish_run(project, RunRequest(name=run.run_id, folder=folder), on_progress)
    request = RunRequest(name=project.suggest_run_name(folder), folder=folder, detector=detector)
    return _finish_run(project, request, on_progress)


def _was_asked_with(run: RunFolder, detector: str) -> bool:
    try:
        return run.read_request(RunRequest).detector == detector
    except AnomalureError:
        return False


def _finish_run(project: Project, request: RunRequest, on_progress: Callable[[Progress], None]) -> RunFolder:
    run = RunFolder(project.runs_dir / request.name)
    if not run.is_made:
        do_at_once(project, request, on_progress=on_progress)
    elif run.status not in (Status.DONE, Status.RUNNING):
        resume_at_once(project, request.work_id, on_progress=on_progress)
    return project.run(request.name)
