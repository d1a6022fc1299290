"""Every reader of labels gives an account of what it used, what it did not, and what gave no label."""

import json
from dataclasses import dataclass

import pytest
from PIL import Image

from core.formats.recognise import JSON_FORMATS, read_labels
from core.formats.tables.labels import FORMAT_NAME as TABLE
from core.labels.meeting import account_for_folder
from core.labels.species_folders import read_species_folders


@dataclass(frozen=True)
class Case:
    """A file of each format with four entries: a fox, a fox written otherwise, an empty photo, and one of no use.

    ``extra`` is a name of a column or key that nobody knows; ``content`` makes the files with it.
    """

    name: str
    content: dict[str, str]
    given: str
    not_used: str
    n_left_out: int = 1


def _coco():
    images = [{"id": n, "file_name": f"a/{n}.jpg", "my_species": "hare"} for n in range(1, 5)]
    of = {1: 1, 2: 2, 3: 3, 4: 99}
    annotations = [{"id": n, "image_id": n, "category_id": category} for n, category in of.items()]
    categories = [{"id": n, "name": name} for n, name in enumerate(("Fox", "fox", "Blank"), start=1)]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


def _megadetector():
    names = {"0": "Fox", "1": "fox", "2": "Blank"}
    found = [
        {"category": "1" if n < 3 else "9", "conf": 0.9, "bbox": [0, 0, 0.5, 0.5], "classifications": [[str(n), 0.9]]}
        for n in range(4)
    ]
    images = [{"file": f"a/{n}.jpg", "detections": [one], "my_person": True} for n, one in enumerate(found)]
    classes = {"1": "animal"}
    return json.dumps({"images": images, "detection_categories": classes, "classification_categories": names})


def _speciesnet():
    predictions = [
        {"filepath": f"a/{n}.jpg", "prediction": name, "detections": [], "my_person": True}
        for n, name in enumerate(("Fox", "fox", "Blank", "unclassified"))
    ]
    return json.dumps({"predictions": predictions})


def _table():
    rows = ("a/1.jpg,Fox,TRUE", "a/2.jpg,fox,", "a/3.jpg,Blank,", "a/4.jpg,,")
    return "\n".join(("file,species,Is Person", *rows)) + "\n"


def _camtrap():
    def table(*lines):
        return "\n".join(lines) + "\n"

    media = [f"m{n},d,2026-05-01T06:00:0{n}Z,a/{n}.jpg" for n in range(1, 5)]
    said = ("animal,Fox", "animal,fox", "blank,", "unclassified,")
    observations = [f"o{n},d,m{n},media,{one},yes" for n, one in enumerate(said, start=1)]
    names = ("deployments", "media", "observations")
    return {
        "datapackage.json": json.dumps({"resources": [{"name": name, "path": f"{name}.csv"} for name in names]}),
        "deployments.csv": table("deploymentID", "d"),
        "media.csv": table("mediaID,deploymentID,timestamp,filePath", *media),
        "observations.csv": table(
            "observationID,deploymentID,mediaID,observationLevel,observationType,scientificName,hasPerson",
            *observations,
        ),
    }


CASES = (
    Case("COCO", {"labels.json": _coco()}, "annotations[].category_id", "images[].my_species"),
    Case("MegaDetector", {"labels.json": _megadetector()}, "detections[].classifications", "images[].my_person"),
    Case("SpeciesNet", {"labels.json": _speciesnet()}, "predictions[].prediction", "predictions[].my_person"),
    Case("Camtrap DP", _camtrap(), "observations[].scientificName", "observations[].hasPerson"),
    Case("CSV", {"labels.csv": _table()}, "species", "Is Person"),
)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture
def file(case, tmp_path):
    for name, text in case.content.items():
        (tmp_path / name).write_text(text)
    return read_labels(tmp_path / next(iter(case.content)))


def test_each_known_format_is_among_the_cases_of_this_page():
    assert {one.name for one in JSON_FORMATS} | {TABLE} == {case.name for case in CASES}


def test_every_reader_says_which_columns_it_used_and_as_what(case, file):
    (account,) = file.accounts

    assert (account.file, account.format) == (next(iter(case.content)), case.name)
    used = {column: one.meaning for one in account.used for column in one.columns}
    assert used[case.given] == "species"
    assert "photo" in used.values()
    assert case.not_used in account.not_used
    assert case.not_used not in used


def test_every_reader_names_columns_in_front_that_seem_to_matter_and_were_not_used(case, file):
    (account,) = file.accounts

    assert account.important == (case.not_used,)
    assert case.not_used in account.lines()[0]
    assert case.not_used in file.problems[0]


def test_in_every_reader_each_entry_gave_a_label_or_is_left_out_with_a_reason(case, file):
    (account,) = file.accounts

    assert account.n_entries == 4
    assert account.n_left_out == case.n_left_out
    assert all(one.reason and one.first for one in account.left_out)
    kinds = dict(account.labels)
    kinds.pop("photos without a label")
    assert sum(kinds.values()) == account.n_entries - account.n_left_out
    assert kinds["empty photos"] == 1


def test_every_reader_says_which_names_were_read_as_one(case, file):
    (account,) = file.accounts

    folded = {name.name: set(name.written) for name in account.names}
    assert {frozenset((name, *written)) for name, written in folded.items() if name in ("Fox", "fox")} == {
        frozenset(("Fox", "fox"))
    }
    if case.name != "Camtrap DP":  # it has a word of its own for empty photos
        assert folded["empty"] == {"Blank"}


def test_every_account_is_json_and_sentences(file):
    (account,) = file.accounts

    values = json.loads(json.dumps(account.to_values()))
    assert values["said"] == account.lines()
    assert values["n_entries"] == 4


def test_every_account_says_how_many_photos_of_file_and_folder_did_not_meet(case, file, tmp_path):
    photos = tmp_path / "photos" / "a"
    photos.mkdir(parents=True)
    for name in ("1.jpg", "2.jpg", "9.jpg"):
        Image.new("RGB", (8, 8)).save(photos / name)

    (account,) = account_for_folder(file, tmp_path / "photos")

    assert (account.n_not_in_folder, account.n_without_labels) == (len(file.photos) - 2, 1)


def test_folders_by_species_give_an_account_too(tmp_path):
    for name in ("Fox/1.jpg", "Blank/2.jpg", "3.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)

    (account,) = read_species_folders(tmp_path).accounts

    assert (account.n_entries, account.n_left_out) == (3, 1)
    assert [(one.name, one.written) for one in account.names] == [("empty", ("Blank",))]
