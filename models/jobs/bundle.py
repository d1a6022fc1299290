"""A bundle: learn what is normal from labelled photos, and train the encoder first if asked to."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.errors import AnomalureError, BundleError
from core.formats.labelled import LabelFile
from core.labels.crops import choose_split
from core.labels.meeting import account_for_folder
from core.settings.run import RunSettings
from core.settings.training import AUTOENCODERS, BOXES_FROM, FRAMES, METHODS, SCORED_BY, TrainingSettings
from core.study.project import Project, check_name
from core.work.labelled import LabelledRequest
from core.work.meter import Meter
from core.work.progress import Phase, Progress
from core.work.trainings import TrainingFolder
from models.encoders.spec import EncoderSpec

if TYPE_CHECKING:
    from core.runs.parts import Detector, Encoder
    from models.bundles.bundle import Bundle
    from models.contrastive.training import TrainedEncoder

log = logging.getLogger(__name__)

METHOD_NAMES = {
    "none": "none: used as it is",
    "simclr": "SimCLR",
    "triplet": "triplets of species",
    "autoencoder_dense": "a dense autoencoder",
    "autoencoder_conv": "a convolutional autoencoder",
}


@dataclass(frozen=True, kw_only=True)
class BundleRequest(LabelledRequest):
    """What a user asks of a new bundle.

    Attributes:
        encoders: What turns crops into vectors, joined in this order; ``method`` trains the first of them.
        complete: Whether the detector's features are joined to the encoders or, if they are not available, mirror
            images are used. The choice is written into the request: a resumed training uses the same encoders.
        method: How the first encoder is trained; ``none``: it is used as it is. An autoencoder starts from random
            weights, and its bottleneck takes the place of all encoders.
        scored_by: ``one_class``, or an autoencoder's error: ``reconstruction`` of the whole crop, ``worst_part``.
        threshold: From where on runs flag, such as ``mean+2sd`` or ``p95``; empty: the settings' false-alarm rate.
        one_class: Name of the one-class model of a species.
        components: Number of principal components that embeddings are reduced to; 0: not reduced.
        frames: What whole frames are scored by: ``embedding`` or ``patches``.
        detector: The detector of runs with this bundle, as ``load_detector`` takes it.
        boxes_from: ``detector``: animals are cut as the detector cuts them, and its boxes on nothing and on people
            become the background class; without a detector, or without animals in the labels, as ``labels``.
            ``labels``: only the boxes of the labels are used.
        settings: Margin around boxes, least confidence, event gap, and the default settings of the bundle's runs.
        training: Settings of the encoder's training.
        device: Where the encoder is trained: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    kind: ClassVar[str] = "bundle"
    room: ClassVar[str] = "trainings"
    what: ClassVar[str] = "bundle"

    encoders: tuple[EncoderSpec, ...]
    complete: bool = False
    method: str = "none"
    scored_by: str = SCORED_BY[0]
    threshold: str = ""
    one_class: str = "ocsvm"
    components: int = 0
    frames: str = FRAMES[0]
    detector: str = "auto"
    boxes_from: str = BOXES_FROM[0]
    settings: RunSettings = field(default_factory=RunSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    device: str = "auto"

    @classmethod
    def upgrade(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Earlier versions wrote an empty text instead of None, and used only the boxes of the labels."""
        values = {"boxes_from": "labels", **values}
        return {key: value for key, value in values.items() if value != "" or key not in ("labels", "species")}


REQUEST = BundleRequest
open_work = TrainingFolder


def check(project: Project, request: BundleRequest) -> None:
    """Refuse a name that is taken, because a bundle never changes.

    Raises:
        BundleError: If there is a bundle of that name already.
    """
    if (project.bundles_dir / request.name).exists():
        raise BundleError(
            f"There is a bundle named {request.name} already, and a bundle never changes. Choose another name."
        )


def do(project: Project, work: TrainingFolder, meter: Meter) -> dict[str, Any]:
    """Train the encoder if asked for, learn what is normal, and register the new bundle with the project.

    Raises:
        AnomalureError: If the labels, photos, encoder or settings cannot be used; no bundle is left then.
        Cancelled: If somebody asked it to stop; a checkpoint of the encoder's training is kept.
    """
    request = work.read_request(BundleRequest)
    check(project, request)
    _check_choices(request)
    labels = request.read_labels()
    choose_split(labels, request.split)
    meter.check()
    request = _complete(work, request)
    _check_encoders(request)
    read = [one.to_values() for one in account_for_folder(labels, request.images)]
    notes: list[str] = []
    unseen_events: tuple[str, ...] = ()
    if request.method != "none":
        trained = _train(work, request, labels, meter)
        work.write_result(trained.to_values())
        notes.append(describe_training(trained))
        unseen_events = trained.held_out_events
        # All joined encoders get crops of the same size. An autoencoder is trained to stand alone.
        joined = () if request.method in AUTOENCODERS else request.encoders[1:]
        others = (replace(spec, input_px=trained.spec.input_px) for spec in joined)
        request = replace(request, encoders=(trained.spec, *others))
    detector, why_not = _load_detector(request, labels, allow_code=work.allow_code)
    if why_not:
        log.info("%s", why_not)
        notes.append(why_not)
    if detector is not None:
        request = replace(request, detector=detector.name)  # a later usual detector would draw other boxes
    meter.begin(Phase.MODELS)
    bundle = train_bundle(
        request,
        labels,
        out_dir=project.bundles_dir,
        crops_dir=project.crops_dir,
        detector=detector,
        notes=notes,
        unseen_events=unseen_events,
        on_progress=meter,
        on_frame=lambda done, total: meter(done, total, "Learning the patches of whole frames."),
    )
    project.store.register_bundle(bundle.name)
    work.tidy()
    return {"bundle": bundle.name, **bundle.to_values(), "training": work.read_result(), "labels_read": read}


def train_bundle(
    request: BundleRequest,
    labels: LabelFile,
    *,
    out_dir: Path,
    crops_dir: Path | None = None,
    encoder: "Encoder | None" = None,
    detector: "Detector | None" = None,
    notes: Sequence[str] = (),
    unseen_events: Collection[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> "Bundle":
    """Learn what is normal from labelled photos, and write it to ``out_dir``.

    Boxes with a species are normal crops of that species. Photos that are labelled without a box, most of them empty,
    are normal whole frames of their camera.

    Args:
        request: The photos and what to make of them; its encoders are used as they are.
        labels: Which photos show what.
        out_dir: The project's ``bundles`` folder.
        crops_dir: The folder for small pictures of the crops, which Review shows as examples of what is normal; None:
            there will be no pictures.
        encoder: Used instead of loading ``request.encoders``.
        detector: Cuts the crops, and finds boxes on nothing; None: only the boxes of the labels are used.
        notes: Sentences about the encoder for the card.
        unseen_events: The events that a trained encoder has not seen; the scores are calibrated by them.
        on_progress: Gets the number of photos that are done and their total.
        on_frame: Gets the number of whole frames that were divided into patches and their total.

    Raises:
        BundleError: If there is a bundle of that name already.
        AnomalureError: If there is nothing to train on, or a name or choice cannot be used.
    """
    from models.bundles.bundle import refuse_existing
    from models.bundles.making import make_bundle
    from models.bundles.patches import LearntPatches, choose_patch_spec, learn_patches
    from models.bundles.training import embed_labelled
    from models.encoders.loading import load_encoder
    from models.encoders.patch_maps import load_patch_encoder
    from models.encoders.sections import find_error

    _check_choices(request)
    check_name(request.name, what="bundle")
    refuse_existing(out_dir / request.name)
    settings = request.settings
    chosen = choose_split(labels, request.split)
    encoder = encoder or load_encoder(request.encoders)
    by_patches = request.frames == "patches"
    patch_encoder = load_patch_encoder(choose_patch_spec(request.encoders)) if by_patches else None
    crops = embed_labelled(
        chosen,
        request.images,
        encoder=encoder,
        settings=settings,
        detector=detector,
        file_problems=labels.problems,
        crops_dir=crops_dir,
        on_progress=on_progress,
    )
    rows = crops.training_rows(gap_s=settings.event_gap_s)
    learnt = LearntPatches()
    if patch_encoder is not None:
        learnt = learn_patches(rows, request.images, encoder=patch_encoder, settings=settings, on_progress=on_frame)
    return make_bundle(
        rows,
        name=request.name,
        encoders=request.encoders,
        sections=crops.sections,
        detector=request.detector,
        one_class=request.one_class,
        components=request.components,
        settings=settings,
        out_dir=out_dir,
        method=request.method,
        source=(labels.format_name or "labels") + (f", split {request.split}" if request.split else ""),
        notes=[*notes, *(f"Not used: {line}." for line in crops.problems.lines()), *learnt.notes],
        patch_judges=learnt.judges,
        unseen_events=unseen_events,
        error_at=find_error(request.encoders, crops.sections, request.scored_by),
        threshold=request.threshold,
    )


def _load_detector(request: BundleRequest, labels: LabelFile, *, allow_code: bool) -> "tuple[Detector | None, str]":
    """The detector that cuts the crops; if there is none, a sentence that says why.

    Raises:
        AnomalureError: If a detector was named and cannot be used.
    """
    from models.detectors.loading import load_detector, load_usual_detector
    from models.detectors.source import AUTO

    if request.boxes_from == "labels" or not any(
        not label.is_empty for photo in labels.photos for label in photo.labels
    ):
        return None, ""
    if request.detector != AUTO:
        return load_detector(request.detector, request.settings, allow_code=allow_code), ""
    try:
        return load_usual_detector(request.settings), ""
    except AnomalureError as error:
        return None, (
            f"Only the boxes of the labels were used, and there is no background class: {error} Name the detector of "
            "your runs to train on boxes as it cuts them."
        )


def describe_training(trained: "TrainedEncoder") -> str:
    """How the encoder was trained, in a sentence for the card."""
    held = (
        f"best epoch {trained.best_epoch} of {trained.epochs} by the loss on {trained.n_held_out} crops held out, "
        f"{trained.held_out_loss:.3f} (before training {trained.first_held_out_loss:.3f})"
        if trained.held_out_loss is not None and trained.first_held_out_loss is not None
        else f"the last of {trained.epochs} epochs, because too few crops could be held out to choose the best"
    )
    return (
        f"The encoder was trained by {METHOD_NAMES[trained.method]} on {trained.n_learnt} crops, starting from "
        f"{trained.start}: {held}; {trained.precision} on {trained.device}, {trained.seconds:.0f} s."
    )


def _check_choices(request: BundleRequest) -> None:
    from models.encoders.sections import check_scored_by
    from models.judging.thresholds import read_threshold
    from models.one_class.methods import check_one_class

    for name, value, choices in (
        ("method", request.method, METHODS),
        ("scored_by", request.scored_by, SCORED_BY),
        ("frames", request.frames, FRAMES),
        ("boxes_from", request.boxes_from, BOXES_FROM),
    ):
        if value not in choices:
            raise AnomalureError(f"{name} must be one of {', '.join(choices)}, got {value!r}.")
    read_threshold(request.threshold)
    is_rebuilt = request.method in AUTOENCODERS
    check_scored_by((EncoderSpec(backbone=request.method),) if is_rebuilt else request.encoders, request.scored_by)
    if request.frames == "patches" and is_rebuilt:
        raise AnomalureError(
            "An autoencoder has no map of patches, so it cannot score whole frames by patches. Score them by "
            "embedding; with scored_by worst_part they are then scored by the part that is put together worst."
        )
    check_one_class(request.one_class)


def _complete(work: TrainingFolder, request: BundleRequest) -> BundleRequest:
    """The request with the detector's features or mirror images joined to its encoders, if asked for and available."""
    specs = request.encoders
    if request.method in AUTOENCODERS:
        return request
    if request.method != "none":  # encoders joined to a trained one get crops of its size
        specs = tuple(replace(spec, input_px=request.training.image_px) for spec in specs)
    if request.complete:
        from models.encoders.defaults import complete_encoders

        specs, why_not = complete_encoders(specs, detector=request.detector, allow_code=work.allow_code)
        if why_not:
            log.info("%s", why_not)
    if request.complete or specs != request.encoders:
        request = replace(request, encoders=specs, complete=False)
        work.write_request(request)
    return request


def _check_encoders(request: BundleRequest) -> None:
    """Check that the encoders fit the request before the work begins."""
    from models.encoders.loading import check_backbone
    from models.encoders.patch_maps import check_patch_map

    first = request.encoders[0]
    if request.method in AUTOENCODERS:
        from models.encoders.autoencoders import check_sizes

        check_sizes(request.method, input_px=request.training.image_px, bottleneck=request.training.bottleneck)
        return
    if request.method != "none":
        if first.backbone in AUTOENCODERS and not first.detector:
            raise AnomalureError(
                f"{first.backbone} is trained by the method {first.backbone}, not by {request.method}. Choose another "
                "backbone, such as mobilenet_v2."
            )
        if first.detector:
            raise AnomalureError(
                f"The features of a detector ({first.detector}) cannot be trained. Choose a backbone such as "
                "mobilenet_v2 to train; the detector's features can be joined to it."
            )
        check_backbone(first)
    if request.frames == "patches":
        from models.bundles.patches import choose_patch_spec

        check_patch_map(choose_patch_spec(request.encoders))


def _train(work: TrainingFolder, request: BundleRequest, labels: LabelFile, meter: Meter) -> "TrainedEncoder":
    from models.autoencoder.training import train_autoencoder
    from models.contrastive.crops import keep_crops, open_kept
    from models.contrastive.training import TrainingStep, train_encoder

    is_rebuilt = request.method in AUTOENCODERS
    crops = open_kept(work.path)
    if crops is None:
        meter.begin(Phase.CROPS)
        crops = keep_crops(
            choose_split(labels, request.split),
            request.images,
            work.path,
            image_px=request.training.image_px,
            settings=request.settings,
            with_frames=is_rebuilt,
            on_progress=meter,
        )
    meter.begin(Phase.TRAINING, unit="crop", message="Measuring the encoder before its training.")

    def follow(step: TrainingStep) -> None:
        work.write_curve(step.curve)
        meter.tell(
            Progress(
                phase=Phase.TRAINING,
                done=step.done,
                total=step.total,
                photos_per_s=step.crops_per_s,
                seconds_left=step.seconds_left,
                unit="crop",
                message=f"Epoch {step.epoch} of {step.epochs}.",
            )
        )

    train = train_autoencoder if is_rebuilt else partial(train_encoder, start=request.encoders[0])
    return train(
        crops,
        work.path,
        method=request.method,
        settings=request.training,
        device=request.device,
        should_stop=lambda: meter.cancel_requested,
        on_step=follow,
    )
