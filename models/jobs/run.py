"""A run: find, embed and score the crops of a folder of photos."""

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.errors import AnomalureError
from core.photos.deployments import DeploymentNamer
from core.photos.reading import Listing, find_photos
from core.runs.account import describe_account, make_account, read_account, write_account
from core.runs.boxes import BoxesFromFile
from core.runs.catalogue import keep_catalogue
from core.runs.classified.account import ClassificationAccount
from core.runs.classified.scoring import describe_meeting, read_and_meet
from core.runs.folder import RunCounts, RunFolder, Status, describe_run
from core.runs.parts import Detector, Encoder
from core.runs.pipeline import finish_run, run_pipeline
from core.runs.settling import settle_shards
from core.runs.shards import choose_shard_photos
from core.runs.worker import Share
from core.settings.run import RunSettings
from core.study.project import Project
from core.work.folder import CANCEL
from core.work.folder import REQUEST as REQUEST_FILE
from core.work.meter import Cancelled, Meter
from core.work.progress import Phase, Progress
from models.encoders.spec import bundled_encoder
from models.workers.opening import (
    list_engines_of,
    open_again,
    open_bundle,
    open_detector,
    open_detector_again,
    open_namer,
    open_scorer,
    open_shard_parts,
)
from models.workers.request import RunRequest
from models.workers.team import POLL_S, lead, read_team
from models.workers.worker import do_share_of

if TYPE_CHECKING:
    from models.bundles.bundle import Bundle

log = logging.getLogger(__name__)

MOST_LAID_OUT = 100_000
"""The embeddings of more crops may not fit into the memory beside those of the run."""


REQUEST = RunRequest
open_work = RunFolder


def do(project: Project, work: RunFolder, meter: Meter) -> dict[str, Any]:
    """Make the run, or open an interrupted one, and do what is left of it.

    Raises:
        AnomalureError: If the folder, the bundle, the detector or the boxes cannot be used.
        Cancelled: If somebody asked it to stop; the finished shards stay.
    """
    try:
        if _is_for_workers(work):
            return _do_together(project, work, meter)
        detector, encoder, bundle = open_again(project, work) if work.is_made else _make(project, work, meter)
        meter.check()
        _run(project, work, meter, detector, encoder, bundle)
    except BaseException:
        if work.is_made:
            counts = work.counts()  # photos of an unfinished shard do not count
            meter.tell(replace(meter.last, done=counts.photos, total=work.n_files, failures=counts.failures))
        raise
    _finish_account(work, detector)
    return {**describe_run(work), **describe_account(work), "status": str(Status.DONE)}  # written once this returns


def prepare(project: Project, request: RunRequest, *, allow_code: bool = False) -> RunFolder:
    """Make a run for several workers without doing any of it: its photos are listed and divided into shards.

    Raises:
        AnomalureError: If the folder, the bundle, the detector or the boxes cannot be used; then nothing is left.
    """
    from models.jobs import registry

    registry.ask(project, request)
    run = RunFolder(project.runs_dir / request.name)
    run.allow_code, run.is_asked_here = allow_code, True
    try:
        with run.working():
            _make(project, run, Meter(run))
            run.written.make()
            run.write_progress(Progress(phase=Phase.PREPARED, total=run.n_files))
    except BaseException:
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def prepare_again(project: Project, run_id: str, *, workers: str = "") -> RunFolder:
    """Make an unfinished run one that several workers can do. A request to cancel it is forgotten.

    Raises:
        AnomalureError: If there is no such run, or a process works on it.
    """
    run = project.run(run_id)
    run.check_resumable()
    with run.locked():
        run.written.make()
        if workers:
            run.write_request(replace(run.read_request(RunRequest), workers=workers))
        (run.path / CANCEL).unlink(missing_ok=True)
        run.write_progress(Progress(phase=Phase.PREPARED, total=run.n_files))
    return run


def _is_for_workers(run: RunFolder) -> bool:
    """Whether several workers do it, and it has shards that are not in their place."""
    if run.is_made and len(run.done_shards()) == run.n_shards and not run.written.list_there():
        return False
    return run.written.exists or bool((run.path / REQUEST_FILE).is_file() and run.read_request(RunRequest).workers)


def _do_together(project: Project, run: RunFolder, meter: Meter) -> dict[str, Any]:
    """Lead the workers of a run, or without any do their shards here, then do what needs all shards."""
    if not run.is_made:
        _make(project, run, meter)
    run.written.make()
    with run.leading():
        workers = run.read_request(RunRequest).workers if (run.path / REQUEST_FILE).is_file() else ""
        if workers and run.list_left():
            lead(run, meter, read_team(workers)(project, run))
        elif run.list_left():
            _do_alone(project, run, meter)
        settle_shards(run, on_shard=lambda n: meter.check())
        bundle = open_bundle(project, run.info.bundle)
        _warn_of_unnamed(run, open_namer(run))
        scorer = open_scorer(project, run, bundle, run.info.sections)
        finish_run(run, meter, scorer=scorer, settings=RunSettings.from_values(run.info.settings))
        for note in scorer.notes:
            log.info("%s", note)
        if run.info.boxes:
            _finish_account(run, open_detector_again(project, run, bundle))
    return {**describe_run(run), **describe_account(run), "status": str(Status.DONE)}


def _do_alone(project: Project, run: RunFolder, meter: Meter) -> None:
    """Do the shards that nobody has done in this process, as one more worker, and wait for the others."""
    while run.list_left():
        before = run.counts()
        meter.begin(Phase.PHOTOS, done=before.photos, total=run.n_files, failures=before.failures)

        def follow(progress: Progress, before: RunCounts = before) -> None:
            meter(before.photos + progress.done, failures=before.failures + progress.failures)

        do_share_of(project, run.run_id, Share(), worker="1/1", allow_code=run.allow_code, on_progress=follow)
        if failures := run.written.list_failures():
            raise AnomalureError(
                f"{len(failures)} of {run.n_shards} shards could not be done, such as {failures[0].shard}. "
                f"{failures[0].message} What was finished is kept."
            )
        while run.list_left() and run.written.is_shard_worked_on:
            meter(run.counts().photos)
            time.sleep(POLL_S)


def finish(project: Project, work: RunFolder) -> None:
    """Write the catalogue, the guesses and a first map, and group the crops: nobody waits for it when it is opened.

    The queue is there already. Only a first look is grouped; for other runs, opening the page Groups does it. The map
    is the PCA, which Explore shows until it has computed the others.
    """
    from models.guesses.of_run import keep_run_guesses

    keep_catalogue(work)
    keep_run_guesses(work)
    if not work.info.bundle and work.counts().crops:
        _group(project, work)
    _lay_out(work)


def _group(project: Project, run: RunFolder) -> None:
    from models.jobs import registry
    from models.jobs.groups import GroupsRequest

    try:
        registry.do_at_once(project, GroupsRequest(run=run.run_id))
    except (AnomalureError, Cancelled, OSError) as error:
        log.warning("The crops of run %s were not grouped: %s", run.run_id, error)


def _lay_out(run: RunFolder) -> None:
    from core.maps.exploration import Exploration
    from core.maps.making import make_pca
    from core.maps.projection import FEWEST_CROPS

    exploration = Exploration(run)
    try:
        if FEWEST_CROPS <= exploration.n_crops <= MOST_LAID_OUT:
            make_pca(exploration)
    except (AnomalureError, OSError) as error:
        log.warning("The crops of run %s were not laid out: %s", run.run_id, error)


def is_flawed(result: Mapping[str, Any]) -> bool:
    """Whether some photos failed, or some pictures, videos or folders were not looked at."""
    return bool(result["failures"] + result["damaged"]) or not result["complete"]


def _finish_account(run: RunFolder, detector: Detector) -> None:
    """Add to the account of a run what was found out about its file of boxes."""
    if isinstance(detector, BoxesFromFile):
        photos = run.read_table("photos", ["file_name", "width_px", "height_px", "duplicate_of"])
        photos = photos[photos["duplicate_of"].isna()]
        rows = zip(photos["file_name"], photos["width_px"], photos["height_px"], strict=True)
        write_account(run, replace(read_account(run), boxes_problems=list(detector.count_unused(rows))))


def _make(project: Project, run: RunFolder, meter: Meter) -> "tuple[Detector, Encoder, Bundle | None]":
    from models.encoders.loading import load_encoder

    request = run.read_request(RunRequest)
    listing = find_photos(request.folder)
    if listing.passed_over:
        log.info("Skipped: %s.", listing.describe_passed_over())
    classified = _read_classifications(request, listing)
    bundle = open_bundle(project, request.bundle)
    detector, detector_name = open_detector(request, bundle, listing, allow_code=run.allow_code)
    meter.check()
    specs = bundle.encoders if bundle else request.encoders or (bundled_encoder(),)
    encoder = load_encoder(specs, allow_code=run.allow_code)
    meter.check()
    settings = request.settings
    shard_photos = choose_shard_photos(len(listing), most=settings.shard_photos, batch_photos=settings.batch_photos)
    made = project.new_run_folder(
        run.run_id,
        folder=request.folder,
        file_names=listing.file_names,
        bundle=request.bundle,
        detector=detector_name,
        encoder=encoder.name,
        encoders=[spec.to_values() for spec in specs],
        sections=encoder.sections,
        engines=list_engines_of(encoder),
        boxes=str(request.boxes) if request.boxes else "",
        deployments_csv=str(request.deployments_csv) if request.deployments_csv else "",
        classifications=str(request.classifications.absolute()) if request.classifications else "",
        settings=replace(settings, shard_photos=shard_photos).to_values(),
        code_version=request.code_version,
    )
    boxes = detector if isinstance(detector, BoxesFromFile) else None
    write_account(made, make_account(listing, boxes, classified))
    return detector, encoder, bundle


def _read_classifications(request: RunRequest, listing: Listing) -> ClassificationAccount | None:
    """Read the file before anything is begun, so that a wrong one is said at once."""
    if request.classifications is None:
        if request.settings.species_from == "classifier":
            raise AnomalureError(
                "The species are to come from a classifier (species_from), but there is no file of classifications. "
                "Give one, or choose another origin of the species."
            )
        return None
    file, meeting = read_and_meet(request.classifications, list(listing.file_names), folder=listing.folder)
    account = describe_meeting(request.classifications, file, meeting, request.settings)
    for line in account.lines():
        log.warning("%s: %s.", request.classifications.name, line.rstrip("."))
    return account


def _run(
    project: Project, run: RunFolder, meter: Meter, detector: Detector, encoder: Encoder, bundle: "Bundle | None"
) -> None:
    parts = open_shard_parts(project, run, detector, encoder, bundle)
    _warn_of_unnamed(run, parts.namer)
    scorer = open_scorer(project, run, bundle, encoder.sections)
    run_pipeline(
        run,
        meter,
        detector=detector,
        encoder=encoder,
        scorer=scorer,
        namer=parts.namer,
        settings=parts.settings,
        crops_dir=parts.crops_dir,
        mapper=parts.mapper,
    )
    for note in scorer.notes:
        log.info("%s", note)


def _warn_of_unnamed(run: RunFolder, namer: DeploymentNamer) -> None:
    unnamed = namer.unnamed(run.file_names)
    if unnamed:
        log.warning(
            "The pattern or table names no deployment for %d of %d photos, such as %s. Their deployment is the name of "
            "their folder.",
            len(unnamed),
            len(run.file_names),
            unnamed[0],
        )
