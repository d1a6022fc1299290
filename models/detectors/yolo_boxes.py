"""Turns candidates on a canvas into the named boxes of a photo: the last step of every engine."""

from core.records import Detection, Found
from core.settings.run import RunSettings
from models.detectors.letterbox import Letterbox
from models.detectors.nms import Candidates, suppress_overlaps
from models.detectors.yolo_metadata import YoloMetadata


def name_boxes(candidates: Candidates, letterbox: Letterbox, *, metadata: YoloMetadata, settings: RunSettings) -> Found:
    """Suppress overlaps, convert boxes to pixels of the photo, and name their classes; most confident first."""
    kept, n_over_limit = suppress_overlaps(candidates, settings)
    detections = tuple(
        Detection(
            box=letterbox.box_on_photo(corners),
            detector_class=metadata.name_class(int(number)),
            confidence=float(confidence),
        )
        for corners, confidence, number in zip(kept.corners, kept.confidences, kept.classes, strict=True)
    )
    return Found(detections=detections, n_over_limit=n_over_limit)
