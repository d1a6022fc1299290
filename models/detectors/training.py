"""Trains a detector on labelled photos with Ultralytics' trainer."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.disk.names import expand_home
from core.errors import AnomalureError, ConsentNeeded
from core.labels.yolo import YoloDataset
from core.settings.detector import DetectorSettings
from core.work.detector_trainings import MODEL, WORK, DetectorEpoch, DetectorTrainingFolder
from core.work.meter import Cancelled
from models.detectors.plain_yaml import quote
from models.detectors.published import YOLOV5, find_published, load_published, looks_published, published_file
from models.detectors.ultralytics_opening import PLANS, check_weights, open_yolo, running_code, without_downloads
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
        ConsentNeeded: If it is a ``.pt`` file, or a plan that can only be read by running code, and ``allow_code`` is
            false.
        AnomalureError: If it cannot be downloaded or read, or cannot be trained.
    """
    if start == SCRATCH:
        return open_yolo(PLAN)
    if looks_published(start):
        if find_published(start).loader == YOLOV5:
            raise AnomalureError(
                f"{start} can be run but not trained, because Ultralytics cannot train files of its format. Start from "
                "megadetector-1000-sorrel or another one."
            )
        load_published(start)  # downloads it, or raises with the reason
        return open_yolo(published_file(start))
    path = expand_home(start)
    if not path.is_file() or path.suffix.lower() not in (".pt", *PLANS):
        raise AnomalureError(
            f"A detector cannot be trained from {start!r}: expected a name that Ultralytics publishes (yolov8n, ...), "
            f"a .pt file, a .yaml file of a network, or {SCRATCH}. OpenVINO and ONNX files can be run but not trained."
        )
    check_consent(start, allow_code=allow_code)
    try:
        return open_yolo(path, allow_code=allow_code)
    except AnomalureError:
        raise
    except Exception as error:  # unpickling or parsing a foreign file can raise anything
        raise AnomalureError(
            f"{path} is not a YOLO model, nor the .yaml file of one ({type(error).__name__}: {quote(error)})."
        ) from error


def check_consent(start: str, *, allow_code: bool) -> None:
    """Ask before a training starts from a ``.pt`` file, and in the same way before it is resumed.

    Raises:
        ConsentNeeded: If it does and ``allow_code`` is false.
    """
    if Path(start).suffix.lower() == ".pt" and not looks_published(start) and not allow_code:
        raise ConsentNeeded(
            f"Loading {start} runs code from the file. If you trust where it comes from, allow it (--allow-code, or "
            "the box on the page)."
        )


def _open_checkpoint(folder: DetectorTrainingFolder, *, allow_code: bool) -> Any:
    """The checkpoint of an unfinished training. The folder may have come from somebody else."""
    try:
        if not allow_code:
            for weights in sorted(folder.checkpoint.parent.glob("*.pt")):
                check_weights(weights)  # the trainer opens the best of them at the end, in its own way
        return open_yolo(folder.checkpoint, allow_code=allow_code, has_task=True)
    except AnomalureError:
        raise
    except Exception as error:
        raise AnomalureError(
            f"The training of {folder.name} cannot be resumed: {folder.checkpoint} is damaged "
            f"({type(error).__name__}: {quote(error)}). Delete the detector's folder and start again."
        ) from error


def train_detector(
    dataset: YoloDataset,
    folder: DetectorTrainingFolder,
    *,
    start: Any = None,
    settings: DetectorSettings,
    allow_code: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    on_epoch: Callable[[DetectorEpoch], None] = lambda epoch: None,
) -> DetectorEpoch:
    """Train in ``folder`` on a YOLO dataset. It gets the detector as an OpenVINO folder, a curve, and ``best.pt``.

    Args:
        dataset: From ``write_yolo_dataset``.
        folder: If it has a checkpoint, the training is resumed from it.
        start: From ``open_start``; not needed to resume.
        settings: Epochs, image size and the like. A resumed training uses the settings of its checkpoint.
        allow_code: Whether the user agrees that code from a file is run: of the start, or of the checkpoint.
        should_stop: Called after each epoch.
        on_epoch: Called after each epoch with its figures.

    Returns:
        The figures of the best epoch, by mAP at 50 to 95% overlap.

    Raises:
        Cancelled: If ``should_stop`` returned true; the checkpoint is kept.
        ConsentNeeded: If the checkpoint can only be opened by running code, and ``allow_code`` is false.
        AnomalureError: If the training fails, mostly for lack of memory.
    """
    resumed = folder.checkpoint.is_file()
    model = _open_checkpoint(folder, allow_code=allow_code) if resumed else start
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
    with running_code(allow_code), without_downloads():
        _run_trainer(model, dataset, folder, settings, resumed=resumed)
        if not curve:
            raise AnomalureError("The training of the detector ended without a single epoch.")
        _export(folder, settings, allow_code=allow_code)
    return max(curve, key=lambda epoch: (epoch.map50_95, epoch.map50, -epoch.epoch))


def _run_trainer(
    model: Any, dataset: YoloDataset, folder: DetectorTrainingFolder, settings: DetectorSettings, *, resumed: bool
) -> None:
    device = choose_device()
    on_gpu, rate = device.type == "cuda", settings.detector_learning_rate
    shared = {"data": str(dataset.plan.absolute()), "device": str(device), "workers": 2 if on_gpu else 0}
    try:
        if resumed:
            # The checkpoint names the folder that it was made in; the project may have been moved since. What it
            # says about other files than the photos is not followed: they may be somebody else's.
            model.train(
                resume=True,
                save_dir=str(folder.path.absolute() / WORK),
                augmentations=None,
                distill_model=None,
                cache=False,
                plots=False,
                **shared,
            )
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


def _export(folder: DetectorTrainingFolder, settings: DetectorSettings, *, allow_code: bool) -> None:
    """Export the best epoch as an OpenVINO folder, and as ``best.pt`` for other tools."""
    best = folder.path / WORK / "weights" / BEST
    size = settings.detector_image_size
    try:
        best_epoch = open_yolo(best, allow_code=allow_code, has_task=True)
        made = Path(best_epoch.export(format="openvino", imgsz=size, half=True, device="cpu", verbose=False))
    except (RuntimeError, ValueError, AssertionError, ImportError) as error:
        raise AnomalureError(
            f"The detector is trained, but could not be turned into an OpenVINO model: {error}. Its weights are {best}."
        ) from error
    shutil.rmtree(folder.path / MODEL, ignore_errors=True)
    shutil.copyfile(best, folder.path / BEST)
    os.replace(made, folder.path / MODEL)
