"""Finds and opens a detector: bundled, published or a file. Opening a file may need the user's consent."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import openvino as ov

from core.disk.names import expand_home
from core.errors import AnomalureError, BundleError, ConsentNeeded, FileFormatError
from models.detectors.published import find_published, load_published, looks_published
from models.detectors.yolo_metadata import YoloMetadata, read_embedded_metadata, read_metadata_file
from models.engines.device import openvino_core

if TYPE_CHECKING:
    import torch

AUTO = "auto"
"""In a first look the usual detector if it can be downloaded, the bundled one if not. Bundles of earlier
versions say it, too, and mean ``PUBLISHED_DETECTOR``."""
BUNDLED = "bundled"
PUBLISHED_DETECTOR = "yolov8n"
BUNDLED_FOLDER = Path(__file__).parents[1] / "weights" / "detector_openvino_model"


@dataclass(frozen=True)
class DetectorSource:
    """An opened detector: an OpenVINO model or a torch network, with its metadata.

    ``key`` names the weights for the cache of converted networks; empty: the network is converted each time.
    ``trained_px`` is the longest side of the photos that it was trained on, 0 if that is not known.
    """

    name: str
    model: "ov.Model | torch.nn.Module"
    metadata: YoloMetadata
    key: str = ""
    trained_px: int = 0


def open_detector_source(name_or_path: str, *, allow_code: bool = False) -> DetectorSource:
    """Open a detector by its name or path.

    A published name always means the published model, never a file of that name in the current folder.

    Raises:
        ConsentNeeded: If it is a path to a ``.pt`` file and ``allow_code`` is false.
        AnomalureError: If it is missing, cannot be downloaded, or cannot be read.
    """
    if name_or_path == BUNDLED:
        if not BUNDLED_FOLDER.is_dir():
            raise BundleError(
                f"The bundled detector is missing from {BUNDLED_FOLDER}; this copy of Anomalure is incomplete. "
                "Get it again, or name another detector, such as yolov8n."
            )
        return _read_openvino(BUNDLED_FOLDER, name=BUNDLED)
    if looks_published(name_or_path):
        return DetectorSource(name_or_path, *load_published(name_or_path), find_published(name_or_path).input_px)
    path = expand_home(name_or_path)
    if not name_or_path or not path.exists():
        raise AnomalureError(
            f"There is no detector {name_or_path!r}: it is neither a file or folder here nor the name of a "
            "published one (megadetector-v5a, yolov8n, ...; python cli.py models list shows them). The one that comes "
            f"with Anomalure is called {BUNDLED}."
        )
    if path.is_dir() or path.suffix.lower() in (".xml", ".onnx"):
        return _read_openvino(path, name=name_or_path)
    if path.suffix.lower() != ".pt":
        raise FileFormatError(
            f"{path} is not a detector that can be read; expected a .pt, .onnx or .xml file or the folder of an "
            "OpenVINO export."
        )
    if not allow_code:
        raise ConsentNeeded(
            f"Loading {path} runs code from the file. If you trust where it comes from, allow it (--allow-code, or the "
            "box on the Run page). An .onnx file or the folder of an OpenVINO export needs no such trust."
        )
    from models.detectors.ultralytics_model import load_pt  # with torch, which takes more than a second
    from models.detectors.yolov5.opening import is_of_repository, open_yolov5

    opened = open_yolov5(path) if is_of_repository(path) else load_pt(path, allow_code=True)
    return DetectorSource(name_or_path, *opened)


def _read_openvino(path: Path, *, name: str) -> DetectorSource:
    """Read an ``.onnx`` file, an ``.xml`` file or the folder of an export. None of them can run code."""
    if path.is_dir():
        found = sorted(path.glob("*.xml"))
        if len(found) != 1:
            raise FileFormatError(
                f"{path} must hold one OpenVINO model (an .xml and a .bin), got {len(found)} .xml files. "
                "Export the detector with: yolo export model=... format=openvino"
            )
        path = found[0]
    is_xml = path.suffix.lower() == ".xml"
    if is_xml and not path.with_suffix(".bin").is_file():
        raise FileFormatError(f"{path.with_suffix('.bin')} is missing; an OpenVINO model is an .xml with its .bin.")
    try:
        model = openvino_core().read_model(path)
    except RuntimeError as error:
        raise FileFormatError(
            f"{path} cannot be read as a model: it is damaged, cut short or of another format. Export it again."
        ) from error
    if is_xml:
        return DetectorSource(name, model, read_metadata_file(path.with_name("metadata.yaml")))
    return DetectorSource(name, model, read_embedded_metadata(model, source=str(path)))
