"""From what was asked for to a bundle, in a folder that says how far it is: behind the Train page and the command."""

import errno
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import AnomalureError
from core.formats.labelled import LabelFile
from core.labels.crops import choose_split
from core.labels.source import read_label_source
from core.settings.run import RunSettings
from core.settings.training import FRAMES, METHODS, TrainingSettings
from core.study.project import Project, check_name
from core.version import VERSION
from core.work.progress import Phase, Progress
from core.work.trainings import TrainingFolder, TrainingInfo
from models.bundles.bundle import Bundle, refuse_existing
from models.bundles.patches import choose_patch_spec
from models.bundles.training import train_bundle
from models.contrastive.crops import keep_crops, open_kept
from models.contrastive.training import TrainedEncoder, TrainingCancelled, TrainingStep, train_encoder
from models.encoders.backbones import build_backbone
from models.encoders.loading import find_weights
from models.encoders.patch_maps import check_patch_map
from models.encoders.spec import EncoderSpec
from models.one_class.methods import check_one_class

log = logging.getLogger(__name__)

METHOD_NAMES = {"none": "none: used as it is", "simclr": "SimCLR", "triplet": "triplets of species"}
TELL_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """What a user asks of a new training.

    ``labels`` None: the folders inside ``images`` are named by species; ``species`` is a second file of labels, for
    boxes that have none. ``encoders``: what turns crops into vectors, joined in this order; ``method`` trains the
    first of them. ``frames``: what whole frames are judged by.
    """

    name: str
    images: Path
    labels: Path | None = None
    species: Path | None = None
    split: str | None = None
    encoders: tuple[EncoderSpec, ...]
    method: str = "none"
    one_class: str = "ocsvm"
    components: int = 0
    frames: str = FRAMES[0]
    detector: str = "auto"
    settings: RunSettings = field(default_factory=RunSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)


def start_training(
    project: Project,
    request: TrainingRequest,
    *,
    device: str = "auto",
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Bundle:
    """Make a training and do it to its end: the new bundle is registered with the project.

    Raises:
        BundleError: If there is a bundle of that name already.
        AnomalureError: If the labels, photos, encoder or settings cannot be used; no bundle is left then.
        TrainingCancelled: If somebody asked it to stop; it can be resumed.
    """
    check_name(request.name, what="bundle")
    refuse_existing(project.bundles_dir / request.name)
    check_one_class(request.one_class)
    if request.method not in METHODS:
        raise AnomalureError(f"The method must be one of {', '.join(METHODS)}, got {request.method!r}.")
    if not request.images.is_dir():
        raise AnomalureError(f"There is no folder {request.images}; the one that holds the labelled photos is needed.")
    labels = read_label_source(request.images, labels=request.labels, species=request.species)
    choose_split(labels, request.split)
    if request.method != "none":
        _refuse_untrainable(request.encoders)
    if request.frames not in FRAMES:
        raise AnomalureError(f"Whole frames are judged by one of {', '.join(FRAMES)}, got {request.frames!r}.")
    if request.frames == "patches":
        check_patch_map(choose_patch_spec(request.encoders))
    info = TrainingInfo(
        name=request.name,
        images=str(request.images.absolute()),
        labels=str(request.labels.absolute()) if request.labels else "",
        species=str(request.species.absolute()) if request.species else "",
        split=request.split,
        method=request.method,
        one_class=request.one_class,
        components=request.components,
        frames=request.frames,
        detector=request.detector,
        encoders=[spec.to_values() for spec in request.encoders],
        settings=request.settings.to_values(),
        training=request.training.to_values(),
        code_version=VERSION,
    )
    folder = TrainingFolder.create(project.trainings_dir / request.name, info)
    return _work(project, folder, labels, device=device, on_progress=on_progress)


def resume_training(
    project: Project,
    name: str,
    *,
    device: str = "auto",
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Bundle:
    """Go on with a training that was killed, cancelled or failed, from its last checkpoint.

    Raises:
        AnomalureError: If there is no such training, or another process works on it, or it is done.
        TrainingCancelled: If somebody asked it to stop again.
    """
    check_name(name, what="training")
    folder = TrainingFolder(project.trainings_dir / name)
    if not folder.path.is_dir():
        there = ", ".join(training.name for training in project.trainings()[:10]) or "none yet"
        raise AnomalureError(f"There is no training named {name}. There are: {there}.")
    refuse_existing(project.bundles_dir / name)
    info = folder.info
    labels = read_label_source(
        Path(info.images),
        labels=Path(info.labels) if info.labels else None,
        species=Path(info.species) if info.species else None,
    )
    return _work(project, folder, labels, device=device, on_progress=on_progress)


def _refuse_untrainable(encoders: tuple[EncoderSpec, ...]) -> None:
    """See that the first encoder is there and can be trained, before the work begins."""
    first = encoders[0]
    if first.detector:
        raise AnomalureError(
            f"The features of a detector ({first.detector}) cannot be trained. Choose a backbone such as mobilenet_v2 "
            "to train; the detector's features can be joined to it."
        )
    build_backbone(first.backbone, weights=find_weights(first))


def _work(
    project: Project, folder: TrainingFolder, labels: LabelFile, *, device: str, on_progress: Callable[[Progress], None]
) -> Bundle:
    def tell(progress: Progress) -> None:
        folder.write_progress(progress)
        on_progress(progress)

    with folder.working():
        try:
            tell(Progress(phase=Phase.STARTING))
            bundle = _do(project, folder, labels, device=device, tell=tell)
            project.store.register_bundle(bundle.name)
            folder.tidy()
            tell(Progress(phase=Phase.DONE, done=1, total=1, message=f"The bundle {bundle.name} is made."))
            return bundle
        except TrainingCancelled:
            tell(_last_words(folder, Phase.CANCELLED, "Cancelled; resume it to go on."))
            raise
        except BaseException as error:
            plain = _explain(error, folder)
            with suppress(OSError):  # a full disk has no room for last words either
                tell(_last_words(folder, Phase.FAILED, str(plain) or type(error).__name__))
            if plain is error:
                raise
            raise plain from error


def _explain(error: BaseException, folder: TrainingFolder) -> BaseException:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        more = "Make room and resume the training." if folder.can_resume else "Make room and train again."
        return AnomalureError(f"The disk of {folder.path} is full; no bundle was made. {more}")
    if isinstance(error, KeyboardInterrupt):
        return KeyboardInterrupt("Stopped from the keyboard.")
    return error


def _last_words(folder: TrainingFolder, phase: Phase, message: str) -> Progress:
    progress = folder.read_progress() or Progress()
    return replace(progress, phase=phase, message=message, seconds_left=None)


def _do(
    project: Project, folder: TrainingFolder, labels: LabelFile, *, device: str, tell: Callable[[Progress], None]
) -> Bundle:
    info = folder.info
    settings = RunSettings.from_values(info.settings)
    specs = tuple(EncoderSpec.from_values(spec) for spec in info.encoders)
    notes: list[str] = []
    if info.method != "none":
        trained = _train(folder, labels, specs[0], settings, device=device, tell=tell)
        folder.write_result(trained.to_values())
        notes.append(describe_training(trained))
        # What is joined sees crops of the same size.
        specs = (trained.spec, *(replace(spec, input_px=trained.spec.input_px) for spec in specs[1:]))
    return train_bundle(
        labels,
        Path(info.images),
        name=info.name,
        split=info.split,
        encoders=specs,
        detector=info.detector,
        method=info.method,
        one_class=info.one_class,
        components=info.components,
        frames=info.frames,
        settings=settings,
        out_dir=project.bundles_dir,
        notes=notes,
        on_progress=_follow(folder, Phase.MODELS, tell),
        on_frame=_follow(folder, Phase.MODELS, tell, message="Learning the patches of whole frames."),
    )


def _train(
    folder: TrainingFolder,
    labels: LabelFile,
    start: EncoderSpec,
    settings: RunSettings,
    *,
    device: str,
    tell: Callable[[Progress], None],
) -> TrainedEncoder:
    info = folder.info
    training = TrainingSettings.from_values(info.training)
    crops = open_kept(folder.path) or keep_crops(
        choose_split(labels, info.split),
        Path(info.images),
        folder.path,
        image_px=training.image_px,
        settings=settings,
        on_progress=_follow(folder, Phase.CROPS, tell),
    )
    tell(Progress(phase=Phase.TRAINING, unit="crop", message="Looking at the start."))

    def follow(step: TrainingStep) -> None:
        folder.write_curve(step.curve)
        tell(
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

    return train_encoder(
        crops,
        folder.path,
        start=start,
        method=info.method,
        settings=training,
        device=device,
        should_stop=lambda: folder.cancel_requested,
        on_step=follow,
    )


def _follow(
    folder: TrainingFolder, phase: Phase, tell: Callable[[Progress], None], *, message: str = ""
) -> Callable[[int, int], None]:
    """Photos done as progress, a few times a second; stops where somebody asked for it.

    The first one waits for a detector to be loaded, so the speed is that of those after it.
    """
    first: tuple[float, int] | None = None
    told = float("-inf")

    def follow(done: int, total: int) -> None:
        nonlocal first, told
        now = time.monotonic()
        if now - told < TELL_EVERY_S and done < total:
            return
        told = now
        first = first or (now, done)
        rate = (done - first[1]) / max(now - first[0], 1e-9)
        left = (total - done) / rate if rate > 0 else None
        tell(Progress(phase=phase, done=done, total=total, photos_per_s=rate, seconds_left=left, message=message))
        if folder.cancel_requested:
            raise TrainingCancelled

    return follow


def describe_training(trained: TrainedEncoder) -> str:
    """For the card: how the encoder came about, in a sentence."""
    held = (
        f"best epoch {trained.best_epoch} of {trained.epochs} by the loss on {trained.n_held_out} crops held out, "
        f"{trained.held_out_loss:.3f} (before training {trained.first_held_out_loss:.3f})"
        if trained.held_out_loss is not None and trained.first_held_out_loss is not None
        else f"the last of {trained.epochs} epochs, since too few crops could be held out to choose by"
    )
    return (
        f"The encoder was trained by {METHOD_NAMES[trained.method]} on {trained.n_learnt} crops, starting from "
        f"{trained.start}: {held}; {trained.precision} on {trained.device}, {trained.seconds:.0f} s."
    )
