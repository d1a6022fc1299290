"""The run of a watch: made with its first photos, grown with the next, scored as a whole each time."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import AnomalureError
from core.photos.deployments import DeploymentNamer
from core.photos.reading import Listing
from core.runs.account import make_account, write_account
from core.runs.catalogue import keep_catalogue
from core.runs.folder import RunFolder
from core.runs.parts import Detector, Encoder, FrameMapper, Scorer
from core.runs.pipeline import run_pipeline
from core.study.project import Project
from core.watch.ledger import Batch
from core.work.doing import do_work
from core.work.progress import Progress
from models.watching.request import WatchRequest
from models.workers.opening import list_engines_of, open_bundle, open_detector, open_scorer
from models.workers.request import RunRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What looks through photos, loaded once for all batches.

    Attributes:
        detector: Finds animals.
        detector_name: Its name for the run's record.
        encoder: Makes embeddings.
        encoders: Its specifications, as JSON values.
        engines: What computes each part of it.
        open_scorer: The scorer of a run.
        mapper: Makes heat maps of whole frames; None if there are none.
    """

    detector: Detector
    detector_name: str
    encoder: Encoder
    encoders: tuple[dict[str, Any], ...] = ()
    engines: tuple[str, ...] = ()
    open_scorer: Callable[[RunFolder], Scorer]
    mapper: FrameMapper | None = None


def open_parts(project: Project, request: WatchRequest, *, allow_code: bool) -> Parts:
    """Load the bundle, the detector and the encoder.

    Raises:
        AnomalureError: If one cannot be used.
    """
    from models.bundles.frame_mapper import load_mapper
    from models.encoders.loading import load_encoder
    from models.encoders.spec import bundled_encoder

    bundle = open_bundle(project, request.bundle)
    as_run = RunRequest(name=request.name, folder=request.folder, detector=request.detector, settings=request.settings)
    detector, detector_name = open_detector(as_run, bundle, Listing(request.folder, ()), allow_code=allow_code)
    specs = bundle.encoders if bundle else request.encoders or (bundled_encoder(),)
    encoder = load_encoder(specs, allow_code=allow_code)
    return Parts(
        detector=detector,
        detector_name=detector_name,
        encoder=encoder,
        encoders=tuple(spec.to_values() for spec in specs),
        engines=tuple(list_engines_of(encoder)),
        open_scorer=lambda run: open_scorer(project, run, bundle, encoder.sections),
        mapper=load_mapper(bundle) if bundle else None,
    )


def choose_run(project: Project, request: WatchRequest, parts: Parts, last: str, file_names: Sequence[str]) -> str:
    """The run that these photos belong to: the last one of the watch, or the name of a new one.

    A new one is begun if the last is full or gone, was made with another bundle, detector, encoder or settings, or has
    a photo of one of these names: the camera has overwritten it, and a run has each name once.
    """
    if last and _fits(project, request, parts, last, file_names):
        return last
    return project.suggest_name(request.name, project.runs_dir)


def _fits(project: Project, request: WatchRequest, parts: Parts, last: str, file_names: Sequence[str]) -> bool:
    run = RunFolder(project.runs_dir / last)
    if not run.is_made:
        return not run.path.exists() or run.is_only_requested
    try:
        info = run.info
        n_files, names = run.n_files, set(run.read_table("photos", ["file_name"])["file_name"])
    except AnomalureError as error:
        log.warning("%s The watch begins another run.", error)
        return False
    same = (
        info.folder == str(request.folder)
        and (info.bundle, info.detector, info.encoder) == (request.bundle, parts.detector_name, parts.encoder.name)
        and tuple(info.engines) == parts.engines
        and [dict(one) for one in info.encoders] == list(parts.encoders)
        and info.deployments_csv == _say_table(request)
        and dict(info.settings) == request.settings.to_values()
    )
    return same and n_files < request.run_photos and names.isdisjoint(file_names)


def do_batch(
    project: Project,
    request: WatchRequest,
    parts: Parts,
    batch: Batch,
    listing: Listing,
    *,
    on_progress: Callable[[Progress], None],
) -> RunFolder:
    """Make or grow the run of a batch, and do what is left of it. Done again after a kill, it changes nothing.

    Raises:
        FolderGone: If the folder, or all that is left of the batch, is gone.
        AnomalureError: If the disk is full, or the detector or encoder is broken.
        Cancelled: If somebody asked the run or the watch to stop.
    """
    run = RunFolder(project.runs_dir / batch.run)
    if not run.is_made:
        run = _make(project, request, parts, batch)
    else:
        run.grow(batch.file_names)
    write_account(run, make_account(listing, None))
    namer = DeploymentNamer(
        request.folder,
        pattern=request.settings.deployment_pattern,
        table=request.deployments_csv,
        file_names=run.file_names,
    )
    do_work(
        run,
        lambda meter: run_pipeline(
            run,
            meter,
            detector=parts.detector,
            encoder=parts.encoder,
            scorer=parts.open_scorer(run),
            namer=namer,
            settings=request.settings,
            crops_dir=project.crops_dir,
            mapper=parts.mapper,
        ),
        finish=lambda: keep_catalogue(run),
        on_progress=on_progress,
    )
    return run


def withdraw_gone(project: Project, request: WatchRequest, batch: Batch) -> list[str]:
    """Take those photos of a batch out of its run that are no longer in the folder; their names."""
    gone = [name for name in batch.file_names if not (request.folder / name).exists()]
    run = RunFolder(project.runs_dir / batch.run)
    if run.is_made:
        done = {*run.read_table("photos", ["file_name"])["file_name"]}
        done |= {*run.read_table("failures", ["file_name"])["file_name"]}
        gone = [name for name in gone if name not in done]
        left = set(gone)
        run.write_listing([name for name in run.file_names if name not in left])
    return gone


def _make(project: Project, request: WatchRequest, parts: Parts, batch: Batch) -> RunFolder:
    run = RunFolder(project.runs_dir / batch.run)
    run.path.mkdir(parents=True, exist_ok=True)
    run.write_request(
        RunRequest(
            name=batch.run,
            folder=request.folder,
            bundle=request.bundle,
            detector=request.detector,
            encoders=request.encoders,
            deployments_csv=request.deployments_csv,
            settings=request.settings,
        )
    )
    return project.new_run_folder(
        batch.run,
        folder=request.folder,
        file_names=batch.file_names,
        bundle=request.bundle,
        detector=parts.detector_name,
        encoder=parts.encoder.name,
        encoders=parts.encoders,
        sections=parts.encoder.sections,
        engines=parts.engines,
        deployments_csv=_say_table(request),
        settings=request.settings.to_values(),
        code_version=request.code_version,
    )


def _say_table(request: WatchRequest) -> str:
    return str(request.deployments_csv) if request.deployments_csv else ""
