"""Turns the raw output of a detector into boxes: confidence threshold, non-maximum suppression, most boxes."""

from dataclasses import dataclass

import numpy as np

from core.settings.run import RunSettings

MANY = 2_000
"""From so many boxes on, the compiled function of torchvision is faster than ours, although loading it takes long."""


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
    across = settings.nms_across_classes
    parts = (
        [np.arange(len(candidates.corners))]
        if across
        else [np.flatnonzero(candidates.classes == number) for number in np.unique(candidates.classes)]
    )
    alone = [
        part[_suppress(candidates.corners[part], candidates.confidences[part], settings.nms_iou)] for part in parts
    ]
    order = np.sort(np.concatenate([np.empty(0, dtype=np.intp), *alone]))
    order = order[np.argsort(-candidates.confidences[order], kind="stable")]
    first = order[: settings.max_detections]
    found = Candidates(candidates.corners[first], candidates.confidences[first], candidates.classes[first])
    return found, len(order) - len(first)


def _suppress(corners: np.ndarray, confidences: np.ndarray, most_iou: float) -> np.ndarray:
    """The places of the boxes of one class that stay, most confident first; of equal confidence the first of them."""
    if len(corners) >= MANY:
        import torch
        from torchvision.ops import nms

        kept = nms(torch.from_numpy(corners), torch.from_numpy(confidences), most_iou)
        return np.asarray(kept.numpy())
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    left = np.argsort(-confidences, kind="stable")
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        low = np.maximum(corners[first, :2], corners[left, :2])
        sides = np.maximum(np.minimum(corners[first, 2:], corners[left, 2:]) - low, 0)  # (n, 2)
        both = sides[:, 0] * sides[:, 1]
        with np.errstate(invalid="ignore"):  # two boxes without an area do not overlap
            iou = both / (areas[first] + areas[left] - both)
        left = left[~(iou > np.float64(most_iou))]
    return np.array(kept, dtype=np.intp)
