"""Files of classifiers are read with their names and scores; odd ones are refused or counted in plain sentences."""

import functools
import math

import pytest

from core.disk.bounded import read_bounded
from core.errors import FileFormatError
from core.formats.classifiers.reading import read_classifications
from core.records import Box
from tests.fakes.classifications import (
    BLANK,
    COYOTE,
    DEEPFAUNE,
    FOX,
    LEFT,
    LYNX,
    NO_RESULT,
    box,
    megadetector,
    predict,
    speciesnet,
    write,
)


def said_of(said):
    return [(one.taxon.ranks[-1] or one.taxon.plain or str(one.taxon.kind), one.score) for one in said.candidates]


def test_speciesnet_has_one_answer_a_photo_for_all_its_animals(tmp_path):
    file = read_classifications(write(tmp_path, speciesnet(predict("a.jpg", (FOX, 0.9), (COYOTE, 0.05), boxes=[LEFT]))))

    (photo,) = file.photos
    assert (file.source, file.problems, photo.boxes, photo.animals) == ("SpeciesNet", (), (), (Box(0, 0, 0.5, 1),))
    assert said_of(photo.whole) == [("Vulpes vulpes", 0.9), ("Canis latrans", 0.05)]
    assert (photo.whole.answer.taxon.plain, photo.whole.answer.score) == ("red fox", 0.9)


def test_the_classifier_of_speciesnet_alone_gives_no_answer_but_classes(tmp_path):
    alone = predict("a.jpg", (FOX, 0.9))
    for key in ("prediction", "prediction_score", "detections"):
        alone.pop(key)

    (photo,) = read_classifications(write(tmp_path, speciesnet(alone))).photos

    assert photo.whole.answer is None
    assert said_of(photo.whole) == [("Vulpes vulpes", 0.9)]


def test_megadetectors_json_has_classes_for_each_box_by_their_taxonomy(tmp_path):
    image = {"file": "a.jpg", "detections": [box(LEFT, ["1", 0.2], ["0", 0.7]), box(None, ["1", 0.4])]}

    file = read_classifications(write(tmp_path, megadetector(image)))

    (photo,) = file.photos
    ((place, said),) = photo.boxes
    assert (file.source, place) == ("our classifier", Box(0, 0, 0.5, 1))
    assert said_of(said) == [("Vulpes vulpes", 0.7), ("Canis latrans", 0.2)]
    assert said_of(photo.whole) == [("Canis latrans", 0.4)]


def test_a_box_that_is_the_whole_photo_is_a_class_of_the_photo(tmp_path):
    (photo,) = read_classifications(
        write(tmp_path, megadetector({"file": "a.jpg", "detections": [box([0, 0, 1, 1], ["0", 0.7])]}))
    ).photos

    assert photo.boxes == ()
    assert said_of(photo.whole) == [("Vulpes vulpes", 0.7)]


def test_names_without_a_taxonomy_are_names(tmp_path):
    content = megadetector({"file": "a.jpg", "detections": [box(LEFT, ["0", 0.7])]})
    content.pop("classification_category_descriptions")

    (photo,) = read_classifications(write(tmp_path, content)).photos

    assert said_of(photo.boxes[0][1]) == [("red fox", 0.7)]


def test_what_speciesnet_converted_is_called_speciesnet(tmp_path):
    content = megadetector({"file": "a.jpg", "detections": [box(LEFT, ["0", 0.7])]})
    content["info"] = {"format_version": 1.4, "detector": "converted_from_predictions_json"}

    assert read_classifications(write(tmp_path, content)).source == "SpeciesNet"


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_deepfaunes_table_has_the_answer_by_the_series_and_the_photo_alone(tmp_path, sign):
    table = DEEPFAUNE + r"C:\season\a.jpg,2024:01:01 10:00:00,1,fox,0.6,roe deer,0.8,1" + "\n"

    file = read_classifications(write(tmp_path, table.replace(",", sign), "results.csv"))

    (photo,) = file.photos
    assert (file.source, said_of(photo.whole)) == ("DeepFaune", [("fox", 0.6)])
    assert (photo.whole.answer.taxon.plain, photo.whole.answer.score) == ("roe deer", 0.8)


REFUSED = {
    "empty": ("", "is empty"),
    "blank": ("\n  \n", "is empty"),
    "no file of a classifier": ({"photos": []}, "is JSON, but of no classifier"),
    "a list": ([], "is JSON, but of no classifier"),
    "cut": ('{"predictions": [', "is not JSON"),
    "no predictions": ({"predictions": []}, "has no class that can be used"),
    "predictions of numbers": ({"predictions": [1, 2]}, "2 predictions without a filepath"),
    "all failed": ({"predictions": [{"filepath": "a.jpg", "failures": ["CLASSIFIER"]}]}, "the file has no class"),
    "wrong keys": ({"predictions": [{"filepath": "a.jpg", "label": "fox"}]}, "the file has no class"),
    "a detector's file": (
        megadetector({"file": "a.jpg", "detections": []}, classification_categories={}),
        "has boxes but no classes",
    ),
    "no class at any box": (megadetector({"file": "a.jpg", "detections": [box(LEFT)]}), "no class that can be used"),
    "scores over 1": (speciesnet(predict("a.jpg", (FOX, 91.0))), "score is not a number from 0 to 1"),
    "NaN": ('{"predictions": [{"filepath": "a.jpg", "prediction": "fox", "prediction_score": NaN}]}', "from 0 to 1"),
    "no score": (speciesnet({"filepath": "a.jpg", "prediction": FOX}), "score is not a number from 0 to 1"),
    "a taxonomy of two": (speciesnet(predict("a.jpg", ("canidae;vulpes", 0.9))), "taxonomies with too few parts"),
    "nested": ("[" * 100_000, "nested too deeply"),
    "coco": ({"images": [{"file_name": "a.jpg"}], "annotations": [], "categories": []}, "of no classifier"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_of_which_nothing_can_be_used_is_refused(tmp_path, what):
    content, words = REFUSED[what]
    with pytest.raises(FileFormatError, match=words) as caught:
        read_classifications(write(tmp_path, content))
    assert "SpeciesNet" in str(caught.value) or "detector's file" in str(caught.value)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("file,species\na.jpg,fox\n", "not DeepFaune's"),
        ("RelativePath,File,DateTime\nx,a.jpg,1\n", "not DeepFaune's"),
        ("filename,filename,prediction,score\n", "a name stands in it twice"),
        (DEEPFAUNE, "has no class that can be used"),
        (DEEPFAUNE + "a.jpg,,1,fox,,fox,,1\n", "score is not a number"),
        (DEEPFAUNE + "a.jpg,,1,fox,nan,fox,nan,1\n", "score is not a number"),
        (DEEPFAUNE + "a.jpg,,1,fox,87,fox,87,1\n", "score is not a number"),
        (DEEPFAUNE + "a.jpg,,1,fox,0.5,fox,0.5,1,more\n", "9 cells for 8 columns"),
        (DEEPFAUNE + ",,1,fox,0.5,fox,0.5,1\n", "rows without a filename"),
        ("\x00\x01\x02\xff", "not a text file"),
    ],
)
def test_tables_of_others_and_damaged_ones_are_refused(tmp_path, table, words):
    with pytest.raises(FileFormatError, match=words):
        read_classifications(write(tmp_path, table, "results.csv"))


def test_a_missing_file_a_folder_and_a_huge_one_are_refused(tmp_path, monkeypatch):
    with pytest.raises(FileFormatError, match="There is no file"):
        read_classifications(tmp_path / "gone.json")
    with pytest.raises(FileFormatError, match="is a folder"):
        read_classifications(tmp_path)
    monkeypatch.setattr("core.disk.text.read_bounded", functools.partial(read_bounded, most_bytes=1_000))
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_classifications(write(tmp_path, " " * 2_000 + "{}"))


def test_what_cannot_be_used_beside_good_entries_is_counted_and_named(tmp_path):
    content = speciesnet(
        predict("a.jpg", (FOX, 0.9)),
        predict("b.jpg", (FOX, 0.9), ("x;y", 0.05), (LYNX, 2.0)),
        predict("c.jpg", (FOX, 0.9), classifications={"classes": [FOX], "scores": [0.1, 0.2]}),
        predict("d.jpg", (FOX, 0.9), boxes=[[0.1, 0.2]]),
        predict("e.jpg", (FOX, 0.9)),
        predict("e.jpg", (LYNX, 0.9)),
        {"filepath": "f.jpg", "failures": ["CLASSIFIER"]},
    )

    file = read_classifications(write(tmp_path, content))

    assert [photo.file_name for photo in file.photos] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert [line.split(" (the first: ")[0] for line in file.problems] == [
        "1 taxonomies with too few parts (class;order;family;genus;species)",
        "1 names whose score is not a number from 0 to 1",
        "1 photos whose classes and scores are not lists of one length",
        "1 detections whose box is not four numbers",
        "1 photos for which the file has no class",
        "1 photos that the file names again with other classes, so that they were left out",
    ]


def test_no_answer_and_no_animal_are_read_as_such(tmp_path):
    content = speciesnet(predict("a.jpg", (BLANK, 0.9)), predict("b.jpg", (NO_RESULT, 0.8)))

    photos = read_classifications(write(tmp_path, content)).photos

    assert [said_of(photo.whole) for photo in photos] == [[("empty", 0.9)], [("unknown", 0.8)]]
    assert not math.isnan(photos[0].whole.answer.score)
