"""Boxes of a detector beside labels: animals as the detector cuts them, boxes on nothing and on people."""

import numpy as np
import pytest

from core.labels.detected import compare_with_labels, measure_overlaps
from core.records import NOTHING, PERSON, Box, Detection

DEER = ("deer", Box(10, 10, 40, 40))


def found(x: float, y: float, width: float, height: float, name: str = "cow") -> Detection:
    return Detection(Box(x, y, width, height), name, 0.9)


def test_a_detection_takes_the_species_of_the_label_that_it_meets_and_its_own_box():
    made = compare_with_labels([found(12, 12, 40, 40)], [DEER])

    assert (made.species, made.boxes, made.n_doubtful) == (("deer",), (Box(12, 12, 40, 40),), 0)


def test_the_box_of_the_label_is_used_where_the_detector_found_nothing():
    assert compare_with_labels([], [DEER]).boxes == (DEER[1],)


def test_a_part_of_an_animal_is_that_animal_and_its_whole_box_is_used_too():
    made = compare_with_labels([found(12, 12, 10, 10)], [DEER])

    assert made.species == ("deer", "deer")


def test_a_person_on_an_animal_is_a_person():
    made = compare_with_labels([found(20, 10, 10, 14, PERSON)], [("elephant", Box(10, 10, 40, 40))])

    assert made.species == (PERSON, "elephant")


def test_an_animal_that_is_detected_as_a_person_is_the_animal():
    assert compare_with_labels([found(11, 11, 38, 38, PERSON)], [DEER]).species == ("deer",)


@pytest.mark.parametrize(("name", "species"), [("bench", NOTHING), (PERSON, PERSON)])
def test_a_box_that_meets_no_label_shows_nothing_or_people(name, species):
    assert compare_with_labels([found(60, 60, 20, 20, name)], [DEER]).species == (species, "deer")
    assert compare_with_labels([found(60, 60, 20, 20, name)], []).species == (species,)


def test_what_meets_a_label_a_little_is_not_used():
    made = compare_with_labels([found(40, 10, 20, 40)], [DEER])

    assert (made.species, made.n_doubtful) == (("deer",), 1)


def test_what_meets_a_label_without_a_species_is_not_used():
    made = compare_with_labels([found(10, 10, 40, 40)], [("", Box(10, 10, 40, 40))])

    assert (made.species, made.n_doubtful) == ((), 1)


def test_overlaps_are_those_of_a_slow_count_of_pixels():
    rng = np.random.default_rng(0)
    boxes = [Box(*map(float, rng.integers(0, 20, 2)), *map(float, rng.integers(1, 20, 2))) for _ in range(12)]

    overlap, held = measure_overlaps(boxes[:5], boxes[5:])

    for i, one in enumerate(boxes[:5]):
        for j, other in enumerate(boxes[5:]):
            mine, theirs = _paint(one), _paint(other)
            assert overlap[i, j] == pytest.approx((mine & theirs).sum() / (mine | theirs).sum())
            assert held[i, j] == pytest.approx((mine & theirs).sum() / mine.sum())


def test_no_boxes_have_no_overlaps():
    assert measure_overlaps([], [Box(0, 0, 1, 1)])[0].shape == (0, 1)


def _paint(box: Box) -> np.ndarray:
    pixels = np.zeros((40, 40), dtype=bool)
    pixels[int(box.y) : int(box.y + box.height), int(box.x) : int(box.x + box.width)] = True
    return pixels
