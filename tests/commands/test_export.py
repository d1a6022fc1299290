"""``cli.py export``: what it writes, prints and refuses."""

import errno
import json
import pathlib
import zipfile

import pytest

import cli
from core.errors import NotNow
from core.formats.csv import read_csv_rows
from core.formats.recognise import read_labels
from core.records import Decision
from core.scenes.decisions import FILE, SceneDecision, keep_decision
from tests.fakes.project import make_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = make_project(tmp_path_factory.mktemp("made"), 6)
    rows = made.review_queue(flagged_only=False).rows
    made.save_verdicts([rows.iloc[0], rows.iloc[1]], Decision.ANOMALY, reviewer="Ada")
    return made


@pytest.fixture
def export(project, capsys):
    """A function that runs the command and gives its exit code and what it printed, as JSON."""

    def run(*options):
        code = cli.main(["export", "--project", str(project.path), "--json", *map(str, options)])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_by_default_it_writes_the_reviewed_anomalies(export, tmp_path):
    code, said = export("--out", tmp_path / "out.csv")

    assert (code, said["rows"], said["notes"]) == (0, 2, [])
    assert {row["verdict"] for row in read_csv_rows(tmp_path / "out.csv")} == {"anomaly"}


@pytest.mark.parametrize(("format", "photos"), [("coco", 6), ("megadetector", 6)])
def test_all_of_them_in_a_format_that_others_read(export, tmp_path, format, photos):
    code, said = export("--format", format, "--all", "--out", tmp_path / "out.json")

    assert (code, said["crops"]) == (0, 6)
    assert len(read_labels(tmp_path / "out.json").photos) == photos


def test_a_package_asks_for_places_once_and_keeps_them(export, tmp_path):
    code, said = export("--format", "camtrap-dp", "--out", tmp_path / "one")
    assert code == 1
    assert "--places" in said["error"]

    (tmp_path / "places.csv").write_text(
        "deployment,latitude,longitude,start\nnorth,1,2,2026-04-01T09:00\nsouth,3,4,\n"
    )
    code, said = export("--format", "camtrap-dp", "--out", tmp_path / "two", "--places", tmp_path / "places.csv")
    assert code == 1
    assert "--zone" in said["error"]

    (tmp_path / "names.csv").write_text("species,scientific_name,language\ndeer,Capreolus capreolus,eng\nfox,,\n")
    code, said = export(
        "--format",
        "camtrap-dp",
        "--out",
        tmp_path / "two",
        "--zone",
        "+02:00",
        "--species-names",
        tmp_path / "names.csv",
    )
    assert code == 0
    assert any("Trapping effort depends on the true ones" in note for note in said["notes"])
    assert "2026-04-01T09:00:00+02:00" in (tmp_path / "two" / "deployments.csv").read_text()
    code, _ = export("--format", "camtrap-dp", "--out", tmp_path / "three.zip", "--all")
    assert code == 0
    assert len(read_labels(tmp_path / "three.zip").photos) == 6
    assert "+02:00" in (tmp_path / "two" / "media.csv").read_text()
    with zipfile.ZipFile(tmp_path / "three.zip") as archive:
        assert ",Capreolus capreolus," in archive.read("observations.csv").decode()
        taxa = json.loads(archive.read("datapackage.json"))["taxonomic"]
    assert taxa == [{"scientificName": "Capreolus capreolus", "vernacularNames": {"eng": "deer"}}]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("name,latin\ndeer,Capreolus capreolus\n", "expected a CSV with the columns species and scientific_name"),
        ("species,scientific_name\ndeer,deer\n", "row 2: 'deer' is no scientific name of deer"),
        ("species,scientific_name\ndeer,Cervus elaphus\nDeer,Dama dama\n", "two scientific names"),
        ("species,scientific_name\ndeer,\n", "has no scientific name in it"),
    ],
)
def test_a_list_of_names_that_cannot_be_right_is_refused(export, tmp_path, table, said):
    (tmp_path / "names.csv").write_text(table)

    code, printed = export("--format", "camtrap-dp", "--out", tmp_path / "x", "--species-names", tmp_path / "names.csv")

    assert code == 1
    assert said in printed["error"]


def test_pictures_come_with_it(export, tmp_path):
    code, said = export("--out", tmp_path / "out.zip", "--pictures", "crops")

    assert (code, said["pictures_written"]) == (0, 2)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert len(archive.namelist()) == 3


@pytest.mark.parametrize(
    ("options", "exits_with", "said"),
    [
        (["--all", "--verdict", "normal"], 2, "not both"),
        (["--run", "no-such-run"], 1, "There is no run 'no-such-run'"),
        (["--selection", "none"], 1, "has no selection 'none'"),
        (["--from", "2026-02-01", "--to", "2026-01-01"], 2, "is after the last"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(export, tmp_path, options, exits_with, said):
    code, printed = export("--out", tmp_path / "out.csv", *options)

    assert code == exits_with
    assert said in printed["error"]
    assert not (tmp_path / "out.csv").exists()


def test_a_file_of_labels_is_written_in_another_format(export, tmp_path, shared_data):
    labels = shared_data / "formats" / "camtrap_dp"

    code, said = export("--labels", labels, "--format", "megadetector", "--out", tmp_path / "out.json")

    # In this format a photo without a box is an empty one. Most animals of the package have none.
    left_out = [note for note in said["notes"] if "photos with an animal that has no box" in note]
    assert (code, said["photos"], len(left_out)) == (0, 132, 1)
    assert len(read_labels(tmp_path / "out.json").photos) == 132
    code, said = export("--labels", labels, "--format", "coco", "--out", tmp_path / "coco.json")
    assert code == 1
    assert "need a run over the photos" in said["error"]


@pytest.mark.parametrize("options", [[], ["--out", "x", "--from", "May"], ["--out", "x", "--format", "xlsx"]])
def test_wrong_usage_is_refused(project, options):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["export", "--project", str(project.path), *options])
    assert stopped.value.code == 2


def test_photos_that_are_gone_are_said_by_the_exit_code(tmp_path, capsys):
    project = make_project(tmp_path, 3)
    (tmp_path / "photos" / "south" / "photo-001.jpg").unlink()

    code = cli.main(
        [
            "export",
            "--project",
            str(project.path),
            "--all",
            "--pictures",
            "photos",
            "--json",
            "--out",
            str(tmp_path / "out.zip"),
        ]
    )

    assert code == 3
    assert json.loads(capsys.readouterr().out)["pictures_missing"] == 1


@pytest.fixture
def read_only(project, monkeypatch):
    """Nothing can be made in the project's folder, as on a disk that is mounted so."""
    real = pathlib.Path.mkdir

    def refuse(path, *more, **how):
        if path.is_relative_to(project.path) and not path.exists():
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return real(path, *more, **how)

    monkeypatch.setattr(pathlib.Path, "mkdir", refuse)


def test_a_project_that_may_only_be_read_can_be_exported(export, read_only, tmp_path):
    code, said = export("--out", tmp_path / "out.csv", "--pictures", "crops")

    assert (code, said["rows"], said["pictures_written"]) == (0, 2, 2)
    assert len(list(read_csv_rows(tmp_path / "out.csv"))) == 2


def test_facts_for_a_project_that_may_only_be_read_hold_for_this_export(export, read_only, tmp_path, monkeypatch):
    def refuse(store, facts):
        raise NotNow("The project's database could not be written.")

    monkeypatch.setattr("core.export.package_facts.keep_facts", refuse)
    (tmp_path / "places.csv").write_text("deployment,latitude,longitude\nnorth,1,2\nsouth,3,4\n")
    facts = ("--places", tmp_path / "places.csv", "--zone", "UTC")

    code, said = export("--format", "camtrap-dp", "--all", "--out", tmp_path / "package", *facts)

    assert (code, said["crops"]) == (0, 6)
    assert read_labels(tmp_path / "package").format_name == "Camtrap DP"


def test_what_was_decided_about_missing_classes_has_no_crop_and_is_written_by_a_command_that_is_named(
    project, export, tmp_path, capsys
):
    run = project.latest_run().run_id
    keep_decision(project.path, SceneDecision(run=run, scene="north/1", missing="owl", verdict="anomaly"))

    _, said = export("--out", tmp_path / "out.csv")
    (note,) = said["notes"]
    words = note.partition("python cli.py ")[2].partition(" writes")[0].replace("missing.csv", str(tmp_path / "m.csv"))
    code = cli.main([*words.split(), "--project", str(project.path)])

    assert note.startswith("1 decision about a class that is missing from an event is not in it")
    assert code == 0
    assert [(row["scene"], row["missing"], row["verdict"]) for row in read_csv_rows(tmp_path / "m.csv")] == [
        ("north/1", "owl", "anomaly")
    ]
    (project.path / FILE).unlink()
