"""Which crops get a classifier's name: by their box, as the only animal of their photo, or none."""

import numpy as np
import pytest

from core.errors import AnomalureError
from core.formats.classifiers.classified import Candidate, ClassificationFile, ClassifiedPhoto, Said
from core.formats.classifiers.taxon import read_taxon
from core.records import Box, Crop, CropKind, Detection, Photo, hash_content, name_crops
from core.runs.classified.matching import (
    BY_BOX,
    BY_PHOTO,
    NOT_ANIMALS,
    NOT_MATCHED,
    SHARED,
    UNDECIDED,
    WITHOUT_ROW,
    match_crops,
    meet_folder,
)
from core.runs.folder import RunFolder, RunInfo, ShardTables
from tests.fakes.classifications import FOX, LYNX

LEFT, RIGHT = Box(0, 0, 90, 100), Box(110, 0, 90, 100)
IS_FOX, IS_LYNX = (Said((Candidate(read_taxon(name), 0.9),)) for name in (FOX, LYNX))


def make_run(tmp_path, *boxes: Box, classes=("animal", "animal"), copy: bool = False) -> RunFolder:
    """A run over one photo of 200 x 100 pixels with these boxes; without any, its whole frame."""
    names = ["a.jpg", "copy.jpg"] if copy else ["a.jpg"]
    run = RunFolder.create(tmp_path / "run", RunInfo(run_id="run", name="run", folder=str(tmp_path)), names)
    photo = Photo(hash_content(b"a"), "a.jpg", "north", 200, 100, 1)
    tables = ShardTables()
    found = [Detection(box, name, 0.9) for box, name in zip(boxes, classes, strict=False)]
    ids = name_crops(photo.photo_id, list(boxes) or [None])
    crops = [
        Crop(one, photo.photo_id, CropKind.DETECTION, what.box, what.detector_class, 0.9)
        for one, what in zip(ids, found, strict=False)
    ] or [Crop(ids[0], photo.photo_id, CropKind.FRAME, Box(0, 0, 200, 100))]
    tables.add_photo(photo, detections=found, crops=crops)
    tables.add_embeddings(ids, np.zeros((len(ids), 2), dtype=np.float32))
    if copy:
        tables.add_duplicate(Photo(photo.photo_id, "copy.jpg", "north", 200, 100, 1), duplicate_of="a.jpg")
    run.write_shard(0, tables)
    return run


def match(run, *, name="a.jpg", **said):
    """The names by the left edges of the crops, and the counts."""
    matched = match_crops(run, {name: ClassifiedPhoto(name, **said)})
    edges = dict(zip(*run.read_table("crops", ["crop_id", "x"]).to_numpy().T, strict=True))
    names = {
        edges[crop_id]: one.candidates[0].taxon.ranks[-1].split()[0].lower() for crop_id, one in matched.said.items()
    }
    return names, {what: n for what, n in matched.counts.items() if n}


def test_each_box_gets_the_name_of_the_box_that_it_overlaps(tmp_path):
    run = make_run(tmp_path, LEFT, RIGHT)
    pairs = ((Box(0.5, 0, 0.5, 1), IS_LYNX), (Box(0, 0, 0.5, 1), IS_FOX))

    assert match(run, boxes=pairs) == ({0.0: "vulpes", 110.0: "lynx"}, {BY_BOX: 2})


def test_a_box_that_the_file_does_not_have_gets_no_name(tmp_path):
    run = make_run(tmp_path, LEFT, RIGHT)

    assert match(run, boxes=((Box(0, 0, 0.5, 1), IS_FOX),)) == ({0.0: "vulpes"}, {BY_BOX: 1, NOT_MATCHED: 1})


def test_a_name_of_the_photo_is_that_of_its_only_animal_and_of_its_whole_frame(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "none").mkdir()

    assert match(make_run(tmp_path / "one", LEFT), whole=IS_FOX) == ({0.0: "vulpes"}, {BY_PHOTO: 1})
    assert match(make_run(tmp_path / "none"), whole=IS_FOX) == ({0.0: "vulpes"}, {BY_PHOTO: 1})


def test_of_two_animals_a_name_of_the_photo_decides_nothing(tmp_path):
    assert match(make_run(tmp_path, LEFT, RIGHT), whole=IS_FOX) == ({}, {UNDECIDED: 2})


def test_people_and_things_are_not_animals_and_leave_one(tmp_path):
    run = make_run(tmp_path, LEFT, RIGHT, classes=("person", "animal"))

    assert match(run, whole=IS_FOX) == ({110.0: "vulpes"}, {NOT_ANIMALS: 1, BY_PHOTO: 1})


def test_animals_that_speciesnet_has_boxes_of_share_its_answer(tmp_path):
    run = make_run(tmp_path, LEFT, RIGHT)
    both = (Box(0, 0, 0.5, 1), Box(0.5, 0, 0.5, 1))

    assert match(run, whole=IS_FOX, animals=both) == ({0.0: "vulpes", 110.0: "vulpes"}, {SHARED: 2})
    assert match(run, whole=IS_FOX, animals=both[:1]) == ({0.0: "vulpes"}, {SHARED: 1, NOT_MATCHED: 1})


def test_a_row_of_a_copy_is_about_the_photo(tmp_path):
    run = make_run(tmp_path, LEFT, copy=True)

    assert match(run, name="copy.jpg", whole=IS_FOX) == ({0.0: "vulpes"}, {BY_PHOTO: 1})


def test_a_photo_without_a_row_is_counted(tmp_path):
    assert match(make_run(tmp_path, LEFT, RIGHT), name="b.jpg", whole=IS_FOX) == ({}, {WITHOUT_ROW: 2})


def test_photos_that_do_not_meet_are_named_and_a_file_of_another_folder_is_refused(tmp_path):
    file = ClassificationFile("x", (ClassifiedPhoto("old/a.jpg", whole=IS_FOX), ClassifiedPhoto("z.jpg", whole=IS_FOX)))

    met = meet_folder(file, ["a.jpg", "b.jpg"], folder=tmp_path, source="x.json")

    assert (list(met.photos), met.only_in_file, met.only_in_folder) == (["a.jpg"], ("z.jpg",), ("b.jpg",))
    with pytest.raises(AnomalureError, match=r"None of the 2 photos in x.json is among the 1"):
        meet_folder(file, ["c.jpg"], folder=tmp_path, source="x.json")
