"""Published detectors that were converted before: opened without making their network, which takes seconds."""

from core.disk.json import from_json, to_json
from core.errors import AnomalureError
from models.detectors.published import find_in_table
from models.detectors.source import DetectorSource
from models.detectors.yolo_metadata import DEFAULT_STRIDE, YoloMetadata
from models.engines.converted import keep_notes, read_kept, read_notes
from models.published.cache import State, check_file, find_state, open_files

STRIDES = (DEFAULT_STRIDE, 2 * DEFAULT_STRIDE)
"""Of YOLO networks; the second of those for large photos."""


def name_key(sha256: str) -> str:
    """What a detector's converted network is kept under; empty: it is not kept, since its weights have no name."""
    return f"detector {sha256}" if sha256 else ""


def keep_metadata(key: str, side: int, metadata: YoloMetadata) -> None:
    """Keep the metadata beside the converted network for photos of ``side`` pixels."""
    keep_notes(key, (1, 3, side, side), to_json(metadata))


def find_kept_detector(name: str, image_px: int) -> DetectorSource | None:
    """A published detector that is on this computer and was converted for photos of this size; None if not.

    ``name`` may be anything that ``open_detector_source`` takes. What is wrong with a file is left for that to say.
    """
    model = find_in_table(name.removesuffix(".pt"))
    if model is None or find_state(model) is not State.HERE:
        return None
    try:
        open_files(model)
        key = name_key(check_file(model, model.files[0]).sha256)
    except (AnomalureError, OSError):
        return None
    for stride in STRIDES:
        side = YoloMetadata(stride=stride).round_up(image_px)
        notes = read_notes(key, (1, 3, side, side))
        try:
            metadata = from_json(notes, YoloMetadata) if notes is not None else None
        except ValueError:
            continue
        if metadata is None or metadata.stride != stride:
            continue
        kept = read_kept(key, (1, 3, side, side))
        if kept is not None:
            return DetectorSource(name, kept, metadata, trained_px=model.input_px)
    return None
