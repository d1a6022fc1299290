"""From a detector's raw output to boxes: thresholds, overlaps, the limit on their number."""

from dataclasses import dataclass

import numpy as np
import torch
from torchvision.ops import batched_nms, nms

from core.settings.run import RunSettings


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes of one photo: corners ``(n, 4)`` in pixels of the canvas, confidences 0 to 1 and class numbers ``(n,)``."""

    corners: np.ndarray
    confidences: np.ndarray
    classes: np.ndarray


def read_grid(output: np.ndarray, *, min_confidence: float) -> Candidates:
    """Candidates from ``(4 + classes, n)``, as YOLOv8 to 12 give it: rows x, y (centre), width, height, scores."""
    scores = output[4:]  # (classes, n)
    best = scores.max(axis=0)  # (n,)
    (kept,) = np.nonzero(best >= min_confidence)
    centre, half = output[:2, kept], output[2:4, kept] / 2  # (2, k)
    return Candidates(
        corners=np.concatenate([centre - half, centre + half]).T.astype(np.float32),
        confidences=best[kept].astype(np.float32),
        classes=scores[:, kept].argmax(axis=0),
    )


def read_end_to_end(output: np.ndarray, *, min_confidence: float) -> Candidates:
    """Candidates from ``(n, 6)``, as YOLOv10 and 26 give it: columns x1, y1, x2, y2, confidence, class."""
    rows = output[output[:, 4] >= min_confidence]
    return Candidates(
        corners=rows[:, :4].astype(np.float32),
        confidences=rows[:, 4].astype(np.float32),
        classes=rows[:, 5].astype(np.int64),
    )


def suppress_overlaps(candidates: Candidates, settings: RunSettings) -> tuple[Candidates, int]:
    """Keep the surest of boxes that overlap by more than ``nms_iou``, most confident first.

    There is no limit of time, so a photo with many boxes loses none.

    Returns:
        At most ``max_detections`` candidates, and how many more there were.
    """
    corners = torch.from_numpy(candidates.corners)
    confidences = torch.from_numpy(candidates.confidences)
    if settings.nms_across_classes:
        kept = nms(corners, confidences, settings.nms_iou)
    else:
        kept = batched_nms(corners, confidences, torch.from_numpy(candidates.classes), settings.nms_iou)
    order = kept.numpy()
    first = order[: settings.max_detections]
    found = Candidates(candidates.corners[first], candidates.confidences[first], candidates.classes[first])
    return found, len(order) - len(first)
