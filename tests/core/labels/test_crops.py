"""An animal without a box is never taken for an empty photo, and no burst stands on both sides of a split."""

import numpy as np
import pytest
from PIL import Image

from core.formats.labelled import Label, LabelledPhoto
from core.labels.crops import LabelledCrops, read_labelled_crops, read_labelled_parts
from core.photos.crops import resize_crops
from core.photos.cutting import Needed
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


def test_crops_of_large_photos_are_the_same_and_smaller_where_fewer_pixels_are_needed(tmp_path):
    x, y = np.meshgrid(np.linspace(0, 250, 640), np.linspace(0, 250, 480))
    Image.fromarray(np.stack((x, y, 250 - x), axis=2).astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    labels = tuple(Label(species="deer", box=box) for box in (Box(0, 0, 600, 440), Box(300, 200, 40, 30)))
    photos = [LabelledPhoto("a.jpg", labels, frame=(640, 480))]
    whole, reduced = LabelledCrops(), LabelledCrops()

    all_pixels = list(read_labelled_crops(photos, tmp_path, settings=RunSettings(), into=whole))
    parts = list(
        read_labelled_parts(
            photos, tmp_path, settings=RunSettings(), into=reduced, needed=Needed(input_px=32, saved_px=40, photo_px=80)
        )
    )

    assert reduced.crops == whole.crops
    assert [part.size_hw for part in parts] == [pixels.shape[:2] for pixels in all_pixels]
    assert [part.pixels.shape[0] < pixels.shape[0] for part, pixels in zip(parts, all_pixels, strict=True)] == [
        True,
        False,
    ]
    squares = resize_crops([part.pixels for part in parts], size_px=32, sizes_hw=[part.size_hw for part in parts])
    assert np.abs(squares.astype(int) - resize_crops(all_pixels, size_px=32)).max() <= 6
