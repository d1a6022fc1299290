"""What becomes of overlapping boxes, checked against a slow and obvious version."""

import numpy as np
import pytest

from core.settings.run import RunSettings
from models.detectors import nms
from models.detectors.nms import Candidates, read_end_to_end, read_grid, suppress_overlaps


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def suppress_slowly(candidates, *, iou, across):
    """Go through the boxes, surest first; keep one unless it overlaps a kept one too much."""
    kept = []
    for i in sorted(range(len(candidates.corners)), key=lambda i: -candidates.confidences[i]):
        rivals = [k for k in kept if across or candidates.classes[k] == candidates.classes[i]]
        if all(overlap(candidates.corners[i], candidates.corners[k]) <= iou for k in rivals):
            kept.append(i)
    return kept


def scatter(n, *, seed, spread=100.0):
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, spread, (n, 2)), rng.uniform(10, 40, (n, 2))
    return Candidates(
        corners=np.concatenate([corner, corner + size], axis=1).astype(np.float32),
        confidences=rng.permutation(n).astype(np.float32) / n,
        classes=rng.integers(0, 3, n),
    )


@pytest.mark.parametrize("many", [2_000, 0])
@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("iou", [0.0, 0.3, 0.7])
def test_the_surest_of_overlapping_boxes_stays(iou, across, many, monkeypatch):
    monkeypatch.setattr(nms, "MANY", many)  # 0: by the function that is meant for very many boxes
    candidates = scatter(150, seed=4)

    found, n_over_limit = suppress_overlaps(candidates, RunSettings(nms_iou=iou, nms_across_classes=across))

    expected = suppress_slowly(candidates, iou=iou, across=across)
    np.testing.assert_array_equal(found.corners, candidates.corners[expected])
    assert n_over_limit == 0


def test_one_animal_taken_for_two_classes_is_one_box_or_two_as_the_user_chose():
    same = Candidates(
        corners=np.array([[0, 0, 10, 10], [0, 0, 10, 11]], np.float32),
        confidences=np.array([0.6, 0.8], np.float32),
        classes=np.array([18, 19]),
    )

    assert suppress_overlaps(same, RunSettings(nms_across_classes=True))[0].classes.tolist() == [19]
    assert suppress_overlaps(same, RunSettings(nms_across_classes=False))[0].classes.tolist() == [19, 18]


@pytest.mark.parametrize("many", [2_000, 0])
def test_of_equally_sure_boxes_the_first_stays_and_boxes_without_an_area_are_kept(many, monkeypatch):
    monkeypatch.setattr(nms, "MANY", many)
    corners = np.array([[5, 5, 5, 5], [0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5]], np.float32)
    equal = Candidates(corners, np.full(4, 0.5, np.float32), np.zeros(4, int))

    found, _ = suppress_overlaps(equal, RunSettings())

    assert found.corners.tolist() == corners[[0, 1, 3]].tolist()


def test_boxes_over_the_limit_are_counted_and_the_surest_stay():
    candidates = scatter(40, seed=1, spread=10_000.0)

    found, n_over_limit = suppress_overlaps(candidates, RunSettings(max_detections=15))

    assert n_over_limit == 25
    assert found.confidences.tolist() == sorted(candidates.confidences.tolist(), reverse=True)[:15]


def test_a_photo_with_very_many_boxes_loses_none():
    n = 30_000  # Ultralytics' own suppression stops after a time and drops those above 30,000
    left = (np.arange(n, dtype=np.float32) % 200) * 20
    top = (np.arange(n, dtype=np.float32) // 200) * 20
    corners = np.stack([left, top, left + 10, top + 10], axis=1)
    many = Candidates(corners, np.full(n, 0.5, np.float32), np.zeros(n, dtype=int))

    found, n_over_limit = suppress_overlaps(many, RunSettings(max_detections=10_000))

    assert len(found.corners) + n_over_limit == n


def test_a_grid_is_read_with_its_best_class_and_corners():
    output = np.zeros((4 + 3, 5), np.float32)  # three classes, five cells
    output[:, 1] = [50, 40, 20, 10, 0.1, 0.7, 0.2]
    output[:, 3] = [10, 10, 4, 4, 0.25, 0.0, 0.0]
    output[:, 4] = [90, 90, 9, 9, 0.24, 0.1, 0.2]

    candidates = read_grid(output, min_confidence=0.25)

    assert candidates.corners.tolist() == [[40, 35, 60, 45], [8, 8, 12, 12]]
    assert candidates.classes.tolist() == [1, 0]
    assert candidates.confidences.tolist() == pytest.approx([0.7, 0.25])


def test_boxes_that_come_sifted_are_read_as_they_are():
    rows = np.array([[1, 2, 30, 40, 0.9, 5], [0, 0, 0, 0, 0.0, 0]], np.float32)

    candidates = read_end_to_end(rows, min_confidence=0.25)

    assert candidates.corners.tolist() == [[1, 2, 30, 40]]
    assert candidates.classes.tolist() == [5]


def test_nothing_found_is_an_empty_answer():
    none = read_grid(np.zeros((4 + 3, 5), np.float32), min_confidence=0.25)

    found, n_over_limit = suppress_overlaps(none, RunSettings())

    assert found.corners.shape == (0, 4)
    assert n_over_limit == 0
