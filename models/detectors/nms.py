"""Turns the raw output of a detector into boxes: confidence threshold, non-maximum suppression, most boxes."""

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
    """Candidates from the ``(4 + classes, n)`` output of YOLOv8 to 12: rows x, y (centre), width, height, scores."""
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
    """Candidates from the ``(n, 6)`` output of YOLOv10 and 26: columns x1, y1, x2, y2, confidence, class."""
    rows = output[output[:, 4] >= min_confidence]
    return Candidates(
        corners=rows[:, :4].astype(np.float32),
        confidences=rows[:, 4].astype(np.float32),
        classes=rows[:, 5].astype(np.int64),
    )


def suppress_overlaps(candidates: Candidates, settings: RunSettings) -> tuple[Candidates, int]:
    """Of boxes that overlap by more than ``nms_iou``, keep the one with the highest confidence. Most confident first.

    There is no time limit, so a photo with many boxes loses none.

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
