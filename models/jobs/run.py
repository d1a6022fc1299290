"""A run: find, embed and score the crops of a folder of photos."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.errors import AnomalureError
from core.photos.deployments import DeploymentNamer
from core.photos.reading import Listing, find_photos
from core.runs.account import describe_account, make_account, read_account, write_account
from core.runs.boxes import BoxesFromFile
from core.runs.catalogue import keep_catalogue
from core.runs.folder import RunFolder, Status, describe_run
from core.runs.parts import Detector, Encoder
from core.runs.pipeline import open_source, run_pipeline
from core.runs.shards import choose_shard_photos
from core.settings.run import RunSettings
from core.study.moved_projects import find_again
from core.study.project import Project
from core.work.meter import Cancelled, Meter
from core.work.request import Request
from models.encoders.sections import weigh_sections
from models.encoders.spec import EncoderSpec, bundled_encoder

if TYPE_CHECKING:
    from models.bundles.bundle import Bundle
    from models.judging.first_look import FirstLookScorer

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunRequest(Request):
    """What a user asks of a new run.

    Attributes:
        folder: The folder of photos.
        bundle: The bundle's name; empty: a first look, which scores the photos against each other.
        detector: A name or a path; empty: the bundle's detector, or ``auto`` on a first look.
        boxes: A file of boxes, used instead of a detector.
        encoders: The encoders of a first look; none: the default one. A bundle has its own.
        deployments_csv: A table that says which deployment each photo belongs to.
        settings: Settings of the run.
    """

    kind: ClassVar[str] = "run"
    room: ClassVar[str] = "runs"
    what: ClassVar[str] = "run"

    folder: Path
    bundle: str = ""
    detector: str = ""
    boxes: Path | None = None
    encoders: tuple[EncoderSpec, ...] = ()
    deployments_csv: Path | None = None
    settings: RunSettings = field(default_factory=RunSettings)


REQUEST = RunRequest
open_work = RunFolder


def do(project: Project, work: RunFolder, meter: Meter) -> dict[str, Any]:
    """Make the run, or open an interrupted one, and do what is left of it.

    Raises:
        AnomalureError: If the folder, the bundle, the detector or the boxes cannot be used.
        Cancelled: If somebody asked it to stop; the finished shards stay.
    """
    try:
        detector, encoder, bundle = _open_again(project, work) if work.is_made else _make(project, work, meter)
        meter.check()
        _run(project, work, meter, detector, encoder, bundle)
    except BaseException:
        if work.is_made:
            counts = work.counts()  # photos of an unfinished shard do not count
            meter.tell(replace(meter.last, done=counts.photos, total=work.n_files, failures=counts.failures))
        raise
    _finish_account(work, detector)
    return {**describe_run(work), **describe_account(work), "status": str(Status.DONE)}  # written once this returns


def finish(project: Project, work: RunFolder) -> None:
    """Write the catalogue and the guesses, and group the crops: nobody has to wait for that when the run is opened.

    The queue is there already. Only a first look is grouped; for other runs, opening the page Groups does it.
    """
    from models.guesses.of_run import keep_run_guesses

    keep_catalogue(work)
    keep_run_guesses(work)
    if not work.info.bundle and work.counts().crops:
        _group(project, work)


def _group(project: Project, run: RunFolder) -> None:
    from models.jobs import registry
    from models.jobs.groups import GroupsRequest

    try:
        registry.do_at_once(project, GroupsRequest(run=run.run_id))
    except (AnomalureError, Cancelled, OSError) as error:
        log.warning("The crops of run %s were not grouped: %s", run.run_id, error)


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
    bundle = _open_bundle(project, request.bundle)
    detector, detector_name = _open_detector(request, bundle, listing, allow_code=run.allow_code)
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
        engines=_list_engines(encoder),
        boxes=str(request.boxes) if request.boxes else "",
        deployments_csv=str(request.deployments_csv) if request.deployments_csv else "",
        settings=replace(settings, shard_photos=shard_photos).to_values(),
        code_version=request.code_version,
    )
    write_account(made, make_account(listing, detector if isinstance(detector, BoxesFromFile) else None))
    return detector, encoder, bundle


def _open_again(project: Project, run: RunFolder) -> "tuple[Detector, Encoder, Bundle | None]":
    """The detector, the encoder and the bundle of a run. A resumed run uses the same detector, encoder and engines."""
    from models.encoders.loading import load_encoder

    open_source(run)  # if the disk is away, this is said before the models are loaded
    info = run.info
    bundle = _open_bundle(project, info.bundle)
    specs = bundle.encoders if bundle else tuple(EncoderSpec.from_values(spec) for spec in info.encoders)
    request = RunRequest(
        name=run.run_id,
        folder=Path(info.folder),
        detector=find_again(info.detector, project.path),
        boxes=Path(info.boxes) if info.boxes else None,
        settings=RunSettings.from_values(info.settings),
    )
    listing = Listing(Path(info.folder), tuple(run.file_names))
    detector, _ = _open_detector(request, bundle, listing, allow_code=run.allow_code)
    engines = info.engines if len(info.engines) == len(specs) else "auto"
    encoder = load_encoder(specs, engine=engines, allow_code=run.allow_code)
    return detector, encoder, bundle


def _run(
    project: Project, run: RunFolder, meter: Meter, detector: Detector, encoder: Encoder, bundle: "Bundle | None"
) -> None:
    from models.bundles.frame_mapper import load_mapper
    from models.bundles.scorer import BundleScorer

    settings = RunSettings.from_values(run.info.settings)
    table = Path(run.info.deployments_csv) if run.info.deployments_csv else None
    folder = Path(run.info.folder)
    namer = DeploymentNamer(folder, pattern=settings.deployment_pattern, table=table, file_names=run.file_names)
    unnamed = namer.unnamed(run.file_names)
    if unnamed:
        log.warning(
            "The pattern or table names no deployment for %d of %d photos, such as %s. Their deployment is the name of "
            "their folder.",
            len(unnamed),
            len(run.file_names),
            unnamed[0],
        )
    scorer = BundleScorer(bundle, settings) if bundle else _make_first_look(settings, encoder, run)
    run_pipeline(
        run,
        meter,
        detector=detector,
        encoder=encoder,
        scorer=scorer,
        namer=namer,
        settings=settings,
        crops_dir=project.crops_dir,
        mapper=load_mapper(bundle) if bundle else None,
    )
    for note in scorer.notes:
        log.info("%s", note)


def _make_first_look(settings: RunSettings, encoder: Encoder, run: RunFolder) -> "FirstLookScorer":
    from models.judging.first_look import FirstLookScorer

    specs = [EncoderSpec.from_values(values) for values in run.info.encoders]
    return FirstLookScorer(settings, encoder.sections, weigh_sections(specs, encoder.sections))


def _open_bundle(project: Project, name: str) -> "Bundle | None":
    from models.bundles.bundle import Bundle

    return Bundle.load(project.bundles_dir / name) if name else None


def _open_detector(
    request: RunRequest, bundle: "Bundle | None", listing: Listing, *, allow_code: bool
) -> tuple[Detector, str]:
    """The detector and its name for the run's record."""
    from models.detectors.loading import load_detector, load_usual_detector
    from models.detectors.source import AUTO, BUNDLED, PUBLISHED_DETECTOR

    if request.boxes is not None:
        from_file = BoxesFromFile(request.boxes, min_confidence=request.settings.min_confidence, listing=listing)
        for problem in from_file.problems:
            log.warning("%s: %s.", request.boxes.name, problem.rstrip("."))
        return from_file, from_file.name
    name = request.detector or (bundle.detector if bundle else AUTO)
    if name != AUTO:
        return load_detector(name, request.settings, allow_code=allow_code), name
    try:
        if bundle is not None:  # made before bundles wrote down which detector they were made with
            return load_detector(PUBLISHED_DETECTOR, request.settings), PUBLISHED_DETECTOR
        usual = load_usual_detector(request.settings)
        return usual, usual.name
    except AnomalureError as error:
        log.warning("%s The bundled detector is used instead. It was made for the drawn sample season.", error)
        return load_detector(BUNDLED, request.settings), BUNDLED


def _list_engines(encoder: Encoder) -> list[str]:
    from models.encoders.loading import list_engines

    return list_engines(encoder)
