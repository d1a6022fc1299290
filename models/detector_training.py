"""Teach a detector the animals of one's own photos, with Ultralytics' own trainer."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from core.errors import AnomalureError, ConsentNeeded
from core.files import TEMPORARY_SUFFIX
from core.formats.yolo import YoloDataset
from core.project import check_name
from models.device import choose_device
from models.ultralytics_model import import_ultralytics, load_published, looks_published, published_file

SCRATCH = "scratch"
PLAN = Path(__file__).parent / "weights" / "detector.yaml"
CARD = "detector.json"
CURVE = "results.csv"
MODEL = "model"
CHECKPOINT = "best.pt"
# What Ultralytics calls the figures of one epoch, and what we do.
_FIGURES = {
    "metrics/precision(B)": "precision",
    "metrics/recall(B)": "recall",
    "metrics/mAP50(B)": "map50",
    "metrics/mAP50-95(B)": "map50_95",
}


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """How a detector is taught: ``image_size`` in pixels (a multiple of 32), ``learning_rate`` 0: Ultralytics' own
    choice, ``patience`` epochs without gain after which it stops, ``frozen_layers`` of the start that stay as they are
    (10 is the backbone of a YOLOv8)."""

    epochs: int = 50
    image_size: int = 640
    batch: int = 8
    learning_rate: float = 0.0
    patience: int = 20
    frozen_layers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("epochs", 1, 1000),
            ("batch", 1, 256),
            ("patience", 1, 1000),
            ("frozen_layers", 0, 50),
        ):
            if not low <= getattr(self, name) <= high:
                raise AnomalureError(f"{name} must be from {low} to {high}, got {getattr(self, name)}.")
        if self.image_size % 32 or not 64 <= self.image_size <= 2048:
            raise AnomalureError(f"The image size must be a multiple of 32 from 64 to 2048, got {self.image_size}.")
        if not 0 <= self.learning_rate < 1:
            raise AnomalureError(f"The learning rate must be 0 (automatic) to under 1, got {self.learning_rate:g}.")


@dataclass(frozen=True)
class DetectorEpoch:
    """Figures after one epoch on the held-back photos, each 0 to 1, higher is better; ``loss`` is of training."""

    epoch: int
    epochs: int
    precision: float
    recall: float
    map50: float
    map50_95: float
    loss: float


@dataclass(frozen=True)
class TrainedDetector:
    """A taught detector: ``folder/model`` is an OpenVINO folder, fit for ``--detector``; figures of the best epoch."""

    folder: Path
    best: DetectorEpoch
    class_names: tuple[str, ...]

    @property
    def model(self) -> Path:
        """What a run or a bundle names as its detector."""
        return self.folder / MODEL


def train_detector(
    dataset: YoloDataset,
    *,
    name: str,
    out_dir: Path,
    start: str = "yolov8n",
    settings: DetectorSettings | None = None,
    allow_code: bool = False,
    on_epoch: Callable[[DetectorEpoch], None] = lambda epoch: None,
) -> TrainedDetector:
    """Train on a YOLO dataset and write ``out_dir/name``: the model, its curve and its card; whole or not there.

    Args:
        dataset: From ``write_yolo_dataset``.
        name: Of the new detector.
        out_dir: The project's ``detectors`` folder.
        start: A published name (downloaded), a ``.pt`` file, a ``.yaml`` plan, or ``scratch``: a slim plan without
            any learnt weights.
        settings: Epochs, image size and the like.
        allow_code: Agreed that a ``.pt`` file runs code when it is loaded.
        on_epoch: Told after each epoch; what it raises stops the training, and nothing is left of it.

    Raises:
        ConsentNeeded: If ``start`` is a ``.pt`` file and ``allow_code`` is false.
        AnomalureError: If the name is taken, the start cannot be had, or the training fails.
    """
    check_name(name, what="detector")
    target = out_dir / name
    if target.exists():
        raise AnomalureError(f"There is a detector named {name} already. Choose another name.")
    settings = settings or DetectorSettings()
    model = _open_start(start, allow_code=allow_code)
    out_dir.mkdir(parents=True, exist_ok=True)
    building = out_dir / f".{name}.{os.getpid()}-{uuid4().hex[:8]}{TEMPORARY_SUFFIX}"
    try:
        building.mkdir()
        best = _teach(model, dataset, building, settings, on_epoch)
        _export(building, settings)
        card = {"name": name, "start": start, "classes": list(dataset.class_names), "photos": dataset.n_photos,
                "boxes": dataset.n_boxes, "not_used": list(dataset.problems), "settings": asdict(settings),
                "best": asdict(best)}  # fmt: skip
        (building / CARD).write_text(json.dumps(card, ensure_ascii=False, indent=1), encoding="utf-8")
        os.replace(building, target)
    except OSError as error:
        raise AnomalureError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return TrainedDetector(target, best, dataset.class_names)


def read_curve(folder: Path) -> list[DetectorEpoch]:
    """The figures of each epoch of a taught detector, in order; empty if its curve is gone."""
    try:
        with (folder / CURVE).open(encoding="utf-8", newline="") as file:
            rows = [{key.strip(): value for key, value in row.items() if key} for row in csv.DictReader(file)]
    except OSError:
        return []
    losses = [[float(value) for key, value in row.items() if key.startswith("train/")] for row in rows]
    return [
        DetectorEpoch(
            number, len(rows), **{ours: float(row[theirs]) for theirs, ours in _FIGURES.items()}, loss=sum(loss)
        )
        for number, (row, loss) in enumerate(zip(rows, losses, strict=True), start=1)
    ]


def _open_start(start: str, *, allow_code: bool) -> Any:
    import_ultralytics()
    from ultralytics import YOLO

    if start == SCRATCH:
        return YOLO(str(PLAN), task="detect", verbose=False)
    if looks_published(start):
        load_published(start)  # downloads it, or says why not
        return YOLO(str(published_file(start)), task="detect", verbose=False)
    path = Path(start).expanduser()
    if not path.is_file() or path.suffix.lower() not in (".pt", ".yaml", ".yml"):
        raise AnomalureError(
            f"A detector cannot be taught from {start!r}: expected a name that Ultralytics publishes (yolov8n, ...), a "
            f".pt file, a .yaml plan, or {SCRATCH}. OpenVINO and ONNX files can be run but not taught."
        )
    if path.suffix.lower() == ".pt" and not allow_code:
        raise ConsentNeeded(
            f"Loading {path} runs code from the file. If you trust where it comes from, allow it (--allow-code)."
        )
    try:
        return YOLO(str(path), task="detect", verbose=False)
    except Exception as error:  # unpickling or parsing a foreign file can raise anything
        raise AnomalureError(f"{path} is not a YOLO model or plan ({type(error).__name__}: {error}).") from error


def _teach(
    model: Any,
    dataset: YoloDataset,
    building: Path,
    settings: DetectorSettings,
    on_epoch: Callable[[DetectorEpoch], None],
) -> DetectorEpoch:
    curve: list[DetectorEpoch] = []
    trained: list[int] = []

    def tell(trainer: Any) -> None:
        figures = {ours: float(trainer.metrics.get(theirs, 0.0)) for theirs, ours in _FIGURES.items()}
        loss = sum(float(value) for value in trainer.label_loss_items(trainer.tloss).values())
        if len(trained) > len(curve):  # it is told once more at the end, of the best weights
            curve.append(DetectorEpoch(len(trained), trainer.epochs, **figures, loss=loss))
            on_epoch(curve[-1])

    model.add_callback("on_train_epoch_end", lambda trainer: trained.append(trainer.epoch))
    model.add_callback("on_fit_epoch_end", tell)
    device = choose_device()
    on_gpu = device.type == "cuda"
    try:
        model.train(
            data=str(dataset.plan.absolute()), epochs=settings.epochs, imgsz=settings.image_size, batch=settings.batch,
            patience=settings.patience, seed=settings.seed, freeze=settings.frozen_layers or None,
            optimizer="auto" if settings.learning_rate == 0 else "AdamW", lr0=settings.learning_rate or 0.01,
            project=str(building.absolute()), name="work", exist_ok=True, device=str(device), plots=False,
            verbose=False, workers=2 if on_gpu else 0, amp=on_gpu, deterministic=True)  # fmt: skip
    except (AnomalureError, OSError, KeyboardInterrupt):
        raise
    except (RuntimeError, ValueError) as error:
        if "out of memory" in str(error).lower():
            raise AnomalureError(
                f"There is too little memory for batches of {settings.batch} photos at {settings.image_size} px. Make "
                "the batch or the image size smaller."
            ) from error
        raise AnomalureError(f"The training of the detector failed: {error}") from error
    if not curve:
        raise AnomalureError("The training of the detector ended without a single epoch.")
    work = building / "work"
    shutil.copyfile(work / "weights" / CHECKPOINT, building / CHECKPOINT)
    shutil.copyfile(work / CURVE, building / CURVE)
    shutil.rmtree(work)
    return max(curve, key=lambda epoch: (epoch.map50_95, epoch.map50, -epoch.epoch))


def _export(building: Path, settings: DetectorSettings) -> None:
    from ultralytics import YOLO

    made = YOLO(str(building / CHECKPOINT)).export(
        format="openvino", imgsz=settings.image_size, half=True, device="cpu", verbose=False
    )
    os.replace(made, building / MODEL)
