"""The detector that a user names: bundled, published, or a file."""

from pathlib import Path

import torch

from core.errors import AnomalureError, BundleError, ConsentNeeded, FileFormatError
from core.parts import Detector
from core.settings import RunSettings
from models.device import choose_device
from models.openvino_detector import OpenVinoDetector, load_openvino_detector
from models.torch_detector import TorchDetector
from models.torch_to_openvino import convert_module
from models.ultralytics_model import GridOnly, load_pt, load_published, looks_published
from models.yolo_metadata import YoloMetadata

BUNDLED = "bundled"
BUNDLED_FOLDER = Path(__file__).parent / "weights" / "detector_openvino_model"
OPENVINO_SUFFIXES = (".xml", ".onnx")


def load_detector(
    name_or_path: str, settings: RunSettings, *, allow_code: bool = False, device: str = "auto"
) -> Detector:
    """Load a detector.

    Args:
        name_or_path: ``bundled``; a name that Ultralytics publishes, such as ``yolov8n`` (downloaded on first use,
            never read from the current folder); or the path of a ``.pt`` or ``.onnx`` file or of the folder of an
            OpenVINO export.
        settings: Image size, confidence and overlap limits.
        allow_code: Whether the user agrees that a ``.pt`` file of their own runs code from it when loaded.
        device: Where a network in Ultralytics' format computes: ``auto``, ``cpu``, ``cuda`` or ``mps``. ONNX and
            OpenVINO models always compute on the CPU.

    Raises:
        ConsentNeeded: If it is a path to a ``.pt`` file and ``allow_code`` is false.
        AnomalureError: If it is not there, cannot be downloaded, or is not a detector.
    """
    if name_or_path == BUNDLED:
        if not BUNDLED_FOLDER.is_dir():
            raise BundleError(
                f"The bundled detector is missing from {BUNDLED_FOLDER}; this copy of Anomalure is incomplete. "
                "Get it again, or name another detector, such as yolov8n."
            )
        return load_openvino_detector(BUNDLED_FOLDER, settings, name=BUNDLED)
    if looks_published(name_or_path):
        network, metadata = load_published(name_or_path)
        return _place_network(network, metadata, settings, name=name_or_path, device=choose_device(device))
    path = Path(name_or_path).expanduser()
    if not path.exists():
        raise AnomalureError(
            f"There is no detector {name_or_path}: it is neither a file or folder here nor a name that Ultralytics "
            f"publishes (yolov8n, yolo11n, ...). The one that comes with Anomalure is called {BUNDLED}."
        )
    if path.is_dir() or path.suffix.lower() in OPENVINO_SUFFIXES:
        return load_openvino_detector(path, settings, name=name_or_path)
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
    network, metadata = load_pt(path)
    return _place_network(network, metadata, settings, name=name_or_path, device=choose_device(device))


def _place_network(
    network: torch.nn.Module, metadata: YoloMetadata, settings: RunSettings, *, name: str, device: torch.device
) -> Detector:
    """A network where it computes fastest: torch on a GPU, OpenVINO on a CPU (about three times torch there)."""
    grid = GridOnly(network)
    if device.type != "cpu":
        return TorchDetector(grid, name=name, metadata=metadata, settings=settings, device=device)
    side = -(-settings.detector_image_px // metadata.stride) * metadata.stride
    example = torch.zeros(1, 3, side, side)
    with torch.inference_mode():
        grid(example)  # the first pass lays out the grid of cells, which the trace then holds as constants
    return OpenVinoDetector(convert_module(grid, example), name=name, metadata=metadata, settings=settings)
