"""What one notices on the Export page."""

import json
import platform
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.export.jobs import list_jobs
from core.export.package_facts import PackageFacts, keep_facts
from core.export.pictures import Pictures
from core.formats.camtrap_dp.writer import Place
from core.formats.csv import read_csv_rows
from core.records import Decision
from core.scenes.decisions import SceneDecision, keep_decision
from core.store.people import People, keep_people_classes, read_people_classes
from core.study.project import Project
from core.work.folder import Status
from core.work.meter import Cancelled
from models.jobs import registry
from tests.fakes.project import make_project
from ui.shared.state import Key

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "export.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Six crops, two of them anomalies."""
    made = make_project(tmp_path, 6)
    rows = made.review_queue(flagged_only=False).rows
    made.save_verdicts([rows.iloc[0], rows.iloc[1]], Decision.ANOMALY, reviewer="Ada")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    return page


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def said(page: AppTest) -> str:
    kinds = (page.info, page.warning, page.error, page.caption)
    return " ".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def test_the_count_stands_there_before_anything_is_made(project):
    page = open_page()

    assert figures(page) == {"Crops": "2", "Photos": "2", "Events": "1"}
    assert len(page.dataframe[0].value) == 2
    assert page.button(key="make-export").label == "Make CSV table of 2 crops"
    assert list(list_jobs(project.path)) == []


def test_a_small_export_is_there_at_once_and_can_be_removed(project):
    page = open_page()
    page.button(key="make-export").click().run()

    (job,) = list_jobs(project.path)
    assert job.status is Status.DONE
    assert len(list(read_csv_rows(job.file))) == 2
    assert job.file.name in page.get("markdown")[-1].value.replace("\\", "")
    beside_the_button, in_the_list = page.get("link_button")
    assert beside_the_button.proto.url == in_the_list.proto.url == f"/exports/{job.name}"
    page.checkbox(key=Key.EXPORT_EVENTS).check().run()
    assert len(page.get("link_button")) == 1, "something else is asked for now"

    page.button(key=f"remove-{job.name}").click().run()
    assert list(list_jobs(project.path)) == []


def test_filters_change_the_count(project):
    page = open_page()
    page.multiselect(key=Key.EXPORT_VERDICTS).set_value([]).run()
    assert figures(page)["Crops"] == "6"
    page.multiselect(key=Key.EXPORT_CAMERAS).set_value(["north"]).run()
    assert figures(page)["Crops"] == "3"
    page.multiselect(key=Key.EXPORT_SPECIES).set_value(["badger"]).run()
    assert figures(page)["Crops"] == "1"


def test_nothing_to_export_says_what_to_do(project):
    page = open_page()
    page.multiselect(key=Key.EXPORT_VERDICTS).set_value(["unsure"]).run()

    assert "Nothing matches" in said(page)
    assert page.button(key="make-export").disabled


def test_people_are_left_out_and_counted_until_asked_for(project):
    keep_people_classes(project.store, ["animal"])
    page = open_page()
    page.multiselect(key=Key.EXPORT_VERDICTS).set_value([]).run()
    assert "5 crops of people or vehicles are left out" in said(page)
    assert figures(page)["Crops"] == "1"

    page.segmented_control(key=Key.EXPORT_PEOPLE).set_value(People.INCLUDE).run()
    assert figures(page)["Crops"] == "6"
    assert "5 crops of people or vehicles are in it, not blurred" in said(page)


def test_what_counts_as_people_can_be_changed(project):
    page = open_page()
    page.text_input(key=Key.PEOPLE_CLASSES).set_value("Animal, drone").run()
    assert read_people_classes(project.store) == ("animal", "drone")
    assert "2 crops of people or vehicles are left out" in said(page)


def test_a_package_asks_where_the_cameras_stood(project):
    page = open_page()
    page.pills(key=Key.EXPORT_FORMAT).set_value("camtrap-dp").run()
    assert "2 cameras without coordinates, which Camtrap DP demands: north, south." in said(page)
    assert page.button(key="make-export").disabled

    keep_facts(project.store, PackageFacts(places={"north": Place(1, 2), "south": Place(3, 4)}))
    page.run()
    assert "the zone of the cameras' clocks, and nobody has said it yet" in said(page)
    assert page.button(key="make-export").disabled
    page.text_input(key=Key.EXPORT_ZONE).set_value("Mars").run()
    assert "zone of the cameras" in said(page)
    page.text_input(key=Key.EXPORT_ZONE).set_value("+02:00").run()
    page.button(key="make-export").click().run()
    (job,) = list_jobs(project.path)
    assert (job.status, job.file.suffix) == (Status.DONE, ".zip")


def test_an_export_with_pictures_goes_on_in_a_process_of_its_own(project, monkeypatch):
    monkeypatch.setattr("ui.work.start.start", registry.ask)
    page = open_page()
    page.segmented_control(key=Key.EXPORT_PICTURES).set_value("Crops").run()
    page.button(key="make-export").click().run()

    (job,) = list_jobs(project.path)
    assert job.request.pictures is Pictures.CROPS
    assert "0 of 0 rows and pictures" in page.get("progress")[0].proto.text
    page.button(key=f"cancel-{job.name}").click().run()
    with pytest.raises(Cancelled):
        registry.do(project, f"exports/{job.name}")
    page.run()
    assert "Stopped; nothing was kept." in said(page)


def test_an_export_whose_process_went_away_can_be_tried_again(project, monkeypatch):
    resumed = []
    monkeypatch.setattr("ui.work.start.start", registry.ask)
    monkeypatch.setattr("ui.work.start.resume", lambda of, work_id: resumed.append(work_id))
    page = open_page()
    page.segmented_control(key=Key.EXPORT_PICTURES).set_value("Crops").run()
    page.button(key="make-export").click().run()
    (job,) = list_jobs(project.path)
    gone = {"phase": "photos", "done": 1, "total": 4, "pid": 2**22 + 1, "host": platform.node()}
    (job.path / "progress.json").write_text(json.dumps(gone))

    page.run()
    assert "Its process ended before the file was complete." in said(page)
    page.button(key=f"again-{job.name}").click().run()

    assert resumed == [f"exports/{job.name}"]


def test_a_project_without_a_run_says_what_to_do(tmp_path, monkeypatch):
    made = Project(tmp_path / "empty")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    page = open_page()
    assert "make-export" not in [button.key for button in page.button]


def test_decisions_about_missing_classes_can_be_downloaded(project):
    assert not list(open_page().get("download_button"))
    run = project.latest_run().run_id
    keep_decision(project.path, SceneDecision(run=run, scene="north/1", missing="owl", verdict="anomaly"))

    (button,) = open_page().get("download_button")

    assert button.proto.label == "CSV of 1 decision about missing classes"
