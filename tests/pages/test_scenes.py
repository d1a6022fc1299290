"""What a biologist notices on the Scenes page."""

import csv
import io
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.scenes.decisions import read_decisions
from core.study.project import Project
from tests.fakes.project import make_project
from tests.fakes.scenes import keep_company_model
from ui.scenes.found import forget_found
from ui.shared.state import Key

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "scenes.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = make_project(tmp_path, 24)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    forget_found()
    return made


def open_page(reviewer: str = "Ada") -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state[Key.REVIEWER] = reviewer
    page.run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    kinds = (page.info, page.success, page.error, page.warning, page.caption, page.markdown)
    return " ".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def press(page: AppTest, start: str) -> AppTest:
    page = next(button for button in page.button if (button.key or "").startswith(start)).click().run()
    assert not page.exception
    return page


def choose(page: AppTest, kind: str) -> AppTest:
    page.segmented_control(key=Key.SCENES_KIND).set_value(kind)
    return page.run()


def test_without_a_model_the_page_says_what_a_scene_is_and_offers_to_learn(project):
    page = open_page()

    assert "A scene is an event at a camera" in said(page)
    assert page.button(key="start-scenes").disabled is False


def test_a_name_that_cannot_be_and_labels_that_are_not_there_are_said_before_the_start(project):
    page = open_page()

    page.text_input(key=Key.SCENES_LABELS).set_value("/nowhere/labels.json").run()

    assert "There is no file or folder /nowhere/labels.json" in said(page)
    assert page.button(key="start-scenes").disabled


def test_the_findings_are_in_words_and_can_be_filtered(project):
    keep_company_model(project)

    page = open_page()
    assert "fox is here; no event that the model was trained on has it." in said(page)

    assert "owl is missing; it is expected" in said(choose(page, "missing"))
    assert "fox is here" not in said(page)
    page.selectbox(key=Key.SCENES_CLASS).set_value("fox").run()
    assert "No finding matches these filters" in said(page)


def test_a_decision_about_something_unexpected_is_a_verdict_on_its_crops_and_can_be_taken_back(project):
    keep_company_model(project)
    page = choose(open_page(), "unexpected")

    press(page, "scene-anomaly-")

    verdicts = project.verdicts()
    assert set(verdicts["verdict"]) == {"anomaly"}
    assert set(verdicts["reviewer"]) == {"Ada"}
    assert "by Ada" in said(page)
    press(page, "scene-undo-")
    assert project.verdicts().empty


def test_a_decision_about_something_missing_is_kept_and_can_be_taken_back(project):
    keep_company_model(project)
    page = choose(open_page(), "missing")

    press(page, "scene-normal-")

    (held,) = read_decisions(project.path).values()
    assert (held["missing"], held["verdict"], held["reviewer"]) == ("owl", "normal", "Ada")
    assert "**Usual**" in said(page)
    assert project.verdicts().empty
    press(page, "scene-undo-")
    assert read_decisions(project.path) == {}


def test_what_somebody_decided_meanwhile_is_kept_and_said(project):
    keep_company_model(project)
    page = choose(open_page("Ben"), "unexpected")
    for crop in project.review_queue(flagged_only=False, limit=100).rows["crop_id"]:
        project.save_verdict(crop, "unsure", reviewer="Ada")

    press(page, "scene-anomaly-")

    assert set(project.verdicts()["verdict"]) == {"unsure"}
    assert set(project.verdicts()["reviewer"]) == {"Ada"}
    assert "kept what Ada decided. Change it on Review if you disagree." in said(page)


def test_what_is_decided_leaves_the_list_of_undecided_findings(project):
    keep_company_model(project)
    page = choose(open_page(), "missing")
    page.selectbox(key=Key.SCENES_CLASS).set_value("owl").run()
    n = len([button for button in page.button if (button.key or "").startswith("scene-normal-")])
    press(page, "scene-normal-")

    page.toggle(key=Key.SCENES_OPEN).set_value(True).run()

    assert len([button for button in page.button if (button.key or "").startswith("scene-normal-")]) == n - 1
    assert not [button for button in page.button if (button.key or "").startswith("scene-undo-")]


def test_the_table_has_the_findings_and_their_verdicts(project):
    from models.scenes.of_run import FINDING_EXPORT, find_in_run, list_run_rows
    from ui.shared.csv_download import make_csv

    trained = keep_company_model(project)
    page = choose(open_page(), "unexpected")
    press(page, "scene-anomaly-")
    findings = find_in_run(project, project.latest_run(), trained, rate=0.05, model="company")

    content = make_csv(list_run_rows(project, findings), columns=FINDING_EXPORT).decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(content)))
    assert {row["class"] for row in rows if row["verdict"] == "anomaly"} == {"fox"}
    assert {row["kind"] for row in rows} == {"unexpected", "missing"}


def test_a_foreign_model_is_a_sentence_on_the_page(project):
    keep_company_model(project)
    (project.path / "scenes/company/model.safetensors").write_bytes(b"\x80\x04pickle")

    assert "is not a model of scenes" in said(open_page())
