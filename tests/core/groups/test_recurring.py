"""A stump that a detector boxes again and again is found by its place and its look, and no animal is taken for it."""

import numpy as np
import pytest

from core.groups.overlapping import count_overlapping, measure_overlap
from core.groups.recurring import LEAST_BOXES, Place, find_recurring

STUMP = np.array([0.3, 0.4, 0.2, 0.25])


class Season:
    """Boxes of two cameras; each kind of thing looks like itself and a little different each time."""

    def __init__(self, seed: int = 0):
        self.rng = np.random.default_rng(seed)
        self.cameras, self.boxes, self.events, self.points, self.kinds = [], [], [], [], []
        self.add("animal", 300, noise=0.5)

    def add(self, kind, n, *, box=None, camera=None, events=None, noise=0.05, look=None):
        look = self.rng.normal(size=16) if look is None else look
        for i in range(n):
            sides = np.exp(self.rng.uniform(np.log(0.05), np.log(0.4), 2))
            own = np.concatenate([self.rng.uniform(0, 1 - sides), sides]) if box is None else box
            self.boxes.append(own + self.rng.normal(0, 0.002, 4))
            self.cameras.append(camera or self.rng.choice(["north", "south"]))
            self.events.append(f"{kind}-{i if events is None else i % events}")
            seen = look + noise * self.rng.normal(size=16) if kind != "animal" else self.rng.normal(size=16)
            self.points.append(seen)
            self.kinds.append(kind)
        return self

    def find(self, **more):
        found = find_recurring(self.cameras, np.array(self.boxes), self.events, np.array(self.points), **more)
        kinds = np.array(self.kinds)
        return [(one.place.camera, *(f"{kind} {n}" for kind, n in _count(kinds[one.rows]))) for one in found]


def _count(kinds):
    names, counts = np.unique(kinds, return_counts=True)
    return zip(names.tolist(), counts.tolist(), strict=True)


def test_a_stump_is_one_group_and_what_is_elsewhere_or_at_another_camera_is_not_in_it():
    season = Season().add("stump", 40, box=STUMP, camera="north")
    season.add("elsewhere", 3, box=STUMP + 0.1, camera="north").add("other", 3, box=STUMP, camera="south")

    assert season.find() == [("north", "stump 40")]


def test_an_animal_before_the_stump_is_not_in_its_group():
    season = Season().add("stump", 200, box=STUMP, camera="north").add("animal", 30, box=STUMP, camera="north")

    assert season.find() == [("north", "stump 200")]


def test_a_stump_by_night_and_an_animal_that_likes_to_sit_there_are_groups_of_their_own():
    season = Season().add("day", 60, box=STUMP, camera="north").add("night", 30, box=STUMP, camera="north")
    season.add("marten", 12, box=STUMP, camera="north")

    assert season.find() == [("north", "day 60"), ("north", "night 30"), ("north", "marten 12")]


@pytest.mark.parametrize(
    ("n", "more"),
    [
        (LEAST_BOXES - 1, {}),  # too few
        (200, {"events": 2}),  # a deer that sleeps before the camera
        (200, {"noise": 1.0}),  # a feeder: always there, never alike
        (200, {"box": np.array([0.0, 0.0, 1.0, 1.0])}),  # an animal that fills the photo
    ],
)
def test_what_does_not_recur_or_does_not_look_alike_is_no_group(n, more):
    assert Season().add("thing", n, **{"box": STUMP, "camera": "north"} | more).find() == []


def test_fewer_boxes_are_enough_at_a_place_that_was_named_before():
    season = Season().add("stump", 4, box=STUMP, camera="north").add("animal", 2, box=STUMP, camera="north")

    assert season.find() == []
    assert season.find(known=[Place("south", tuple(STUMP))]) == []
    assert season.find(known=[Place("north", tuple(STUMP + 0.01))]) == [("north", "stump 4")]


def test_many_boxes_at_one_place_are_found_as_a_whole():
    assert Season().add("stump", 5_000, box=STUMP, camera="north").find() == [("north", "stump 5000")]


@pytest.mark.parametrize("bad", [[np.nan] * 4, [0.3, 0.4, 0.0, 0.1], [0.3, 0.4, -0.1, 0.1]])
def test_broken_and_empty_boxes_recur_nowhere(bad):
    season = Season()
    season.boxes += [np.array(bad)] * 30
    season.cameras += ["north"] * 30
    season.events += [str(i) for i in range(30)]
    season.points += [season.points[0]] * 30

    assert season.find() == []


def test_nothing_is_found_without_boxes_or_where_all_pictures_are_the_same():
    assert find_recurring([], np.empty((0, 4)), [], np.empty((0, 8))) == []
    assert find_recurring(["a"] * 50, np.tile(STUMP, (50, 1)), range(50), np.zeros((50, 8))) == []
    with pytest.raises(ValueError, match="got 1 cameras, 2 boxes"):
        find_recurring(["a"], np.ones((2, 4)), ["e", "f"], np.zeros((2, 8)))


def test_overlapping_boxes_are_counted_as_by_comparing_each_with_each():
    rng = np.random.default_rng(0)
    boxes = np.concatenate([rng.uniform(0, 0.6, (400, 2)), np.exp(rng.uniform(-3, -1, (400, 2)))], axis=1)
    boxes[:150] = boxes[0] + rng.normal(0, 0.01, (150, 4))
    cameras = rng.integers(0, 2, 400)

    counts = count_overlapping(cameras, boxes, least=0.8, enough=1_000)

    expected = [
        int(((measure_overlap(box, boxes) >= 0.8) & (cameras == camera)).sum()) - 1
        for box, camera in zip(boxes, cameras, strict=True)
    ]
    assert counts.tolist() == expected
    assert count_overlapping(cameras, boxes, least=0.8, enough=7).max() == 7
