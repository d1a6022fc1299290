"""Trains a detector on labelled photos with Ultralytics' trainer."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import AnomalureError, ConsentNeeded
from core.labels.yolo import YoloDataset
from core.settings.detector import DetectorSettings
from core.work.detector_trainings import MODEL, WORK, DetectorEpoch, DetectorTrainingFolder
from core.work.meter import Cancelled
from models.detectors.ultralytics_model import import_ultralytics, load_published, looks_published, published_file
from models.engines.device import choose_device

SCRATCH = "scratch"
PLAN = Path(__file__).parents[1] / "weights" / "detector.yaml"
BEST = "best.pt"
# Ultralytics' names of the figures of an epoch, and ours.
_FIGURES = {
    "metrics/precision(B)": "precision",
    "metrics/recall(B)": "recall",
    "metrics/mAP50(B)": "map50",
    "metrics/mAP50-95(B)": "map50_95",
}


def open_start(start: str, *, allow_code: bool = False) -> Any:
    """The YOLO model that a training starts from, as an Ultralytics object.

    Raises:
        ConsentNeeded: If it is a ``.pt`` file and ``allow_code`` is false.
        AnomalureError: If it cannot be downloaded or read, or cannot be trained.
    """
    import_ultralytics()
    from ultralytics import YOLO

    if start == SCRATCH:
        return YOLO(str(PLAN), task="detect", verbose=False)
    if looks_published(start):
        load_published(start)  # downloads it, or raises with the reason
        return YOLO(str(published_file(start)), task="detect", verbose=False)
    path = Path(start).expanduser()
    if not path.is_file() or path.suffix.lower() not in (".pt", ".yaml", ".yml"):
        raise AnomalureError(
            f"A detector cannot be trained from {start!r}: expected a name that Ultralytics publishes (yolov8n, ...), "
            f"a .pt file, a .yaml file of a network, or {SCRATCH}. OpenVINO and ONNX files can be run but not trained."
        )
    if path.suffix.lower() == ".pt" and not allow_code:
        raise ConsentNeeded(
            f"Loading {path} runs code from the file. If you trust where it comes from, allow it (--allow-code, or the "
            "box on the page)."
        )
    try:
        return YOLO(str(path), task="detect", verbose=False)
    except Exception as error:  # unpickling or parsing a foreign file can raise anything
        raise AnomalureError(
            f"{path} is not a YOLO model, nor the .yaml file of one ({type(error).__name__}: {error})."
        ) from error


def train_detector(
    dataset: YoloDataset,
    folder: DetectorTrainingFolder,
    *,
    start: Any = None,
    settings: DetectorSettings,
    should_stop: Callable[[], bool] = lambda: False,
    on_epoch: Callable[[DetectorEpoch], None] = lambda epoch: None,
) -> DetectorEpoch:
    """Train in ``folder`` on a YOLO dataset. It gets the detector as an OpenVINO folder, a curve, and ``best.pt``.

    Args:
        dataset: From ``write_yolo_dataset``.
        folder: If it has a checkpoint, the training is resumed from it.
        start: From ``open_start``; not needed to resume.
        settings: Epochs, image size and the like. A resumed training uses the settings of its checkpoint.
        should_stop: Called after each epoch.
        on_epoch: Called after each epoch with its figures.

    Returns:
        The figures of the best epoch, by mAP at 50 to 95% overlap.

    Raises:
        Cancelled: If ``should_stop`` returned true; the checkpoint is kept.
        AnomalureError: If the training fails, mostly for lack of memory.
    """
    import_ultralytics()
    from ultralytics import YOLO

    resumed = folder.checkpoint.is_file()
    model = YOLO(str(folder.checkpoint)) if resumed else start
    if model is None:
        raise ValueError("a start is needed where there is no checkpoint")
    curve = folder.read_curve(DetectorEpoch) if resumed else []
    trained: list[int] = []

    def tell(trainer: Any) -> None:
        if not trained:
            return  # Ultralytics calls this once more at the end, for the best weights
        figures = {ours: float(trainer.metrics.get(theirs, 0.0)) for theirs, ours in _FIGURES.items()}
        loss = sum(float(value) for value in trainer.label_loss_items(trainer.tloss).values())
        curve.append(DetectorEpoch(trained.pop(), trainer.epochs, **figures, loss=loss))
        folder.write_curve(curve)
        on_epoch(curve[-1])
        if should_stop():  # the checkpoint of this epoch is written by now
            raise Cancelled

    model.add_callback("on_train_epoch_end", lambda trainer: trained.append(trainer.epoch + 1))
    model.add_callback("on_fit_epoch_end", tell)
    _run_trainer(model, dataset, folder, settings, resumed=resumed)
    if not curve:
        raise AnomalureError("The training of the detector ended without a single epoch.")
    _export(folder, settings)
    return max(curve, key=lambda epoch: (epoch.map50_95, epoch.map50, -epoch.epoch))


def _run_trainer(
    model: Any, dataset: YoloDataset, folder: DetectorTrainingFolder, settings: DetectorSettings, *, resumed: bool
) -> None:
    device = choose_device()
    on_gpu, rate = device.type == "cuda", settings.detector_learning_rate
    shared = {"data": str(dataset.plan.absolute()), "device": str(device), "workers": 2 if on_gpu else 0}
    try:
        if resumed:
            # The checkpoint names the folder that it was made in; the project may have been moved since.
            model.train(resume=True, save_dir=str(folder.path.absolute() / WORK), **shared)
            return
        model.train(
            epochs=settings.detector_epochs,
            imgsz=settings.detector_image_size,
            batch=settings.detector_batch,
            patience=settings.detector_patience,
            seed=settings.detector_seed,
            lr0=rate or 0.01,
            optimizer="AdamW" if rate else "auto",
            freeze=settings.detector_frozen_layers or None,
            project=str(folder.path.absolute()),
            name=WORK,
            exist_ok=True,
            plots=False,
            verbose=False,
            amp=on_gpu,
            deterministic=True,
            **shared,
        )
    except (AnomalureError, OSError):
        raise
    except (RuntimeError, ValueError, AssertionError) as error:
        if "out of memory" in str(error).lower():
            raise AnomalureError(
                f"There is too little memory for batches of {settings.detector_batch} photos at "
                f"{settings.detector_image_size} px. Make the batch or the image size smaller."
            ) from error
        raise AnomalureError(f"The training of the detector failed: {error}") from error


def _export(folder: DetectorTrainingFolder, settings: DetectorSettings) -> None:
    """Export the best epoch as an OpenVINO folder, and as ``best.pt`` for other tools."""
    from ultralytics import YOLO

    best = folder.path / WORK / "weights" / BEST
    size = settings.detector_image_size
    try:
        made = Path(YOLO(str(best)).export(format="openvino", imgsz=size, half=True, device="cpu", verbose=False))
    except (RuntimeError, ValueError, AssertionError, ImportError) as error:
        raise AnomalureError(
            f"The detector is trained, but could not be turned into an OpenVINO model: {error}. Its weights are {best}."
        ) from error
    shutil.rmtree(folder.path / MODEL, ignore_errors=True)
    shutil.copyfile(best, folder.path / BEST)
    os.replace(made, folder.path / MODEL)
