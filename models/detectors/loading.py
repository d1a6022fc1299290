"""Loads the detector that a user names, with the engine that is fastest on this computer."""

import logging

import openvino as ov

from core.errors import AnomalureError
from core.runs.parts import Detector
from core.settings.run import RunSettings
from models.detectors.kept import find_kept_detector, keep_metadata, name_key
from models.detectors.published import find_published
from models.detectors.source import PUBLISHED_DETECTOR, DetectorSource, open_detector_source
from models.detectors.with_openvino import OpenVinoDetector
from models.engines.device import choose_device, name_device
from models.published.cache import State, find_state
from models.published.table import USUAL_DETECTOR

log = logging.getLogger(__name__)


def load_detector(
    name_or_path: str, settings: RunSettings, *, allow_code: bool = False, device: str = "auto"
) -> Detector:
    """Load a detector.

    Args:
        name_or_path: ``bundled``; a name that Ultralytics publishes, such as ``yolov8n`` (downloaded on first use,
            never read from the current folder); or the path of a ``.pt`` or ``.onnx`` file or of the folder of an
            OpenVINO export.
        settings: For the image size and the limits of confidence and overlap.
        allow_code: Whether the user agrees that loading their own ``.pt`` file runs code from it.
        device: Where a network in Ultralytics' format computes: ``auto``, ``cpu``, ``cuda`` or ``mps``. ONNX and
            OpenVINO models always compute on the CPU.

    Raises:
        ConsentNeeded: If it is a path to a ``.pt`` file and ``allow_code`` is false.
        AnomalureError: If it is missing, cannot be downloaded, or is not a detector.
    """
    where = name_device(device)
    source = find_kept_detector(name_or_path, settings.detector_image_px) if where == "cpu" else None
    if source is None:
        source = open_detector_source(name_or_path, allow_code=allow_code)
    if source.trained_px > settings.detector_image_px:
        log.info(
            "%s was trained on photos of %d px and sees them at %d px here, so it misses more small animals. "
            "--detector-image-px %d shows it more, and takes longer.",
            source.name,
            source.trained_px,
            settings.detector_image_px,
            source.trained_px,
        )
    if not isinstance(source.model, ov.Model):
        return _place_network(source, settings, where)
    return OpenVinoDetector(source.model, name=source.name, metadata=source.metadata, settings=settings)


def _place_network(source: DetectorSource, settings: RunSettings, where: str) -> Detector:
    """A network of torch as a detector: on the GPU as it is, converted on a CPU, where OpenVINO is thrice as fast."""
    import torch  # which takes more than a second

    from models.detectors.ultralytics_model import GridOnly
    from models.detectors.with_torch import TorchDetector
    from models.engines.torch_to_openvino import convert_module

    assert isinstance(source.model, torch.nn.Module)
    network = GridOnly(source.model)
    if where != "cpu":
        device = choose_device(where)
        return TorchDetector(network, name=source.name, metadata=source.metadata, settings=settings, device=device)
    side = source.metadata.round_up(settings.detector_image_px)
    example = torch.zeros(1, 3, side, side)
    with torch.inference_mode():
        network(example)  # the first pass makes the grid of cells, which tracing then stores as constants
    key = name_key(source.key)
    model = convert_module(network, example, key=key)
    if key:
        keep_metadata(key, side, source.metadata)
    return OpenVinoDetector(model, name=source.name, metadata=source.metadata, settings=settings)


def load_usual_detector(settings: RunSettings) -> Detector:
    """The detector of those who choose none: a MegaDetector; YOLOv8n if that is here, or if the other cannot be opened.

    Raises:
        AnomalureError: If neither can be had.
    """
    try:
        return load_detector(USUAL_DETECTOR, settings)
    except (AnomalureError, RuntimeError) as error:
        states = [find_state(find_published(name)) for name in (USUAL_DETECTOR, PUBLISHED_DETECTOR)]
        if State.HERE not in states:  # there is no network
            raise
        log.warning("%s %s is used instead.", error, PUBLISHED_DETECTOR)
        return load_detector(PUBLISHED_DETECTOR, settings)
