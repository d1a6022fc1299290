"""What a newcomer gets with one word: a run to look at, of the sample season or of a folder of their own."""

import logging
from collections.abc import Callable
from pathlib import Path

from core.formats.recognise import read_labels
from core.photos.reading import find_photos
from core.runs.folder import Progress, RunFolder, Status
from core.sample import render_season
from core.settings.run import RunSettings
from core.study.project import Project
from models.bundles.training import train_bundle
from models.detectors.source import BUNDLED
from models.encoders.spec import bundled_encoder
from models.jobs.run import RunRequest, resume_run, start_run

log = logging.getLogger(__name__)

SAMPLE_BUNDLE = "sample"
SAMPLE_RUN = "sample-season"


def make_sample_ready(
    project: Project, sample: Path, *, on_photos: Callable[[int, int], None], on_progress: Callable[[Progress], None]
) -> RunFolder:
    """Render the sample season into a folder, learn what is normal in it and run it; what is there is kept."""
    labels = sample / "annotations.json"
    settings = RunSettings()
    if not labels.is_file():
        log.info("Drawing the sample season ...")
        render_season(sample, on_progress=on_photos)
    if not (project.bundles_dir / SAMPLE_BUNDLE).is_dir():
        log.info("Learning what is normal in it ...")
        train_bundle(
            read_labels(labels),
            sample / "images",
            name=SAMPLE_BUNDLE,
            split="train",
            encoders=(bundled_encoder(),),
            detector=BUNDLED,
            settings=settings,
            out_dir=project.bundles_dir,
            on_progress=on_photos,
        )
    project.store.register_bundle(SAMPLE_BUNDLE)
    log.info("Looking for the odd ones out ...")
    request = RunRequest(folder=sample / "images" / "season", name=SAMPLE_RUN, bundle=SAMPLE_BUNDLE, settings=settings)
    return _finish_run(project, request, on_progress)


def make_folder_ready(project: Project, folder: Path, *, on_progress: Callable[[Progress], None]) -> RunFolder:
    """A first look at a folder; a run of the very same photos that is there already is finished instead.

    Raises:
        AnomalureError: If the folder cannot be used.
    """
    photos = list(find_photos(folder).file_names)
    for run in project.runs():
        if not run.problem and Path(run.info.folder) == folder.absolute() and run.file_names == photos:
            log.info("There is a run of these photos already: %s.", run.run_id)
            return _finish_run(project, RunRequest(folder=folder, name=run.run_id), on_progress)
    return _finish_run(project, RunRequest(folder=folder), on_progress)


def _finish_run(project: Project, request: RunRequest, on_progress: Callable[[Progress], None]) -> RunFolder:
    known = {run.run_id: run for run in project.runs()}
    run = known.get(request.name or "")
    if run is None:
        return start_run(project, request, on_progress=on_progress)
    if run.status in (Status.DONE, Status.RUNNING):
        return run
    return resume_run(project, run.run_id, allow_code=False, on_progress=on_progress)
