"""An animal without a box is never taken for an empty photo, and no burst stands on both sides of a split."""

import pytest

from core.formats.labelled import Label, LabelledPhoto
from core.labels.crops import LabelledCrops, read_labelled_crops
from core.records import Box, Detection
from core.settings.run import RunSettings

BOX = Box(10, 10, 30, 20)
EMPTY, FOX = Label("Blank"), Label("fox")


@pytest.fixture
def cut(tmp_path, write_jpeg):
    write_jpeg(tmp_path / "1.jpg", size=(80, 60))

    def cut(*labels, found=None, **more):
        crops = LabelledCrops()
        detections = None if found is None else lambda photos: [[Detection(box, name, 0.9) for name, box in found]]
        photo = LabelledPhoto("1.jpg", labels, frame=(80, 60), **more)
        list(read_labelled_crops([photo], tmp_path, settings=RunSettings(), into=crops, find=detections))
        return crops.species, [line.split(" (")[0] for line in crops.problems.lines()]

    return cut


NO_BOX = ["1 photos with an animal that has no box"]


@pytest.mark.parametrize(
    ("labels", "species", "problems"),
    [
        ((EMPTY,), [""], []),
        ((FOX,), [], NO_BOX),
        ((EMPTY, FOX), [], NO_BOX),
        ((Label(""),), [], NO_BOX),
        ((Label("person"),), [], NO_BOX),
        ((Label("fox", of_event=True),), [], NO_BOX),
        ((Label("fox", BOX), FOX), ["fox"], []),  # of the photo and of its box: one animal
        ((Label("fox", BOX), Label("badger")), ["fox"], NO_BOX),
    ],
)
def test_an_animal_without_a_box_is_left_out_and_counted(cut, labels, species, problems):
    assert cut(*labels) == (species, problems)


DOUBTFUL = "2 detected boxes that meet a label only a little or meet one without a species"
ANIMAL, OTHER, PERSON = ("animal", BOX), ("animal", Box(45, 30, 20, 20)), ("person", Box(50, 5, 10, 20))


@pytest.mark.parametrize(
    ("labels", "found", "species", "problems"),
    [
        ((FOX,), [ANIMAL], ["fox"], []),
        ((FOX,), [ANIMAL, PERSON], ["fox", "person"], []),
        ((FOX,), [ANIMAL, OTHER], [], [*NO_BOX, DOUBTFUL]),
        ((FOX,), [], [], NO_BOX),
        ((FOX, Label("badger")), [], [], NO_BOX),
        ((EMPTY,), [ANIMAL], ["", "nothing"], []),
        ((Label("fox", BOX), Label("badger")), [ANIMAL], ["fox"], NO_BOX),
    ],
)  # fmt: skip
def test_a_detectors_single_animal_is_the_one_that_the_labels_name(cut, labels, found, species, problems):
    assert cut(*labels, found=found) == (species, problems)


def test_what_meets_no_label_is_nothing_only_where_all_animals_are_known(cut):
    far = ("animal", Box(45, 30, 20, 20))

    assert cut(Label("fox", BOX), found=[ANIMAL, far])[0] == ["fox", "nothing"]
    assert cut(Label("fox", BOX), found=[ANIMAL, far], is_incomplete=True)[0] == ["fox"]
    assert cut(EMPTY, is_incomplete=True) == ([], ["1 photos with a label that cannot be used"])


def test_photos_whose_times_were_not_read_stay_together(tmp_path, write_jpeg):
    for n in range(4):
        write_jpeg(tmp_path / f"{n}.jpg", seed=n, size=(80, 60))
    photos = [
        LabelledPhoto(f"{n}.jpg", (Label("fox", BOX),), "A", frame=(80, 60), has_unread_time=n < 3) for n in range(4)
    ]
    crops = LabelledCrops()
    list(read_labelled_crops(photos, tmp_path, settings=RunSettings(), into=crops))

    groups = crops.groups(gap_s=60)
    assert len(set(groups[:3])) == 1
    assert groups[3] not in groups[:3]
