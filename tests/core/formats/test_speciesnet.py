"""SpeciesNet's predictions are read with their boxes and species."""

from core.formats.labelled import Label
from core.formats.recognise import read_labels
from core.records import Box
from tests.fakes.label_files import write

UUID = "1f689929-883d-4dae-958c-3d57ab5b6c16"
FOX = f"{UUID};mammalia;carnivora;canidae;vulpes;vulpes;red fox"
ANIMAL = {"category": "1", "label": "animal", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]}
HUMAN = {"category": "2", "label": "human", "conf": 0.8, "bbox": [0.5, 0.5, 0.2, 0.2]}


def read(tmp_path, *predictions):
    return read_labels(write(tmp_path, {"predictions": list(predictions)}))


def one(prediction, *detections):
    return {"filepath": "a/1.jpg", "detections": list(detections), "prediction": prediction, "prediction_score": 0.7}


def test_the_boxes_of_animals_get_the_prediction_of_their_photo(tmp_path):
    file = read(tmp_path, one(FOX, ANIMAL, HUMAN))

    assert (file.format_name, file.problems) == ("SpeciesNet", ())
    assert file.photos[0].labels == (
        Label("Vulpes vulpes", Box(0.1, 0.2, 0.3, 0.4), 0.9, "animal", 0.7),
        Label("", Box(0.5, 0.5, 0.2, 0.2), 0.8, "person"),
    )


def test_an_animal_without_a_box_is_no_empty_photo(tmp_path):
    (photo,) = read(tmp_path, one(FOX)).photos

    assert [label.species for label in photo.unboxed] == ["Vulpes vulpes"]
    assert not photo.is_empty


def test_a_photo_is_empty_if_the_prediction_says_so_and_nothing_was_detected(tmp_path):
    blank = f"{UUID};;;;;;blank"

    assert read(tmp_path, one(blank)).photos[0].is_empty
    assert not read(tmp_path, one(blank, ANIMAL)).photos[0].is_empty


def test_what_cannot_be_used_is_counted(tmp_path):
    broken = [ANIMAL | {"bbox": [1, 2]}, ANIMAL | {"conf": None}]

    file = read(tmp_path, {"filepath": "b.jpg", "failures": ["DETECTOR"]}, {"x": 1}, one(FOX, *broken))

    assert file.problems == (
        "1 photos that the detector could not use (the first: b.jpg)",
        "1 predictions without a filepath (the first: {'x': 1})",
        "1 detections whose box is not four numbers (the first: a/1.jpg)",
        "1 detections without a category or a conf from 0 to 1 (the first: a/1.jpg)",
    )
    assert file.photos[0].is_incomplete


def test_an_id_of_another_form_is_no_rank(tmp_path):
    (photo,) = read(tmp_path, one("x7;mammalia;carnivora;canidae;vulpes;vulpes;red fox")).photos

    assert [label.species for label in photo.labels] == ["Vulpes vulpes"]
