"""What goes into an export, and that what was written is read back with the same rows."""

import json
import platform
import re
import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cli
from core.errors import AnomalureError
from core.export.choice import Export, ExportChoice
from core.export.files import write_export
from core.export.jobs import ExportJob, find_job, list_jobs, make_request
from core.export.package_facts import PackageFacts, keep_facts, read_facts, read_places, read_zone
from core.export.pictures import Pictures, make_safe, make_safe_file
from core.formats.camtrap_dp.writer import Place
from core.formats.csv import read_csv_rows
from core.formats.exported import EXPORT_COLUMNS, GUESS_COLUMNS, MOST_LIKE_COLUMN
from core.formats.recognise import read_labels
from core.photos.blurring import blur_boxes
from core.records import Box, Decision
from core.review.filters import QueueFilters
from core.store.people import People, find_people, keep_people_classes, read_people_classes
from core.study.project import Project
from core.work.folder import Status
from core.work.meter import Cancelled
from models.jobs import registry
from tests.fakes.project import add_run, make_project

EVERY = ExportChoice(verdicts=())
FACTS = PackageFacts(places={"north": Place(51.5, -3.25), "south": Place(-10, 20)}, zone="+02:00")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Project:
    """Twelve crops of two cameras; 0 and 3 are anomalies (Ada), 1 is normal (Bo), 2 a stoat (Bo), with notes that a
    spreadsheet would run. Only for looking."""
    project = make_project(tmp_path_factory.mktemp("made"), 12)
    rows = project.review_queue(flagged_only=False).rows
    project.save_verdicts([rows.iloc[0], rows.iloc[3]], Decision.ANOMALY, reviewer="Ada", note="=1+1")
    project.save_verdict(rows.iloc[1], Decision.NORMAL, reviewer="Bo")
    project.save_verdict(rows.iloc[2], Decision.ANOMALY, reviewer="Bo", species="stoat", note="'+x")
    return project


@pytest.fixture
def people(tmp_path) -> Project:
    """Twelve crops taken for animal, person and vehicle in turn; every fifth is a whole frame."""
    project = Project(tmp_path / "project")
    add_run(project, tmp_path / "photos", n=12, classes=("animal", "person", "vehicle"))
    return project


def ids(project: Project, **choice) -> set[str]:
    with Export(project, ExportChoice(**choice)) as export:
        rows = list(export.rows(by_photo=True))
        assert export.count().n_crops == len(rows)
        return {Path(row["file_name"]).stem.removeprefix("photo-") for row in rows}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, {"000", "002", "003"}),
        ({"verdicts": ("normal",)}, {"001"}),
        ({"verdicts": ("normal", "anomaly"), "reviewers": ("Bo",)}, {"001", "002"}),
        ({"verdicts": ("undecided",), "cameras": ("south",), "flagged_only": True}, set()),
        ({"verdicts": ("undecided",), "cameras": ("south",)}, {"005", "007", "009", "011"}),
        ({"species": ("stoat",)}, {"002"}),
        ({"species": (" Stoat",)}, {"002"}),  # one species, whatever its capitals and blanks
        ({"species": ("badger",)}, set()),  # the crop was taken for a badger, but a reviewer called it a stoat
        ({"from_day": date(2026, 5, 1), "to_day": date(2026, 5, 1)}, {"000", "002", "003"}),
        ({"to_day": date(2026, 4, 30)}, set()),
        ({"species": ("stoat",), "whole_events": True}, {"002", "003"}),
        ({"verdicts": (), "flagged_only": True}, {"000", "001", "002", "003"}),
    ],
)
def test_an_export_holds_what_its_filters_say(made, choice, expected):
    assert ids(made, **choice) == expected


def test_a_selection_of_the_explore_page_can_be_exported(tmp_path):
    project = make_project(tmp_path, 6)
    run = project.latest_run()
    crops = project.review_queue(flagged_only=False).rows["crop_id"].tolist()
    project.save_selection("odd ones", run.run_id, crops[4:], source="a test")

    assert ids(project, verdicts=(), selection="odd ones") == {"004", "005"}
    with pytest.raises(AnomalureError, match=r"no selection 'even ones'; it has: odd ones"):
        ids(project, selection="even ones")


@pytest.mark.parametrize(
    "choice", [{"verdicts": ("perhaps",)}, {"from_day": date(2026, 2, 1), "to_day": date(2026, 1, 1)}]
)
def test_a_choice_that_makes_no_sense_is_refused(choice):
    with pytest.raises(AnomalureError):
        ExportChoice(**choice)


def test_a_verdict_of_an_earlier_run_is_exported_with_the_later_one(tmp_path):
    project = make_project(tmp_path, 6)
    project.save_verdict(project.review_queue().rows.iloc[0], Decision.ANOMALY, reviewer="Ada")
    add_run(project, tmp_path / "photos", n=6, name="later", shift_px=2.0)

    assert ids(project, run="later") == {"000"}
    queue = project.review_queue("later", flagged_only=False).rows
    with Export(project, ExportChoice(run="later", verdicts=())) as export:
        rows = {row["crop_id"]: row for row in export.rows(by_photo=False)}
    assert {row["crop_id"]: row["verdict"] for row in queue.to_dict("records")} == {
        crop_id: row["verdict"] for crop_id, row in rows.items()
    }


# The same rows, read back


def test_the_csv_has_every_column_and_the_texts_as_they_were(made, tmp_path):
    report = write_export(made, ExportChoice(), tmp_path / "out.csv")

    rows = list(read_csv_rows(tmp_path / "out.csv"))
    assert report.n_rows == len(rows) == 3
    assert tuple(rows[0]) == (*EXPORT_COLUMNS, *GUESS_COLUMNS, MOST_LIKE_COLUMN)
    assert [row["note"] for row in rows] == ["=1+1", "'+x", "=1+1"]
    assert [float(row["score"]) for row in rows] == [12.0, 10.0, 9.0]  # most anomalous first
    text = (tmp_path / "out.csv").read_text()
    assert not re.search(r"(^|[,\"])[=+@-]", text, re.MULTILINE)


@pytest.mark.parametrize("format", ["coco", "megadetector", "camtrap-dp"])
@pytest.mark.parametrize("zipped", [False, True])
def test_each_format_gives_the_same_boxes_and_photos_when_read_back(made, tmp_path, format, zipped):
    out = tmp_path / ("out.zip" if zipped else "package" if format == "camtrap-dp" else "out.json")

    write_export(made, EVERY, out, format=format, facts=FACTS)

    if zipped and format != "camtrap-dp":
        with zipfile.ZipFile(out) as archive:
            archive.extractall(tmp_path / "unpacked")
        (out,) = (tmp_path / "unpacked").iterdir()
    file = read_labels(out)
    assert file.problems == ()
    with Export(made, EVERY) as export:
        rows = list(export.rows(by_photo=True))
    expected = {row["file_name"]: row for row in rows}
    assert {photo.file_name for photo in file.photos} == set(expected)
    for photo in file.photos:
        row = expected[photo.file_name]
        if format != "megadetector":
            assert (photo.captured_at, photo.deployment, photo.event_id) == (
                row["captured_at"],
                row["deployment"],
                row["event_id"],
            )
        boxes = [photo.box_px(label.box, width_px=96, height_px=64) for label in photo.labels if label.box]
        assert len(boxes) == (row["kind"] == "detection")
        for box in boxes:
            assert [box.x, box.y, box.width, box.height] == pytest.approx(
                [row["x"], row["y"], row["width"], row["height"]], abs=1e-4
            )
        if row["verdict_species"]:
            assert [label.species for label in photo.labels] == [row["verdict_species"]]


def test_a_package_with_its_photos_names_them_as_they_lie_in_it(made, tmp_path):
    write_export(made, ExportChoice(), tmp_path / "out.zip", format="camtrap-dp", facts=FACTS, pictures=Pictures.PHOTOS)

    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
    assert {photo.file_name for photo in read_labels(tmp_path / "out.zip").photos} == {
        name for name in names if name.startswith("photos/")
    }


def test_a_package_without_the_places_of_its_cameras_is_refused_with_what_to_do(made, tmp_path):
    with pytest.raises(AnomalureError, match=r"1 camera has none: south\. Give them on the Export page, or with"):
        write_export(
            made,
            ExportChoice(),
            tmp_path / "package",
            format="camtrap-dp",
            facts=PackageFacts(places={"north": Place(1, 2)}),
        )
    assert not (tmp_path / "package").exists()


# Pictures


def test_crops_and_the_table_that_names_them_go_into_one_zip(made, tmp_path):
    report = write_export(made, ExportChoice(), tmp_path / "out.zip", pictures=Pictures.CROPS)

    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    rows = list(read_csv_rows(tmp_path / "unpacked" / "crops.csv"))
    assert report.pictures.n_written == len(rows) == 3
    for row in rows:
        taken = made.crop_path(row["crop_id"])
        assert (tmp_path / "unpacked" / row["picture"]).read_bytes() == taken.read_bytes()
    assert any(row["picture"].startswith("crops/stoat/") for row in rows)


def test_photos_beside_a_file_keep_their_folders_and_their_bytes(made, tmp_path):
    report = write_export(made, ExportChoice(), tmp_path / "out.json", format="coco", pictures=Pictures.PHOTOS)

    assert report.pictures_path == tmp_path / "out-photos.zip"
    with zipfile.ZipFile(report.pictures_path) as archive:
        content = archive.read("photos/north/photo-000.jpg")
    assert content == (Path(made.latest_run().info.folder) / "north" / "photo-000.jpg").read_bytes()


def test_photos_that_are_gone_are_counted_and_the_rest_is_written(tmp_path):
    project = make_project(tmp_path, 6)
    (tmp_path / "photos" / "north" / "photo-002.jpg").unlink()

    report = write_export(project, EVERY, tmp_path / "out.zip", pictures=Pictures.PHOTOS)

    assert (report.pictures.n_written, len(report.pictures.missing)) == (5, 1)
    assert any("1 picture could not be read" in said for said in report.problems)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        table = archive.read("crops.csv").decode().splitlines()
    assert sum("photos/" in line for line in table) == 5


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("IMG_1.JPG", "IMG_1.JPG"),
        ("a:b?.jpg", "a_b_.jpg"),
        ("..", "_"),
        ("", "_"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("=1+1.jpg", "1+1.jpg"),
        ("-rf", "rf"),
        ("~x", "x"),
        ("ü 2.JPG", "ü 2.JPG"),
        ("a\nb", "a_b"),
        ("dot. ", "dot"),
        ("x" * 300, "x" * 80),
        ("山" * 300, "山" * 66),
        ("..\\..\\x", "_.._x"),
        ("\u202egpj.exe", "gpj.exe"),
    ],
)
def test_names_in_a_zip_are_safe_on_every_system(name, safe):
    assert make_safe(name) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("x" * 300 + ".JPG", "x" * 76 + ".JPG"),
        ("IMG_1.JPG", "IMG_1.JPG"),
        ("a.b" * 40 + ".tiff", ("a.b" * 40)[:75] + ".tiff"),
        ("山" * 90 + ".jpg", "山" * 66 + ".jpg"),
        ("no ending " * 20, ("no ending " * 20)[:79]),
        ("x." + "y" * 100, "x." + "y" * 78),
    ],
)
def test_a_long_file_name_is_shortened_before_its_ending(name, safe):
    assert make_safe_file(name) == safe
    assert len(f"{safe}-123456789012".encode()) < 255


# Files that are whole or not there


@pytest.mark.parametrize("pictures", [None, Pictures.CROPS])
def test_a_folder_that_is_not_there_is_said(made, tmp_path, pictures):
    with pytest.raises(AnomalureError, match="cannot be written"):
        write_export(made, EVERY, tmp_path / "nowhere" / "out.csv", pictures=pictures)


def test_a_package_does_not_go_into_a_folder_with_other_things(made, tmp_path):
    (tmp_path / "thesis.docx").write_text("chapter 1")
    with pytest.raises(AnomalureError, match="holds other files"):
        write_export(made, EVERY, tmp_path, format="camtrap-dp", facts=FACTS)


# People


def test_people_are_left_out_unless_asked_for_and_counted(people):
    with Export(people, EVERY) as export:
        assert {row["detector_class"] for row in export.rows(by_photo=True)} == {"animal", ""}
        left_out = export.count().n_people
    with Export(people, ExportChoice(verdicts=(), people=People.INCLUDE)) as export:
        shown = [row for row in export.rows(by_photo=True) if row["detector_class"] in ("person", "vehicle")]
    assert left_out == len(shown) == 7


def test_what_a_reviewer_says_counts_more_than_the_detector(people):
    rows = people.review_queue(flagged_only=False, with_people=True).rows
    person = rows[rows["detector_class"] == "person"].iloc[0]
    animal = rows[rows["detector_class"] == "animal"].iloc[0]
    people.save_verdict(person, Decision.ANOMALY, species="scarecrow")
    people.save_verdict(animal, Decision.NORMAL, species="human")

    with Export(people, EVERY) as export:
        exported = {row["crop_id"] for row in export.rows(by_photo=True)}
    assert person["crop_id"] in exported
    assert animal["crop_id"] not in exported


def test_people_are_not_in_the_review_unless_asked_for(people):
    assert set(people.review_queue(flagged_only=False).rows["detector_class"]) == {"animal", ""}
    everybody = people.review_queue(flagged_only=False, with_people=True)
    assert everybody.total == 12
    index = people.review_index(people.latest_run())
    assert index.count_people(QueueFilters(flagged_only=False)) == 7

    person = everybody.rows[everybody.rows["detector_class"] == "person"].iloc[0]
    people.save_verdict(person, Decision.NORMAL, species="scarecrow")
    assert people.review_queue(flagged_only=False).total == 6
    keep_people_classes(people.store, ["animal"])
    people.forget_indexes()
    assert set(people.review_queue(flagged_only=False).rows["detector_class"]) == {"person", "vehicle", ""}


def test_the_project_says_which_classes_are_people(people):
    assert keep_people_classes(people.store, [" Vehicle ", "dog's owner", ""]) == ("vehicle", "dog's owner")
    assert read_people_classes(people.store) == ("vehicle", "dog's owner")
    with Export(people, EVERY) as export:
        assert {row["detector_class"] for row in export.rows(by_photo=True)} == {"animal", "person", ""}
    keep_people_classes(people.store, [])
    with Export(people, EVERY) as export:
        assert export.count().n_people == 0


def test_people_are_found_in_memory_as_in_the_database():
    found = find_people(
        ["person", "Car", "animal", "person", "", "animal"],
        ["", "", "", "deer", "", "human"],
        classes=("person", "car", "human"),
    )
    assert found.tolist() == [True, True, False, False, False, True]


def test_photos_that_show_people_stay_out_or_are_blurred(people, tmp_path):
    left_out = write_export(people, EVERY, tmp_path / "a.zip", pictures=Pictures.PHOTOS)
    assert left_out.pictures.n_written == 5
    assert any("7 crops of people or vehicles are left out" in said for said in left_out.problems)

    blurred = write_export(
        people, ExportChoice(verdicts=(), people=People.BLUR), tmp_path / "b.zip", pictures=Pictures.PHOTOS
    )
    assert (blurred.pictures.n_written, blurred.pictures.n_blurred) == (12, 7)
    name = "photos/south/photo-001.jpg"  # a person
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        after = np.asarray(Image.open(BytesIO(archive.read(name)))).astype(int)
    before = np.asarray(Image.open(tmp_path / "photos" / "south" / "photo-001.jpg")).astype(int)
    assert abs(after - before)[:10].max() < 12  # outside of the box it is as it was
    assert abs(after - before)[20:50, 30:70].max() > 20


def test_a_blurred_box_keeps_nothing_of_what_it_showed():
    pixels = np.random.default_rng(1).integers(0, 256, (80, 120, 3), dtype=np.uint8)
    before = pixels.copy()

    blurred = blur_boxes(pixels, [Box(20, 10, 50, 60), Box(-10, -10, 5, 5), Box(500, 0, 10, 10)])

    assert (pixels == before).all()
    inside = blurred[15:65, 25:65].astype(int)
    assert abs(np.diff(inside, axis=0)).max() < 20  # neighbours differ by up to 255 before
    assert (blurred[:, 90:] == pixels[:, 90:]).all()


# Exports that are kept for download


def ask(project: Project, choice: ExportChoice, **more) -> ExportJob:
    return registry.ask(project, make_request(project, choice, **more))


def do(project: Project, job: ExportJob) -> dict:
    return registry.do(project, f"exports/{job.name}")


def test_an_export_that_was_made_is_found_again_with_its_file(made):
    job = ask(made, ExportChoice(reviewers=("Ada",), from_day=date(2026, 5, 1)), format="csv")
    assert (job.status, job.file) == (Status.RUNNING, None)

    do(made, job)

    found = find_job(made.path, job.name)
    assert found.request == job.request
    assert (found.status, found.file.suffix) == (Status.DONE, ".csv")
    assert len(list(read_csv_rows(found.file))) == found.read_result()["rows"] == 2
    assert [one.name for one in list_jobs(made.path)] == [job.name]
    found.delete()
    assert list(list_jobs(made.path)) == []


def test_an_export_that_fails_or_is_stopped_says_so(made):
    job = ask(made, EVERY, format="camtrap-dp")
    with pytest.raises(AnomalureError):
        do(made, job)
    assert job.status is Status.FAILED
    assert "coordinates" in job.read_progress().message

    stopped = ask(made, EVERY, format="csv")
    stopped.request_cancel()
    with pytest.raises(Cancelled):
        do(made, stopped)
    assert (stopped.status, stopped.file) == (Status.CANCELLED, None)
    for one in (job, stopped):
        one.delete()


def test_an_export_that_an_earlier_version_asked_for_is_read_and_its_interrupted_work_resumed(made):
    job = ask(made, ExportChoice(reviewers=("Ada",)), format="csv")
    values = json.loads((job.path / "request.json").read_text())
    for name in ("kind", "name", "code_version", "out"):
        del values[name]
    (job.path / "request.json").write_text(json.dumps(values))
    gone = {"phase": "photos", "done": 1, "total": 2, "pid": 2**22 + 1, "host": platform.node()}
    (job.path / "progress.json").write_text(json.dumps(gone))
    assert job.status is Status.INTERRUPTED

    registry.resume_at_once(made, f"exports/{job.name}")

    assert job.status is Status.DONE
    assert len(list(read_csv_rows(job.file))) == job.read_result()["rows"]
    job.delete()


def test_an_export_by_the_command_goes_where_it_is_told_and_leaves_no_record(made, tmp_path, capsys):
    out = tmp_path / "crops.csv"

    assert cli.main(["export", "--project", str(made.path), "--out", str(out), "--all", "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["rows"] == len(list(read_csv_rows(out)))
    assert list(list_jobs(made.path)) == []


def test_the_option_of_the_version_before_still_does_an_export_that_is_asked_for(made, capsys):
    job = ask(made, ExportChoice(reviewers=("Ada",)), format="csv")

    assert cli.main(["export", "--project", str(made.path), "--job", job.name, "--json"]) == 0

    assert job.file.is_file()
    job.delete()


@pytest.mark.parametrize("job_id", ["", "..", "../runs", "20260101-000000-zzzzzzzz", "20260101-000000-abcdef01"])
def test_an_id_that_no_export_has_finds_nothing(made, job_id):
    assert find_job(made.path, job_id) is None


# What a package says of itself


def test_places_are_read_from_a_table_or_a_package_and_kept(made, tmp_path, shared_data):
    (tmp_path / "places.csv").write_text("Deployment;Latitude;Longitude\nnorth;51,5;-3.25\n'=x;1;2\nnowhere;;\n")
    assert read_places(tmp_path / "places.csv") == {"north": Place(51.5, -3.25), "=x": Place(1, 2)}
    real = read_places(shared_data / "formats" / "camtrap_dp")
    assert [place.start is not None for place in real.values()] == [True] * 4

    keep_facts(made.store, PackageFacts(title="T", places=real))
    assert read_facts(made.store) == PackageFacts(title="T", places=real)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("deployment,latitude,longitude\nnorth,91,0\n", "north must be a latitude from -90 to 90"),
        ("deployment,latitude,longitude\nnorth,51,\n", "got 51 and nothing"),
        ("deployment,latitude,longitude\nnorth,here,there\n", "got here and there"),
        ("camera,lat\nnorth,51\n", "expected a CSV with the columns deployment, latitude and longitude"),
    ],
)
def test_places_that_are_nowhere_are_said(tmp_path, table, said):
    (tmp_path / "places.csv").write_text(table)
    with pytest.raises(AnomalureError, match=said):
        read_places(tmp_path / "places.csv")


def test_zones_are_offsets_or_names():
    assert [read_zone(text).utcoffset(None).total_seconds() / 3600 for text in ("+02:00", "-3:30", "Z", "+1")] == [
        2,
        -3.5,
        0,
        1,
    ]
    assert read_zone("Europe/Berlin").key == "Europe/Berlin"
    for wrong in ("two", "+x", "Mars/Olympus", "+99:00"):
        with pytest.raises(AnomalureError, match="zone of the cameras' clock"):
            PackageFacts(zone=wrong)


def test_a_megadetector_file_says_what_found_the_boxes(made, tmp_path):
    write_export(made, EVERY, tmp_path / "out.json", format="megadetector")

    content = json.loads((tmp_path / "out.json").read_text())
    assert content["info"]["detector"] == "fake detector"
    assert set(content["info"]) >= {"format_version", "detection_completion_time"}
    assert content["classification_categories"] == {"0": "stoat"}
