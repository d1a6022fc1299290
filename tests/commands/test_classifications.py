"""``cli.py run --classifications``: from the photos and a classifier's file to the species of the crops."""

import json

import pytest

import cli
from core.study.project import Project
from tests.fakes.classifications import FOX, LYNX, megadetector, predict, speciesnet, write
from tests.fakes.project import write_photo


@pytest.fixture
def photos(tmp_path):
    for i in range(4):
        write_photo(tmp_path / "photos", i)
    return tmp_path / "photos"


@pytest.fixture
def boxes(tmp_path):
    found = [{"category": "1", "conf": 0.9, "bbox": [0.3, 0.3, 0.4, 0.4]}]
    names = [f"{camera}/photo-00{i}.jpg" for i, camera in enumerate(["north", "south"] * 2)]
    return write(tmp_path, megadetector(*({"file": name, "detections": found} for name in names)), "boxes.json")


def run(project, *words):
    return cli.main(["run", *map(str, words), "--project", str(project), "--json"])


def test_a_first_look_takes_its_species_from_the_file_and_says_what_did_not_meet(tmp_path, photos, boxes, capsys):
    path = write(
        tmp_path,
        speciesnet(
            predict("/data/north/photo-000.jpg", (FOX, 0.9)),
            predict("/data/south/photo-001.jpg", (LYNX, 0.3)),
            predict("/data/gone.jpg", (FOX, 0.9)),
        ),
    )

    code = run(tmp_path / "project", photos, "--boxes", boxes, "--classifications", path, "--name", "r")

    said = json.loads(capsys.readouterr().out)
    assert code == 0
    (account,) = said["classifications"]
    assert account["decided"] == {"crops with a name at the chosen level": 1, "crops left unknown animals": 1}
    assert (account["not_in_folder"], account["n_without_row"]) == (["/data/gone.jpg"], 2)
    project = Project(tmp_path / "project")
    table = project.review_index(project.run("r")).catalogue.table.to_pandas()
    assert dict(zip(table["file_name"], table["species"], strict=True)) == {
        "north/photo-000.jpg": "Vulpes vulpes",
        "south/photo-001.jpg": "",
        "north/photo-002.jpg": "",
        "south/photo-003.jpg": "",
    }


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        ({"predictions": []}, [], "no class that can be used"),
        (speciesnet(predict("other.jpg", (FOX, 0.9))), [], "Choose the folder that the file was made for"),
        (speciesnet(predict("photo-000.jpg", (FOX, 0.9))), ["--classifier-level", "kingdom"], "classifier"),
    ],
)
def test_a_wrong_file_is_said_before_anything_is_begun(tmp_path, photos, boxes, capsys, content, more, words):
    path = write(tmp_path, content)
    try:
        code = run(tmp_path / "project", photos, "--boxes", boxes, "--classifications", path, "--name", "r", *more)
    except SystemExit as ended:
        code = ended.code

    assert code in (1, 2)
    shown = capsys.readouterr()
    assert words in shown.err + shown.out
    assert not (tmp_path / "project" / "runs" / "r" / "run.json").exists()


def test_species_from_a_classifier_need_its_file(tmp_path, photos, boxes, capsys):
    assert run(tmp_path / "project", photos, "--boxes", boxes, "--species-from", "classifier") == 1

    shown = capsys.readouterr()
    assert "there is no file of classifications" in shown.err + shown.out
