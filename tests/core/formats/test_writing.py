"""What is exported can be read back, by us and by others, and nothing half-written is left behind."""

import csv
import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from core.errors import AnomalureError
from core.formats.camtrap_dp.writer import Place, write_camtrap_dp
from core.formats.coco import write_coco
from core.formats.csv import escape_formula, read_csv_rows, unescape_formula, write_csv
from core.formats.exported import EXPORT_COLUMNS, PHOTO_COLUMNS, say_species
from core.formats.megadetector import write_megadetector
from core.formats.recognise import read_labels
from core.formats.species_names import SpeciesName, name_each
from core.records import Box

TAKEN = datetime(2024, 5, 3, 6, 12, 10)
DECIDED = datetime(2024, 6, 1, 9, 0, tzinfo=UTC)


def row(**changes):
    plain = {
        "file_name": "north/IMG_1.JPG",
        "captured_at": TAKEN,
        "deployment": "north",
        "event_id": "north/e1",
        "crop_id": "c1",
        "x": 20.0,
        "y": 10.0,
        "width": 100.0,
        "height": 50.0,
        "species": "vole",
        "detector_class": "animal",
        "detector_confidence": 0.75,
        "score": 1.5,
        "p_value": 0.01,
        "flagged": True,
        "verdict": "anomaly",
        "verdict_species": "stoat",
        "note": "",
        "reviewer": "R",
        "decided_at": DECIDED,
        "run": "r1",
        "bundle": "b1",
        "given_to_group": False,
        "photo_id": "p1",
        "kind": "detection",
        "photo_width_px": 400,
        "photo_height_px": 200,
    }
    assert set(plain) == {*EXPORT_COLUMNS, *PHOTO_COLUMNS}
    return plain | changes


UNDECIDED = {"verdict": None, "verdict_species": None, "note": None, "reviewer": None, "decided_at": pd.NaT}
ROWS = [
    row(),
    row(crop_id="c2", x=0.0, species="fox", detector_class="person", **UNDECIDED),
    row(
        file_name="north/ü 2.JPG",
        photo_id="p2",
        crop_id="c3",
        kind="frame",
        x=0.0,
        y=0.0,
        width=400.0,
        height=200.0,
        captured_at=TAKEN + timedelta(seconds=30),
        detector_class="",
        detector_confidence=0.0,
        verdict_species="",
        verdict="normal",
    ),
]


# CSV


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+49 30", "-5", "@name", "\tx", "\rx", "'=1", "''-", "'quoted'", "plain", "", "a=b", "'", 'Käfer, "x"\n2'],
)
def test_texts_survive_and_formulas_are_not_run(tmp_path, text):
    escaped = escape_formula(text)
    assert unescape_formula(escaped) == text
    assert not escaped.startswith(("=", "+", "-", "@", "\t", "\r"))

    write_csv([row(note=text)], tmp_path / "out.csv")

    assert next(read_csv_rows(tmp_path / "out.csv"))["note"] == text


def test_the_csv_has_the_promised_columns_and_plain_values(tmp_path):
    rows = [row(score=np.float64(-0.5), flagged=np.bool_(False), note=float("nan"), species=pd.NA), *ROWS]

    assert write_csv(iter(rows), tmp_path / "out.csv") == 4

    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == EXPORT_COLUMNS
    assert (table[0]["score"], table[0]["flagged"], table[0]["note"], table[0]["species"]) == ("-0.5", "false", "", "")
    assert (table[1]["captured_at"], table[1]["decided_at"]) == ("2024-05-03T06:12:10", "2024-06-01T09:00:00+00:00")
    assert (table[2]["verdict"], table[2]["decided_at"]) == ("", "")


def test_our_csv_can_be_read_as_labels(tmp_path):
    write_csv(ROWS, tmp_path / "out.csv")

    file = read_labels(tmp_path / "out.csv")

    assert [label.species for label in file.photos[0].labels] == ["stoat", "fox"]
    assert file.photos[0].labels[0].box == Box(20, 10, 100, 50)
    assert (file.photos[0].deployment, file.photos[0].captured_at) == ("north", TAKEN)


@pytest.mark.parametrize("writer", [write_csv, write_coco, write_megadetector])
def test_an_export_that_fails_leaves_the_old_file_and_nothing_half_written(tmp_path, writer):
    path = tmp_path / "out.file"
    path.write_text("old")

    def rows():
        yield row()
        raise RuntimeError("the run went away")

    with pytest.raises(RuntimeError):
        writer(rows(), path)

    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["out.file"]


@pytest.mark.parametrize("writer", [write_csv, write_coco, write_megadetector])
def test_a_place_that_cannot_be_written_is_said(tmp_path, writer):
    with pytest.raises(AnomalureError, match="cannot be written"):
        writer(ROWS, tmp_path / "no such folder" / "out")


# COCO and MegaDetector


def test_coco_is_read_back_with_the_same_boxes_and_species(tmp_path):
    assert write_coco(iter(ROWS), tmp_path / "out.json") == 3

    file = read_labels(tmp_path / "out.json")

    assert (file.format_name, file.problems) == ("COCO", ())
    first, second = file.photos
    assert [(label.species, label.box, label.confidence) for label in first.labels] == [
        ("stoat", Box(20, 10, 100, 50), 0.75),
        ("fox", Box(0, 10, 100, 50), 0.75),
    ]
    assert [(label.species, label.box) for label in second.labels] == [("vole", None)]
    assert (first.captured_at, first.deployment, first.event_id, first.frame) == (
        TAKEN,
        "north",
        "north/e1",
        (400, 200),
    )
    assert second.file_name == "north/ü 2.JPG"


def test_megadetector_is_read_back_with_the_same_boxes(tmp_path):
    assert write_megadetector(iter(ROWS), tmp_path / "out.json") == 2

    file = read_labels(tmp_path / "out.json")

    assert (file.format_name, file.problems) == ("MegaDetector", ())
    first, second = file.photos
    assert [(label.detector_class, label.species, label.confidence) for label in first.labels] == [
        ("animal", "stoat", 0.75),
        ("person", "", 0.75),
    ]
    assert first.box_px(first.labels[0].box, width_px=400, height_px=200) == Box(20, 10, 100, 50)
    assert second.labels == ()


def test_megadetector_json_keeps_to_its_format_and_carries_the_verdict_beside(tmp_path):
    write_megadetector([row(detector_class="sheep")], tmp_path / "out.json")

    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))

    assert content["detection_categories"] == {"1": "animal", "2": "person", "3": "vehicle", "4": "sheep"}
    detection = content["images"][0]["detections"][0]
    assert detection["category"] == "4"
    assert detection["bbox"] == [0.05, 0.05, 0.25, 0.25]
    assert detection["anomalure"]["verdict"] == "anomaly"
    assert float(content["info"]["format_version"]) >= 1.4


@pytest.mark.parametrize("writer", [write_coco, write_megadetector])
def test_no_rows_are_a_whole_file_too(tmp_path, writer):
    assert writer([], tmp_path / "out.json") == 0
    assert read_labels(tmp_path / "out.json").photos == ()


@pytest.mark.parametrize("writer", [write_coco, write_megadetector])
def test_rows_of_a_photo_that_do_not_stand_together_are_refused(tmp_path, writer):
    with pytest.raises(ValueError, match="may not be together"):
        writer([ROWS[0], ROWS[2], ROWS[1]], tmp_path / "out.json")


# Camtrap DP


PLACES = {"north": Place(51.2, 5.6, start=datetime(2024, 5, 1), end=datetime(2024, 5, 31))}
NAMES = name_each([SpeciesName("stoat", "Mustela erminea", "eng"), SpeciesName("vole", "Microtus")])
ABOUT = {
    "title": "A Season",
    "contributor": "A Team",
    "created": DECIDED,
    "zone": ZoneInfo("Europe/Brussels"),
    "species_names": NAMES,
}


def read_table(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")


def test_a_package_is_read_back_with_the_same_rows(tmp_path):
    written = write_camtrap_dp(iter(ROWS), tmp_path / "package", places=PLACES, **ABOUT)

    assert (written.n_media, written.n_observations, written.problems) == (2, 3, ())
    file = read_labels(tmp_path / "package")
    assert file.problems == ()
    first, second = file.photos
    assert [label.species for label in first.labels] == ["Mustela erminea", "person"]
    assert first.box_px(first.labels[0].box, width_px=400, height_px=200) == Box(20, 10, 100, 50)
    assert (first.captured_at, first.deployment, first.event_id) == (TAKEN, "north", "north/e1")
    assert [(label.species, label.box) for label in second.labels] == [("Microtus", None)]


def test_a_package_says_who_decided_and_when_and_where_cameras_stood(tmp_path):
    write_camtrap_dp(ROWS, tmp_path, places=PLACES, **ABOUT)

    (deployment,) = read_table(tmp_path / "deployments.csv")
    assert (deployment["latitude"], deployment["longitude"]) == ("51.2", "5.6")
    assert deployment["deploymentStart"] == "2024-05-01T00:00:00+02:00"
    assert deployment["deploymentComments"] == ""
    decided, undecided, _ = read_table(tmp_path / "observations.csv")
    assert [decided[f"classification{what}"] for what in ("Method", "Timestamp")] == [
        "human",
        "2024-06-01T09:00:00+00:00",
    ]
    assert (decided["classifiedBy"], undecided["classifiedBy"]) == ("R", "b1")
    assert (undecided["classificationMethod"], undecided["observationType"]) == ("machine", "human")
    package = json.loads((tmp_path / "datapackage.json").read_text(encoding="utf-8"))
    assert package["temporal"] == {"start": "2024-05-01", "end": "2024-05-31"}
    assert package["taxonomic"] == [
        {"scientificName": "Microtus", "vernacularNames": {"und": "vole"}},
        {"scientificName": "Mustela erminea", "vernacularNames": {"eng": "stoat"}},
    ]
    assert package["name"] == "a-season"


def test_a_species_without_a_scientific_name_has_its_local_one_among_the_tags_and_it_is_said(tmp_path):
    written = write_camtrap_dp(ROWS, tmp_path, places=PLACES, **ABOUT | {"species_names": {}})

    first, _, third = read_table(tmp_path / "observations.csv")
    assert [one["scientificName"] for one in (first, third)] == ["", ""]
    assert "vernacularName:stoat" in first["observationTags"].split(" | ")
    assert json.loads((tmp_path / "datapackage.json").read_text(encoding="utf-8"))["taxonomic"] == []
    assert "2 species have no scientific name in the project's list" in written.problems[0]
    assert [label.species for label in read_labels(tmp_path).photos[0].labels] == ["stoat", "person"]


def test_times_of_a_deployment_that_nobody_gave_are_said_to_be_those_of_its_photos(tmp_path):
    written = write_camtrap_dp(ROWS, tmp_path, places={"north": Place(51.2, 5.6)}, **ABOUT)

    (deployment,) = read_table(tmp_path / "deployments.csv")
    assert deployment["deploymentStart"] == "2024-05-03T06:12:10+02:00"
    assert deployment["deploymentEnd"] == "2024-05-03T06:12:40+02:00"
    assert "the first and the last photo" in deployment["deploymentComments"]
    assert "Trapping effort depends on the true ones" in written.problems[0]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("red fox", "red fox"), "no scientific name of red fox"),
        (("fox", "vulpes vulpes"), "no scientific name"),
        (("fox", "Vulpes vulpes (Linnaeus, 1758)"), "no scientific name"),
        (("", "Vulpes vulpes"), "belongs to no species"),
        (("fox", "Vulpes vulpes", "english"), "three letters"),
    ],
)
def test_a_name_that_cannot_be_scientific_is_refused(names, said):
    with pytest.raises(AnomalureError, match=said):
        SpeciesName(*names)


@pytest.mark.parametrize(
    "name", ["Vulpes vulpes", "Vulpes", "Canis lupus familiaris", "Mustela sp.", "Equus × hemionus"]
)
def test_scientific_names_of_all_ranks_are_taken(name):
    assert SpeciesName("x", name).scientific == name


def test_a_detectors_confidence_is_not_how_sure_anybody_is_of_the_species(tmp_path):
    sure = row(crop_id="c9", photo_id="p9", file_name="north/ü 9.JPG", species_confidence=0.7, **UNDECIDED)

    write_camtrap_dp([*ROWS, sure], tmp_path, places=PLACES, **ABOUT)

    assert [one["classificationProbability"] for one in read_table(tmp_path / "observations.csv")] == [
        "",
        "",
        "",
        "0.7",
    ]


def test_an_anomaly_without_a_name_is_of_no_species_and_the_guess_has_a_column_of_its_own(tmp_path):
    """A flamingo that the model takes for a deer, accepted as an anomaly."""
    odd = {"verdict_species": "", "species": "", "most_like": "deer"}
    rows = [row(**odd), row(crop_id="c2", x=9.0, species="deer", most_like="deer", **UNDECIDED)]

    write_coco(rows, tmp_path / "coco.json")
    write_megadetector(rows, tmp_path / "md.json")
    write_camtrap_dp(rows, tmp_path / "dp", places=PLACES, **ABOUT)

    coco = json.loads((tmp_path / "coco.json").read_text(encoding="utf-8"))
    category = {one["id"]: one["name"] for one in coco["categories"]}
    said = [(category[one["category_id"]], one["anomalure"]["most_like"]) for one in coco["annotations"]]
    assert said == [("unknown", "deer"), ("deer", "deer")]
    detections = json.loads((tmp_path / "md.json").read_text(encoding="utf-8"))["images"][0]["detections"]
    assert "species" not in detections[0]["anomalure"]
    assert [one["anomalure"]["most_like"] for one in detections] == ["deer", "deer"]
    observed = read_table(tmp_path / "dp" / "observations.csv")[0]
    assert (observed["observationType"], observed["scientificName"]) == ("animal", "")
    assert "taken_for:deer" in observed["observationTags"]


@pytest.mark.parametrize(
    ("verdict", "named", "said"),
    [
        ("anomaly", "", ""),
        ("anomaly", "flamingo", "flamingo"),
        ("normal", "", "deer"),
        ("unsure", "", ""),
        ("", "", "deer"),
    ],
)
def test_the_species_is_what_a_person_said(verdict, named, said):
    assert say_species({"verdict": verdict, "verdict_species": named}, taken_for="deer") == said


def test_what_the_format_cannot_hold_is_counted(tmp_path):
    rows = [
        row(file_name="a..b.jpg", crop_id="c2", photo_id="p2"),
        row(file_name="no time.jpg", crop_id="c3", photo_id="p3", captured_at=pd.NaT),
        row(),
    ]

    written = write_camtrap_dp(rows, tmp_path, places=PLACES, **ABOUT)

    assert written.n_media == 1
    assert written.problems == (
        "1 photos whose path the format does not allow (the first: a..b.jpg)",
        "1 photos without a time, which the format demands (the first: no time.jpg)",
    )


@pytest.mark.parametrize(
    ("rows", "changes", "said"),
    [
        ([row(deployment="south")], {}, "south has no coordinates"),
        ([row(captured_at=None)], {}, "nothing that a Camtrap DP package can hold. 1 photos without a time"),
        ([row()], {"sampling_design": "guess"}, "sampling_design must be one of"),
    ],
)
def test_a_package_that_would_not_be_valid_is_not_written(tmp_path, rows, changes, said):
    with pytest.raises(AnomalureError, match=said):
        write_camtrap_dp(rows, tmp_path, places=PLACES, **ABOUT, **changes)

    assert not (tmp_path / "datapackage.json").exists()


@pytest.mark.parametrize(
    ("zone", "hour", "is_said"),
    [
        (ZoneInfo("Europe/Berlin"), 2, True),
        (ZoneInfo("Europe/Berlin"), 3, False),
        (timezone(timedelta(hours=1)), 2, False),
    ],
)
def test_a_time_that_no_clock_of_the_zone_shows_is_said(tmp_path, zone, hour, is_said):
    one = row(photo_id="p9", file_name="north/night.jpg", captured_at=datetime(2024, 3, 31, hour, 30))

    written = write_camtrap_dp([one], tmp_path, places=PLACES, **ABOUT | {"zone": zone})

    said = [line for line in written.problems if "skip in spring" in line]
    assert len(said) == is_said
    assert all(line.startswith("1 photos at an hour") and "north/night.jpg" in line for line in said)


@pytest.mark.parametrize(
    ("zone", "month", "hour", "is_said"),
    [
        (ZoneInfo("Europe/Berlin"), 10, 2, True),
        (ZoneInfo("Europe/Berlin"), 10, 3, False),
        (ZoneInfo("Europe/Berlin"), 3, 2, False),  # the hour that is skipped
        (timezone(timedelta(hours=1)), 10, 2, False),
    ],
)
def test_a_time_that_comes_twice_in_autumn_is_said(tmp_path, zone, month, hour, is_said):
    day = {3: 31, 10: 27}[month]
    one = row(photo_id="p9", file_name="north/night.jpg", captured_at=datetime(2024, month, day, hour, 30))

    written = write_camtrap_dp([one], tmp_path, places=PLACES, **ABOUT | {"zone": zone})

    said = [line for line in written.problems if "show twice in autumn" in line]
    assert len(said) == is_said
    assert all("written as the first" in line and "north/night.jpg" in line for line in said)


def test_given_times_of_a_deployment_are_kept(tmp_path):
    place = Place(
        51.2, 5.6, start=datetime(2024, 1, 1), end=datetime(2024, 12, 31, tzinfo=timezone(timedelta(hours=1)))
    )

    write_camtrap_dp(ROWS, tmp_path, places={"north": place}, **ABOUT)

    (deployment,) = read_table(tmp_path / "deployments.csv")
    assert deployment["deploymentStart"] == "2024-01-01T00:00:00+01:00"
    assert deployment["deploymentEnd"] == "2024-12-31T00:00:00+01:00"


@pytest.mark.parametrize(
    ("place", "start", "end"),
    [
        (Place(1, 2, start=datetime(2024, 1, 1, tzinfo=UTC)), "2024-01-01T00:00:00+00:00", "2024-05-03T06:12:40+02:00"),
        (Place(1, 2, end=datetime(2025, 1, 1, tzinfo=UTC)), "2024-05-03T06:12:10+02:00", "2025-01-01T00:00:00+00:00"),
        (Place(1, 2, start=datetime(2024, 1, 1)), "2024-01-01T00:00:00+01:00", "2024-05-03T06:12:40+02:00"),
    ],
)
def test_a_time_without_a_zone_stands_beside_times_with_one(tmp_path, place, start, end):
    with_zone = Place(3, 4, start=datetime(2024, 2, 1, tzinfo=UTC), end=datetime(2024, 9, 1))
    south = row(file_name="south/IMG_1.JPG", deployment="south", photo_id="p8", crop_id="c8")

    write_camtrap_dp([*ROWS, south], tmp_path, places={"north": place, "south": with_zone}, **ABOUT)

    first, second = read_table(tmp_path / "deployments.csv")
    assert (first["deploymentStart"], first["deploymentEnd"]) == (start, end)
    assert second["deploymentEnd"] == "2024-09-01T00:00:00+02:00"


def test_a_package_that_fails_leaves_the_earlier_one_as_it_was(tmp_path):
    write_camtrap_dp(ROWS, tmp_path / "package", places=PLACES, **ABOUT)
    before = {path.name: path.read_bytes() for path in (tmp_path / "package").iterdir()}
    more = [*ROWS, row(file_name="south/IMG_1.JPG", deployment="south")]

    with pytest.raises(AnomalureError, match="south has no coordinates"):
        write_camtrap_dp(more, tmp_path / "package", places=PLACES, **ABOUT)
    assert {path.name: path.read_bytes() for path in (tmp_path / "package").iterdir()} == before

    write_camtrap_dp(ROWS[:1], tmp_path / "package", places=PLACES, **ABOUT)
    assert len(read_table(tmp_path / "package" / "media.csv")) == 1
    assert sorted(path.name for path in (tmp_path / "package").iterdir()) == sorted(before)


def test_a_table_that_another_program_holds_open_leaves_the_earlier_package_as_it_was(tmp_path, monkeypatch):
    write_camtrap_dp(ROWS, tmp_path, places=PLACES, **ABOUT)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    rename = os.replace

    def held(source, target):
        if Path(source).name == "media.csv" and Path(source).parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "replace", held)

    with pytest.raises(AnomalureError, match=r"cannot be written: Permission denied\. What was there before"):
        write_camtrap_dp(ROWS[:1], tmp_path, places=PLACES, **ABOUT)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["-33.45_18.42", "+1", "=x", "@home", "'quoted'", "'-1"])
def test_names_in_a_package_are_as_they_are(tmp_path, name):
    path = f"{name}/IMG_1.JPG"
    write_camtrap_dp([row(deployment=name, file_name=path)], tmp_path, places={name: Place(1, 2)}, **ABOUT)

    (medium,) = read_table(tmp_path / "media.csv")
    assert (medium["deploymentID"], medium["filePath"]) == (name, path)
    assert read_table(tmp_path / "deployments.csv")[0]["deploymentID"] == name
    assert read_labels(tmp_path).photos[0].file_name == path


def test_a_package_of_an_earlier_version_is_read_without_its_apostrophes(tmp_path):
    write_camtrap_dp([row(deployment="-1", file_name="'-1/IMG_1.JPG")], tmp_path, places={"-1": Place(1, 2)}, **ABOUT)
    package = json.loads((tmp_path / "datapackage.json").read_text(encoding="utf-8"))
    del package["sources"]
    (tmp_path / "datapackage.json").write_text(json.dumps(package))

    assert read_labels(tmp_path).photos[0].file_name == "-1/IMG_1.JPG"


def test_a_table_for_excel_begins_with_the_mark_by_which_excel_knows_utf_8(tmp_path):
    write_csv([row(deployment="Süd")], tmp_path / "excel.csv", for_excel=True)
    write_csv([row(deployment="Süd")], tmp_path / "plain.csv")

    assert (tmp_path / "excel.csv").read_bytes() == b"\xef\xbb\xbf" + (tmp_path / "plain.csv").read_bytes()
    assert next(read_csv_rows(tmp_path / "excel.csv"))["deployment"] == "Süd"


def test_the_columns_are_those_of_a_real_package(shared_data, tmp_path):
    write_camtrap_dp(ROWS, tmp_path, places=PLACES, **ABOUT)

    for name in ("deployments", "media", "observations"):
        real = (shared_data / "formats" / "camtrap_dp" / f"{name}.csv").read_text(encoding="utf-8").partition("\n")[0]
        ours = (tmp_path / f"{name}.csv").read_text(encoding="utf-8").partition("\n")[0]
        assert ours == real.strip()
