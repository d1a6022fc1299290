"""From what was asked for to a detector, in a folder that says how far it is: behind the page and the command."""

import errno
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from core.errors import AnomalureError
from core.labels.crops import choose_split
from core.labels.source import read_label_source
from core.labels.yolo import YoloDataset, read_yolo_dataset, write_yolo_dataset
from core.settings.detector import DetectorSettings
from core.settings.run import RunSettings
from core.study.project import Project, check_name
from core.version import VERSION
from core.work.detector_trainings import (
    PHOTOS,
    DetectorEpoch,
    DetectorTrainingFolder,
    DetectorTrainingInfo,
    list_detector_trainings,
)
from core.work.progress import Phase, Progress
from models.detectors.training import DetectorTrainingCancelled, open_start, train_detector


@dataclass(frozen=True, kw_only=True)
class DetectorRequest:
    """What a user asks of a new detector; ``labels`` None: folders by species, ``species``: a second file of labels."""

    name: str
    images: Path
    labels: Path | None = None
    species: Path | None = None
    split: str | None = None
    start: str = "yolov8n"
    by_species: bool = False
    val_share: float = 0.2
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    settings: RunSettings = field(default_factory=RunSettings)


def start_detector_training(
    project: Project,
    request: DetectorRequest,
    *,
    allow_code: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> DetectorTrainingFolder:
    """Make a training and do it to its end.

    Raises:
        AnomalureError: If the name is taken, or the labels, photos or start cannot be used; nothing is left then.
        DetectorTrainingCancelled: If somebody asked it to stop; it can be resumed.
    """
    check_name(request.name, what="detector")
    labels = read_label_source(request.images, labels=request.labels, species=request.species)
    choose_split(labels, request.split)
    start = open_start(request.start, allow_code=allow_code)
    info = DetectorTrainingInfo(
        name=request.name,
        images=str(request.images.absolute()),
        labels=str(request.labels.absolute()) if request.labels else "",
        species=str(request.species.absolute()) if request.species else "",
        split=request.split,
        start=request.start,
        by_species=request.by_species,
        val_share=request.val_share,
        detector=request.detector.to_values(),
        settings=request.settings.to_values(),
        code_version=VERSION,
    )
    folder = DetectorTrainingFolder.create(project.detectors_dir / request.name, info)
    return _work(folder, start, on_progress=on_progress)


def resume_detector_training(
    project: Project, name: str, *, on_progress: Callable[[Progress], None] = lambda progress: None
) -> DetectorTrainingFolder:
    """Go on with a training that was killed, cancelled or failed, after its last finished epoch.

    Raises:
        AnomalureError: If there is nothing of that name to go on with, or another process works on it.
        DetectorTrainingCancelled: If somebody asked it to stop again.
    """
    check_name(name, what="detector")
    folder = DetectorTrainingFolder(project.detectors_dir / name)
    if not folder.path.is_dir():
        there = ", ".join(item.name for item in list_detector_trainings(project.detectors_dir)[:10]) or "none yet"
        raise AnomalureError(f"There is no training of a detector named {name}. There are: {there}.")
    if folder.is_trained:
        raise AnomalureError(f"The detector {name} is done; there is nothing to go on with.")
    if not folder.can_resume:
        raise AnomalureError(f"The training of {name} ended before its first epoch. Start it again.")
    return _work(folder, None, on_progress=on_progress)


def _work(
    folder: DetectorTrainingFolder, start: object, *, on_progress: Callable[[Progress], None]
) -> DetectorTrainingFolder:
    def tell(progress: Progress) -> None:
        folder.write_progress(progress)
        on_progress(progress)

    with folder.working():
        try:
            tell(Progress(phase=Phase.STARTING))
            _do(folder, start, tell)
            folder.tidy()
            tell(Progress(phase=Phase.DONE, done=1, total=1, message=f"The detector {folder.name} is made."))
            return folder
        except DetectorTrainingCancelled:
            tell(_last_words(folder, Phase.CANCELLED, "Cancelled; resume it to go on."))
            raise
        except BaseException as error:
            plain: BaseException = error
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                plain = AnomalureError(f"The disk of {folder.path} is full. Make room and resume.")
            with suppress(OSError):  # a full disk has no room for last words either
                tell(_last_words(folder, Phase.FAILED, str(plain) or type(error).__name__))
            if not folder.can_resume and not folder.is_trained:
                shutil.rmtree(folder.path / PHOTOS, ignore_errors=True)
            if plain is error:
                raise
            raise plain from error


def _last_words(folder: DetectorTrainingFolder, phase: Phase, message: str) -> Progress:
    return replace(folder.read_progress() or Progress(), phase=phase, message=message, seconds_left=None)


def _do(folder: DetectorTrainingFolder, start: object, tell: Callable[[Progress], None]) -> None:
    info = folder.info
    settings = DetectorSettings.from_values(info.detector)
    dataset = _find_photos(folder, tell)
    began = time.monotonic()
    first: list[int] = []
    tell(Progress(phase=Phase.TRAINING, total=settings.detector_epochs, unit="epoch"))

    def follow(epoch: DetectorEpoch) -> None:
        first.append(epoch.epoch)
        per_s = len(first) / max(time.monotonic() - began, 1e-9)
        tell(
            Progress(
                phase=Phase.TRAINING,
                done=epoch.epoch,
                total=epoch.epochs,
                photos_per_s=per_s,
                unit="epoch",
                seconds_left=(epoch.epochs - epoch.epoch) / per_s,
                message=f"mAP {epoch.map50:.2f} at 50% overlap.",
            )
        )

    best = train_detector(
        dataset, folder, start=start, settings=settings, should_stop=lambda: folder.cancel_requested, on_epoch=follow
    )
    folder.write_result(
        {
            "name": info.name,
            "start": info.start,
            "classes": list(dataset.class_names),
            "photos": dataset.n_photos,
            "boxes": dataset.n_boxes,
            "not_used": list(dataset.problems),
            "settings": settings.to_values(),
            "best": asdict(best),
        }
    )


def _find_photos(folder: DetectorTrainingFolder, tell: Callable[[Progress], None]) -> YoloDataset:
    kept = folder.path / PHOTOS
    if folder.can_resume:
        return read_yolo_dataset(kept)
    shutil.rmtree(kept, ignore_errors=True)
    info = folder.info
    labels = read_label_source(
        Path(info.images),
        labels=Path(info.labels) if info.labels else None,
        species=Path(info.species) if info.species else None,
    )
    began, told = time.monotonic(), 0.0

    def follow(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= 0.5 or done == total:
            told, rate = now, done / max(now - began, 1e-9)
            tell(
                Progress(
                    phase=Phase.PHOTOS, done=done, total=total, photos_per_s=rate, seconds_left=(total - done) / rate
                )
            )
        if folder.cancel_requested:
            raise DetectorTrainingCancelled

    return write_yolo_dataset(
        choose_split(labels, info.split),
        Path(info.images),
        kept,
        settings=RunSettings.from_values(info.settings),
        by_species=info.by_species,
        val_share=info.val_share,
        seed=int(info.detector["detector_seed"]),
        file_problems=labels.problems,
        on_progress=follow,
    )
