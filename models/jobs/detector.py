"""A detector: train a YOLO on labelled photos, for runs and bundles."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from core.errors import AnomalureError
from core.labels.crops import choose_split
from core.labels.source import read_label_source
from core.labels.yolo import YoloDataset, read_yolo_dataset, write_yolo_dataset
from core.settings.detector import DetectorSettings
from core.settings.run import RunSettings
from core.study.project import Project
from core.work.detector_trainings import PHOTOS, DetectorEpoch, DetectorTrainingFolder
from core.work.meter import Meter
from core.work.progress import Phase, Progress
from core.work.request import Request


@dataclass(frozen=True, kw_only=True)
class DetectorRequest(Request):
    """What a user asks of a new detector.

    Attributes:
        images: The folder of labelled photos.
        labels: A file of boxes; None: the folders inside ``images`` are named by species.
        species: A second file of labels, for boxes that have no species.
        split: Only the photos of this split of the labels; None: all.
        start: What the training starts from: a published name, a ``.pt``, a ``.yaml`` plan or ``scratch``.
        by_species: Whether each species is a class of its own; otherwise animal is the only class.
        val_share: Share of the photos to hold out, by whole events, 0 to 1.
        detector: Settings of the training.
        settings: Settings of runs, of which the least confidence of boxes and the event gap are used.
    """

    kind: ClassVar[str] = "detector"
    room: ClassVar[str] = "detectors"
    what: ClassVar[str] = "detector"

    images: Path
    labels: Path | None = None
    species: Path | None = None
    split: str | None = None
    start: str = "yolov8n"
    by_species: bool = False
    val_share: float = 0.2
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    settings: RunSettings = field(default_factory=RunSettings)

    @classmethod
    def upgrade(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Earlier versions wrote an empty text instead of None."""
        return {key: value for key, value in values.items() if value != "" or key not in ("labels", "species")}


REQUEST = DetectorRequest
open_work = DetectorTrainingFolder


def do(project: Project, work: DetectorTrainingFolder, meter: Meter) -> dict[str, Any]:
    """Write the photos and boxes as a YOLO dataset, train on it, and keep the best epoch.

    Raises:
        AnomalureError: If the labels, photos or start cannot be used, or the training fails.
        Cancelled: If somebody asked it to stop; the checkpoint of the last epoch is kept.
    """
    from models.detectors.training import check_consent, open_start, train_detector

    request = work.read_request(DetectorRequest)
    if work.is_trained:
        raise AnomalureError(f"The detector {work.name} is done; there is nothing to resume.")
    if work.can_resume:
        check_consent(request.start, allow_code=work.allow_code)
    try:
        start = None if work.can_resume else open_start(request.start, allow_code=work.allow_code)
        meter.check()
        dataset = _write_photos(work, request, meter)
        meter.begin(Phase.TRAINING, total=request.detector.detector_epochs, unit="epoch")
        began, told = time.monotonic(), 0

        def follow(epoch: DetectorEpoch) -> None:
            nonlocal told
            told += 1
            per_s = told / max(time.monotonic() - began, 1e-9)
            meter.tell(
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
            dataset,
            work,
            start=start,
            settings=request.detector,
            allow_code=work.allow_code,
            should_stop=lambda: meter.cancel_requested,
            on_epoch=follow,
        )
    except BaseException:
        if not work.can_resume and not work.is_trained:
            shutil.rmtree(work.path / PHOTOS, ignore_errors=True)
        raise
    work.write_result(
        {
            "name": request.name,
            "start": request.start,
            "classes": list(dataset.class_names),
            "photos": dataset.n_photos,
            "boxes": dataset.n_boxes,
            "not_used": list(dataset.problems),
            "settings": request.detector.to_values(),
            "best": asdict(best),
        }
    )
    work.tidy()
    return {"detector": str(work.model), **work.read_result()}


def _write_photos(work: DetectorTrainingFolder, request: DetectorRequest, meter: Meter) -> YoloDataset:
    kept = work.path / PHOTOS
    if work.can_resume:
        return read_yolo_dataset(kept)
    shutil.rmtree(kept, ignore_errors=True)
    labels = read_label_source(request.images, labels=request.labels, species=request.species)
    chosen = choose_split(labels, request.split)
    meter.begin(Phase.PHOTOS)
    return write_yolo_dataset(
        chosen,
        request.images,
        kept,
        settings=request.settings,
        by_species=request.by_species,
        val_share=request.val_share,
        seed=request.detector.detector_seed,
        file_problems=labels.problems,
        on_progress=meter,
    )
