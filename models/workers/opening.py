"""Opens what a run looks through photos with: its detector, its encoder, its bundle and what names its cameras."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import AnomalureError
from core.export.species_list import read_species_names
from core.photos.deployments import DeploymentNamer
from core.photos.reading import Listing
from core.runs.boxes import BoxesFromFile
from core.runs.classified.scoring import ClassifiedScorer
from core.runs.folder import RunFolder
from core.runs.parts import Detector, Encoder
from core.runs.pipeline import ShardParts, open_source
from core.settings.run import RunSettings
from core.species import fold_name
from core.study.moved_projects import find_again
from core.study.project import Project
from models.encoders.sections import weigh_sections
from models.encoders.spec import EncoderSpec
from models.guesses.names import find_own_names, scientific_names
from models.workers.request import RunRequest

if TYPE_CHECKING:
    from models.bundles.bundle import Bundle
    from models.bundles.scorer import BundleScorer
    from models.judging.first_look import FirstLookScorer

log = logging.getLogger(__name__)


def open_again(
    project: Project, run: RunFolder, *, look_for_photos: bool = True
) -> "tuple[Detector, Encoder, Bundle | None]":
    """The detector, the encoder and the bundle of a run. A resumed run uses the same detector, encoder and engines."""
    from models.encoders.loading import load_encoder

    if look_for_photos:
        open_source(run)  # if the disk is away, this is said before the models are loaded
    info = run.info
    bundle = open_bundle(project, info.bundle)
    specs = bundle.encoders if bundle else tuple(EncoderSpec.from_values(spec) for spec in info.encoders)
    detector = open_detector_again(project, run, bundle)
    engines = info.engines if len(info.engines) == len(specs) else "auto"
    encoder = load_encoder(specs, engine=engines, allow_code=run.allow_code)
    return detector, encoder, bundle


def open_detector_again(project: Project, run: RunFolder, bundle: "Bundle | None") -> Detector:
    """The detector of a run that was made before."""
    info = run.info
    request = RunRequest(
        name=run.run_id,
        folder=Path(info.folder),
        detector=find_again(info.detector, project.path),
        boxes=Path(info.boxes) if info.boxes else None,
        settings=RunSettings.from_values(info.settings),
    )
    listing = Listing(Path(info.folder), tuple(run.file_names))
    detector, _ = open_detector(request, bundle, listing, allow_code=run.allow_code)
    return detector


def open_namer(run: RunFolder) -> DeploymentNamer:
    """What names the deployments of a run's photos."""
    settings = RunSettings.from_values(run.info.settings)
    table = Path(run.info.deployments_csv) if run.info.deployments_csv else None
    folder = Path(run.info.folder)
    return DeploymentNamer(folder, pattern=settings.deployment_pattern, table=table, file_names=run.file_names)


def open_shard_parts(
    project: Project, run: RunFolder, detector: Detector, encoder: Encoder, bundle: "Bundle | None"
) -> ShardParts:
    """What looks through the photos of a run."""
    from models.bundles.frame_mapper import load_mapper

    return ShardParts(
        detector=detector,
        encoder=encoder,
        namer=open_namer(run),
        settings=RunSettings.from_values(run.info.settings),
        crops_dir=project.crops_dir,
        mapper=load_mapper(bundle) if bundle else None,
    )


def open_scorer(
    project: Project, run: RunFolder, bundle: "Bundle | None", sections: Sequence[int]
) -> "BundleScorer | FirstLookScorer | ClassifiedScorer":
    """What scores all crops of a run in the end; ``sections`` are those of its encoder."""
    settings = RunSettings.from_values(run.info.settings)
    scorer = _open_own_scorer(run, bundle, sections, settings)
    if not run.info.classifications:
        return scorer
    return ClassifiedScorer(
        scorer,
        run,
        path=Path(run.info.classifications),
        settings=settings,
        own_names=find_names_of_classes(project, bundle.species if bundle else ()),
        as_class=bundle is None or settings.species_from == "classifier",
        drop_other_classes=bundle is not None,
    )


def find_names_of_classes(project: Project, species: Iterable[str]) -> dict[str, str]:
    """What a project calls animals, by the names that classifiers use, as ``core.species.fold_name`` writes them.

    The project's list of scientific names comes first, then a bundle's ``species``.
    """
    own: dict[str, str] = {}
    latin = scientific_names()
    for ours, name in find_own_names(species).items():
        own |= {fold_name(ours): name, **({fold_name(latin[ours]): name} if ours in latin else {})}
    own |= {fold_name(name): name for name in species}
    for one in read_species_names(project.store).values():
        own |= {fold_name(one.scientific): one.local, fold_name(one.local): one.local}
    return own


def _open_own_scorer(
    run: RunFolder, bundle: "Bundle | None", sections: Sequence[int], settings: RunSettings
) -> "BundleScorer | FirstLookScorer":
    from models.bundles.scorer import BundleScorer
    from models.judging.first_look import FirstLookScorer

    if bundle is not None:
        return BundleScorer(bundle, settings)
    specs = [EncoderSpec.from_values(values) for values in run.info.encoders]
    return FirstLookScorer(settings, sections, weigh_sections(specs, sections))


def open_bundle(project: Project, name: str) -> "Bundle | None":
    """The bundle of that name; None for a first look."""
    from models.bundles.bundle import Bundle

    return Bundle.load(project.bundles_dir / name) if name else None


def open_detector(
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


def list_engines_of(encoder: Encoder) -> list[str]:
    """What computes each part of an encoder."""
    from models.encoders.loading import list_engines

    return list_engines(encoder)
