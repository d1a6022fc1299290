"""Scenes from labels: what counts as a scene, and what of a photo counts."""

from datetime import datetime, timedelta

import pytest

from core.errors import AnomalureError, WrongUsage
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.records import Box
from core.scenes.from_labels import make_labelled_scenes
from core.scenes.words import list_classes

NOON = datetime(2026, 5, 3, 12, 30)


def photo(name, *species, camera="", after_s=None, **more):
    at = None if after_s is None else NOON + timedelta(seconds=after_s)
    labels = tuple(Label(one, Box(i, 0, 1, 1)) for i, one in enumerate(species))
    return LabelledPhoto(name, labels, deployment=camera, captured_at=at, **more)


def classes_of(found):
    return {found.scenes.names[i]: list_classes(found.scenes, i) for i in range(len(found.scenes))}


def test_a_photo_is_a_scene_where_no_camera_is_known():
    found = make_labelled_scenes([LabelFile((photo("a.jpg", "cup", "fork"), photo("b.jpg", "fork")))])

    assert found.by == "photo"
    assert classes_of(found) == {"a.jpg": ["cup", "fork"], "b.jpg": ["fork"]}


def test_photos_of_one_camera_close_in_time_are_one_event_with_its_hour_day_and_numbers():
    photos = (
        photo("1.jpg", "deer", "deer", camera="north", after_s=0),
        photo("2.jpg", "fox", camera="north", after_s=30),
        photo("3.jpg", "deer", camera="north", after_s=3000),
        photo("4.jpg", "deer", camera="south", after_s=0),
    )

    found = make_labelled_scenes([LabelFile(photos)])

    assert found.by == "event"
    assert list(classes_of(found).values()) == [["deer", "fox", "deer, 2 or more"], ["deer"], ["deer"]]
    assert found.scenes.cameras == ("north", "north", "south")
    assert found.scenes.hours[0] == 12.5
    assert found.scenes.days[0] == 122
    assert [len(photos) for photos in found.photos] == [2, 1, 1]


def test_events_that_the_labels_name_are_used():
    photos = tuple(
        photo(f"{i}.jpg", "deer", camera="north", after_s=i * 3000, event_id="one" if i < 2 else "") for i in range(3)
    )

    found = make_labelled_scenes([LabelFile(photos)])

    assert found.scenes.names == ("north/one", "north/2026-05-03T14:10:00")


def test_left_out_classes_empty_photos_and_photos_that_were_not_looked_at_are_no_scenes():
    photos = (
        photo("a.jpg", "person", "cup"),
        photo("b.jpg", "Person"),
        photo("c.jpg", "empty"),
        photo("d.jpg"),
        photo("e.jpg", "cup", is_incomplete=True),
    )

    found = make_labelled_scenes([LabelFile(photos)], leave_out=["person"])

    assert classes_of(found) == {"a.jpg": ["cup"]}


def test_several_files_are_put_together_with_one_spelling_of_each_class():
    files = [LabelFile((photo("a.jpg", "Red fox"), photo("b.jpg", "Red fox"))), LabelFile((photo("c.jpg", "red_fox"),))]

    assert make_labelled_scenes(files).scenes.classes == ("Red fox",)


@pytest.mark.parametrize(
    ("photos", "options", "error", "says"),
    [
        ([], {}, AnomalureError, "No scene has 1 or more classes among the 0"),
        ([photo("a.jpg", "cup")], {"min_classes": 3}, AnomalureError, "No scene has 3"),
        ([photo("a.jpg", "cup")], {"by": "event"}, AnomalureError, "need the deployment"),
        ([photo("a.jpg", "cup")], {"by": "week"}, WrongUsage, "photo, event"),
        ([photo("a.jpg", "cup")], {"min_classes": -1}, WrongUsage, "0 or more"),
    ],
)
def test_what_cannot_be_used_is_said_plainly(photos, options, error, says):
    with pytest.raises(error, match=says):
        make_labelled_scenes([LabelFile(tuple(photos))], **options)


def test_the_number_that_a_label_gives_counts():
    two = LabelledPhoto("1.jpg", (Label("deer", count=2),), deployment="north", captured_at=NOON)
    one = LabelledPhoto("2.jpg", (Label("deer"),), deployment="north", captured_at=NOON + timedelta(hours=1))

    found = make_labelled_scenes([LabelFile((two, one))])

    assert list(classes_of(found).values()) == [["deer", "deer, 2 or more"], ["deer"]]
