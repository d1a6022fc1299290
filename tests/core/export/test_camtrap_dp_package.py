"""A Camtrap DP package of ours is valid by the standard's rules, checked by the frictionless library, offline."""

import csv
import json
from dataclasses import astuple, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.export.choice import ExportChoice
from core.export.files import add_scientific, write_export
from core.export.package_facts import PackageFacts, read_places, read_zone
from core.formats.camtrap_dp.writer import Place, write_camtrap_dp
from core.formats.recognise import read_labels
from core.formats.species_names import SpeciesName, name_each
from core.labels.rows import rows_from_labels
from core.records import Decision
from core.store.people import People
from tests.fakes.camtrap_dp_schemas import table_schema
from tests.fakes.project import make_project

frictionless = pytest.importorskip("frictionless", reason="frictionless is not installed")
FACTS = PackageFacts(
    title="A season",
    contributor="Ada",
    zone="Europe/Berlin",
    places={"north": Place(51.5, -3.25), "south": Place(-10, 20)},
    species_names=name_each(
        [SpeciesName("Mustela erminea", "Mustela erminea"), SpeciesName("badger", "Meles meles", "eng")]
    ),
)


def find_faults(folder: Path) -> list[str]:
    """What frictionless finds wrong; the rules are ours to give, as the package names them by an address."""
    content = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    tables = [
        {"name": one["name"], "path": one["path"], "encoding": "utf-8", "schema": table_schema(one["name"])}
        for one in content["resources"]
        if "path" in one
    ]
    package = frictionless.Package.from_descriptor({"name": "x", "resources": tables}, basepath=str(folder))
    return [error.message for task in package.validate().tasks for error in task.errors]


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """Every crop of a run: decided ones, undecided ones and empty frames."""
    folder = tmp_path_factory.mktemp("package")
    project = make_project(folder, 12)
    rows = project.review_queue(flagged_only=False).rows
    project.save_verdict(rows.iloc[0], Decision.ANOMALY, reviewer="Ada", species="Mustela erminea", note="=A1; white")
    project.save_verdict(rows.iloc[1], Decision.ANOMALY, reviewer="Ada")
    project.save_verdict(rows.iloc[2], Decision.NORMAL, reviewer="Bo")
    project.save_verdict(rows.iloc[4], Decision.UNSURE, reviewer="Bo")
    project.save_verdict(rows.iloc[3], Decision.NORMAL, reviewer="Bo", species="human")
    choice = ExportChoice(verdicts=(), people=People.INCLUDE)
    write_export(project, choice, folder / "package", format="camtrap-dp", facts=FACTS)
    return folder / "package"


def test_the_rules_take_a_real_package_and_refuse_a_broken_one(shared_data, tmp_path):
    assert find_faults(shared_data / "formats" / "camtrap_dp") == []
    for path in (shared_data / "formats" / "camtrap_dp").glob("*.*"):
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace(",animal,", ",beast,").replace("51.496", "951.496"))
    assert len(find_faults(tmp_path)) > 300


def test_the_package_is_valid(package):
    assert find_faults(package) == []


def test_its_description_has_what_the_profile_demands(package):
    content = json.loads((package / "datapackage.json").read_text(encoding="utf-8"))

    assert content["profile"].endswith("/1.0.2/camtrap-dp-profile.json")
    assert [one["name"] for one in content["resources"]] == ["deployments", "media", "observations"]
    for one in content["resources"]:
        assert one["schema"].endswith(f"/1.0.2/{one['name']}-table-schema.json")
        assert one["profile"] == "tabular-data-resource"
    assert content["contributors"] == [{"title": "Ada", "role": "contributor"}]
    assert set(content) >= {"name", "created", "project", "spatial", "temporal", "taxonomic"}
    assert set(content["project"]) >= {
        "title",
        "samplingDesign",
        "captureMethod",
        "individualAnimals",
        "observationLevel",
    }


def test_whole_bursts_are_in_it_empties_too(package):
    media, observations = read(package, "media"), read(package, "observations")
    assert len(media) == len(observations) == 12
    assert {row["mediaID"] for row in media} == {row["mediaID"] for row in observations}
    assert {row["eventID"] for row in observations} == {f"event-{n}" for n in range(6)}


def test_it_says_who_classified_what_how_when_and_how_surely(package):
    rows = {row["mediaID"]: row for row in read(package, "observations")}
    names = {row["fileName"]: row["mediaID"] for row in read(package, "media")}
    said = [
        tuple(
            rows[names[f"photo-{n:03d}.jpg"]][column]
            for column in (
                "observationType",
                "scientificName",
                "classificationMethod",
                "classifiedBy",
                "classificationProbability",
            )
        )
        for n in range(7)
    ]

    assert said == [
        ("animal", "Mustela erminea", "human", "Ada", ""),
        ("animal", "", "human", "Ada", ""),  # called odd, and nobody said what it is
        ("animal", "Meles meles", "human", "Bo", ""),
        ("human", "", "human", "Bo", ""),
        ("unclassified", "", "human", "Bo", ""),  # a whole frame, and a doubtful one
        ("animal", "Meles meles", "machine", "fake detector", ""),  # how sure the detector is of the box is no sureness
        ("animal", "", "machine", "fake detector", ""),  # a deer, which the list does not have
    ]
    stamps = [rows[names[f"photo-{n:03d}.jpg"]]["classificationTimestamp"] for n in (0, 6)]
    assert stamps[0].endswith("+00:00")
    assert stamps[1] == ""


def test_a_real_package_loses_nothing_when_it_is_read_and_written_again(shared_data, tmp_path):
    real = shared_data / "formats" / "camtrap_dp"
    before = read_labels(real)

    written = write_camtrap_dp(
        rows_from_labels(before),
        tmp_path,
        species_names=add_scientific(PackageFacts(), before).species_names,
        places=read_places(real),
        zone=read_zone("+02:00"),
        title="Again",
        contributor="Ada",
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )

    assert (written.n_media, written.problems) == (423, ())
    assert find_faults(tmp_path) == []
    after = {photo.file_name: photo for photo in read_labels(tmp_path).photos}
    assert len(after) == len(before.photos)
    for photo in before.photos:
        assert replace(photo, labels=(), other_names=()) == replace(after[photo.file_name], labels=(), other_names=())
        assert sorted(map(describe, photo.labels)) == sorted(map(describe, after[photo.file_name].labels))
    ours, theirs = (
        {
            row["deploymentID"]: (
                float(row["latitude"]),
                float(row["longitude"]),
                row["deploymentStart"],
                row["deploymentEnd"],
            )
            for row in read(folder, "deployments")
        }
        for folder in (tmp_path, real)
    )
    assert ours == theirs


def describe(label):
    """A label as a tuple that can be sorted; boxes to seven digits, as a package has them."""
    box = () if label.box is None else tuple(round(value, 7) for value in astuple(label.box))
    return (label.species, label.detector_class, label.confidence or 0, label.species_confidence or 0, box)


def test_a_note_that_a_spreadsheet_would_run_is_escaped(package):
    assert "'=A1; white" in {row["observationComments"] for row in read(package, "observations")}
