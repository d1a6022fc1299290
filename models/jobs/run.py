"""Open the parts that a run needs and do the run: the one job behind the Run page and the command line."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import AnomalureError
from core.photos.deployments import DeploymentNamer
from core.photos.reading import Listing, find_photos
from core.runs.boxes import BoxesFromFile
from core.runs.folder import Phase, Progress, RunFolder
from core.runs.parts import Detector, Encoder, Scorer
from core.runs.pipeline import RunCancelled, run_pipeline
from core.settings.run import RunSettings
from core.study.moved_projects import find_again
from core.study.project import Project
from core.version import VERSION
from models.bundles.bundle import Bundle
from models.bundles.frame_mapper import load_mapper
from models.bundles.scorer import BundleScorer
from models.detectors.loading import load_detector
from models.detectors.source import AUTO, BUNDLED, PUBLISHED_DETECTOR
from models.encoders.loading import list_engines, load_encoder
from models.encoders.spec import EncoderSpec, bundled_encoder
from models.judging.first_look import FirstLookScorer

log = logging.getLogger(__name__)

PUBLISHED_BACKBONE = "mobilenet_v2"


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a user asks of a new run.

    ``bundle`` empty: first look. ``detector`` empty: the bundle's, or ``auto`` on a first look. ``boxes``: a file of
    boxes in place of a detector. ``encoders`` count only on a first look; a bundle brings its own.
    """

    folder: Path
    name: str | None = None
    bundle: str = ""
    detector: str = ""
    boxes: Path | None = None
    encoders: tuple[EncoderSpec, ...] = ()
    deployments_csv: Path | None = None
    allow_code: bool = False
    settings: RunSettings = field(default_factory=RunSettings)


@dataclass(frozen=True)
class _Parts:
    detector: Detector
    encoder: Encoder
    scorer: Scorer


def start_run(project: Project, request: RunRequest, *, on_progress: Callable[[Progress], None]) -> RunFolder:
    """Make a run and do it to its end.

    Raises:
        AnomalureError: If the folder, the bundle, the detector or the boxes cannot be used; no run is left behind.
        RunCancelled: If somebody asked it to stop; the finished shards stay, and it can be resumed.
    """
    listing = find_photos(request.folder)
    if listing.passed_over:
        log.info("Passed over: %s.", listing.describe_passed_over())
    bundle = _open_bundle(project, request.bundle)
    encoders = bundle.encoders if bundle else request.encoders or _first_look_encoders()
    detector_name = "" if request.boxes else request.detector or (bundle.detector if bundle else AUTO)
    detector, detector_name = _open_detector(
        detector_name, request.boxes, listing, request.settings, allow_code=request.allow_code
    )
    encoder = load_encoder(encoders, allow_code=request.allow_code)
    run = project.new_run_folder(
        request.name,
        folder=request.folder,
        file_names=listing.file_names,
        bundle=request.bundle,
        detector=detector_name,
        encoder=encoder.name,
        encoders=[spec.to_values() for spec in encoders],
        engines=list_engines(encoder),
        boxes=str(request.boxes.absolute()) if request.boxes else "",
        deployments_csv=str(request.deployments_csv.absolute()) if request.deployments_csv else "",
        settings=request.settings.to_values(),
        code_version=VERSION,
    )
    return _work(project, run, detector, encoder, bundle, on_progress)


def resume_run(
    project: Project, run_id: str, *, allow_code: bool, on_progress: Callable[[Progress], None]
) -> RunFolder:
    """Go on with a run that was killed, cancelled or failed; what is on disk is not done again.

    Raises:
        AnomalureError: If there is no such run, another process works on it, or its parts are gone.
        RunCancelled: If somebody asked it to stop again.
    """
    run = project.run(run_id)
    settings = RunSettings.from_values(run.info.settings)
    bundle = _open_bundle(project, run.info.bundle)
    encoders = bundle.encoders if bundle else tuple(EncoderSpec.from_values(spec) for spec in run.info.encoders)
    boxes = Path(run.info.boxes) if run.info.boxes else None
    listing = Listing(Path(run.info.folder), tuple(run.file_names))
    named = find_again(run.info.detector, project.path)
    detector, _ = _open_detector(named, boxes, listing, settings, allow_code=allow_code)
    engines = run.info.engines if len(run.info.engines) == len(encoders) else "auto"
    encoder = load_encoder(encoders, engine=engines, allow_code=allow_code)
    return _work(project, run, detector, encoder, bundle, on_progress)


def _work(
    project: Project,
    run: RunFolder,
    detector: Detector,
    encoder: Encoder,
    bundle: Bundle | None,
    on_progress: Callable[[Progress], None],
) -> RunFolder:
    settings = RunSettings.from_values(run.info.settings)
    table = Path(run.info.deployments_csv) if run.info.deployments_csv else None
    folder = Path(run.info.folder)
    namer = DeploymentNamer(folder, pattern=settings.deployment_pattern, table=table, file_names=run.file_names)
    unnamed = namer.unnamed(run.file_names)
    if unnamed:
        log.warning(
            "%d of %d photos have no deployment by the pattern or table and keep their folder's name, such as %s.",
            len(unnamed),
            len(run.file_names),
            unnamed[0],
        )
    scorer = BundleScorer(bundle, settings) if bundle else FirstLookScorer(settings, encoder.sections)
    mapper = load_mapper(bundle) if bundle else None
    try:
        run_pipeline(
            run,
            detector=detector,
            encoder=encoder,
            scorer=scorer,
            namer=namer,
            settings=settings,
            crops_dir=project.crops_dir,
            mapper=mapper,
            on_progress=on_progress,
        )
    except RunCancelled:
        run.write_progress(_last_words(run, Phase.CANCELLED, "Cancelled; resume it to go on."))
        raise
    except Exception as error:
        run.write_progress(_last_words(run, Phase.FAILED, str(error) or type(error).__name__))
        raise
    for note in scorer.notes:
        log.info("%s", note)
    return run


def _last_words(run: RunFolder, phase: Phase, message: str) -> Progress:
    counts = run.counts()
    return Progress(
        phase=phase, done=counts.photos, total=len(run.file_names), failures=counts.failures, message=message
    )


def _open_bundle(project: Project, name: str) -> Bundle | None:
    return Bundle.load(project.bundles_dir / name) if name else None


def _open_detector(
    name: str, boxes: Path | None, listing: Listing, settings: RunSettings, *, allow_code: bool
) -> tuple[Detector, str]:
    if boxes is not None:
        from_file = BoxesFromFile(boxes, min_confidence=settings.min_confidence, listing=listing)
        for problem in from_file.problems:
            log.warning("%s: %s.", boxes.name, problem.rstrip("."))
        return from_file, from_file.name
    if name != AUTO:
        return load_detector(name, settings, allow_code=allow_code), name
    try:
        return load_detector(PUBLISHED_DETECTOR, settings), PUBLISHED_DETECTOR
    except AnomalureError as error:
        log.warning("%s The bundled detector is used instead; it is small and made for the sample.", error)
        return load_detector(BUNDLED, settings), BUNDLED


def _first_look_encoders() -> tuple[EncoderSpec, ...]:
    published = EncoderSpec(backbone=PUBLISHED_BACKBONE, weights="default")
    try:
        load_encoder((published,))
        return (published,)
    except AnomalureError as error:
        log.warning("%s The bundled encoder is used instead; it is small and made for the sample.", error)
        return (bundled_encoder(),)
