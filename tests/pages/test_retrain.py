"""What a user notices on the Retrain page."""

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.study.project import Project
from core.study.retrainings import Retraining
from core.work.progress import Phase, Progress
from models.jobs import registry
from models.jobs.retrain import RetrainRequest
from tests.fakes.season import STRANGER, add_season, decide, make_base_bundle
from ui.retrain.form import suggest_name, suggest_start

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "retrain.py")


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not page.exception
    return page


def read_all(page: AppTest) -> str:
    parts = (page.markdown, page.caption, page.info, page.error, page.warning, page.subheader, page.success)
    return "\n".join(str(item.value) for part in parts for item in part)


def find_retrain(page: AppTest):
    return next((one for one in page.button if one.label == "Retrain"), None)


@pytest.fixture
def started(monkeypatch) -> list[RetrainRequest]:
    """What the page asked to be started; nothing really starts."""
    asked: list[RetrainRequest] = []
    monkeypatch.setattr("ui.work.start.start", lambda project, request: asked.append(request))
    return asked


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory) -> Project:
    """A project with verdicts and one retraining; tests leave it as it is, but for what is active."""
    project = Project(tmp_path_factory.mktemp("retrain") / "project")
    run = add_season(project, "season", bundle=make_base_bundle(project, n=30), n_usual=40, n_odd=6)
    project.store.activate_bundle("first")
    rows = project.review_queue(run, flagged_only=False, limit=100).rows
    decide(project, rows, species=STRANGER)
    project.save_verdict(rows.iloc[0], "normal" if rows.iloc[0]["verdict"] == "anomaly" else "anomaly", reviewer="ben")
    registry.do_at_once(project, RetrainRequest(name="second", made_from="first"))
    return project


@pytest.fixture
def project(reviewed, monkeypatch) -> Project:
    monkeypatch.setenv("ANOMALURE_PROJECT", str(reviewed.path))
    reviewed.store.activate_bundle("first")
    return reviewed


def test_it_starts_from_the_bundle_of_the_latest_run_though_another_is_active(project):
    project.store.activate_bundle("second")

    assert open_page().selectbox(key="retrain_from").value == "first"


@pytest.mark.parametrize(("weights", "expected"), [("bundled", "first"), ("default", "")])
def test_after_a_first_look_it_starts_from_the_active_bundle_only_if_its_encoder_is_the_same(
    tmp_path, weights, expected
):
    project = Project(tmp_path / "project")
    encoder = {"backbone": "efficientnet_lite2", "weights": "bundled"}
    project.new_run_folder("look", folder=tmp_path, file_names=["a.jpg"], encoders=[encoder])
    (project.bundles_dir / "first").mkdir()
    manifest = {"encoders": [{**encoder, "weights": weights}]}
    (project.bundles_dir / "first" / "bundle.json").write_text(json.dumps(manifest))

    assert suggest_start(project, ["first"], active="first") == expected


def test_without_verdicts_it_says_how_one_comes_by_them(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_PROJECT", str(tmp_path / "new"))

    page = open_page()

    assert "Run a folder of photos" in read_all(page)
    assert page.button(key="retrain-run")


def test_it_says_what_is_new_and_how_many_verdicts_a_species(project):
    page = open_page()

    figures = {metric.label: metric.value for metric in page.metric}
    table = page.dataframe[0].value.set_index("Species")
    assert "45 decided crops that **first** was not trained on." in read_all(page)
    assert figures["Conflicts"] == "1"
    assert table["New"].sum() == 45
    assert int(figures["Anomalies"]) + int(figures["Normal"]) == 45
    assert {"deer", "fox"} <= set(table.index)


def test_the_button_asks_for_a_new_bundle_from_the_active_one(project, started):
    page = open_page()

    find_retrain(page).click().run()

    assert not page.exception
    assert [(one.name, one.made_from, one.learn_species) for one in started] == [("first-2", "first", ())]


def test_without_an_active_bundle_it_starts_from_that_of_the_latest_run(project, started):
    project.store.activate_bundle("")

    find_retrain(open_page()).click().run()

    assert [one.made_from for one in started] == ["first"]


def test_labels_that_say_the_truth_go_along_and_a_wrong_path_is_said(project, started, tmp_path):
    page = open_page()

    page.text_input(key="retrain_truth").set_value(str(tmp_path / "truth.json"))
    find_retrain(page).click().run()
    assert started == []
    assert f"There is no file {tmp_path / 'truth.json'}" in read_all(page).replace("\\", "")

    (tmp_path / "truth.json").write_text("{}")
    find_retrain(page).click().run()
    assert [one.truth for one in started] == [tmp_path / "truth.json"]


def test_a_taken_name_is_refused_at_once(project, started):
    page = open_page()

    page.text_input[0].set_value("second")
    find_retrain(page).click().run()

    assert started == []
    assert "There is a bundle named second already" in read_all(page)


def test_a_report_shows_before_and_after_and_the_bundle_is_activated_and_left_again_with_one_click(project):
    page = open_page()
    page.button(key="report-second").click().run()

    assert not page.exception
    assert "second: before and after" in read_all(page)
    assert {"AUROC", "Normal crops flagged", "To review for 95%"} <= {metric.label for metric in page.metric}
    page.button(key="activate-shown").click().run()
    assert project.store.active_bundle() == "second"
    page.button(key="activate-first").click().run()
    assert project.store.active_bundle() == "first"


@pytest.fixture
def asked(project):
    """Asks for a retraining that no process does; afterwards it is gone."""
    works = []

    def ask(name: str):
        works.append(registry.ask(project, RetrainRequest(name=name, made_from="first")))
        return works[-1]

    yield ask
    for work in works:
        shutil.rmtree(work.path)


def watch(name: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["retrain_watched"] = name
    page.run()
    assert not page.exception
    return page


def test_one_that_failed_says_why_and_that_the_active_bundle_has_not_changed(asked):
    asked("third").write_progress(Progress(phase=Phase.FAILED, message="The disk is full."))

    page = watch("third")

    assert "stopped because of an error\\. The disk is full\\. No bundle was made" in read_all(page)
    page.button(key="close-panel").click().run()
    assert "No bundle was made" not in read_all(page)


def test_one_that_was_cancelled_can_be_started_again(asked, monkeypatch):
    asked("third").write_progress(Progress(phase=Phase.CANCELLED))
    resumed = []
    monkeypatch.setattr("ui.work.start.resume", lambda project, work_id, **_: resumed.append(work_id))

    page = watch("third")
    assert "This retraining was cancelled\\. No bundle was made, and the active one has not changed\\." in read_all(
        page
    )
    page.button(key="resume-third").click().run()

    assert resumed == ["retrainings/third"]


def test_one_that_is_under_way_is_followed_and_can_be_cancelled(asked):
    work = asked("fourth")
    page = open_page()
    assert "fourth" in read_all(page)
    assert "Getting ready" in page.get("progress")[0].proto.text

    work.write_progress(Progress(phase=Phase.MODELS, done=2, total=5, message="Learning each species", unit="step"))
    page = open_page()
    assert "Learning each species" in page.get("progress")[0].proto.text
    assert find_retrain(page) is None
    page.button(key="cancel-fourth").click().run()
    assert work.cancel_requested


@pytest.mark.parametrize(
    ("made_from", "taken", "name"),
    [
        ("deer", set(), "deer-2"),
        ("deer-2", {"deer-2"}, "deer-3"),
        ("deer", {"deer-2", "deer-3"}, "deer-4"),
        ("", set(), "reviewed"),
        ("", {"reviewed"}, "reviewed-2"),
        ("a-b", set(), "a-b-2"),
    ],
)
def test_a_free_name_is_suggested(made_from, taken, name):
    assert suggest_name(made_from, taken) == name


def test_the_report_says_what_the_order_is_worth_and_which_rate_the_anomalies_ask_for(project, monkeypatch):
    report = Retraining.of(project.path, "second").read_result()
    report["after_ranked"] |= {"auroc": 0.987, "average_precision": 0.9, "review_at_95": 0.25}
    report["suggested_rate"] = {"rate": 0.021, "recall": 0.96, "false_alarms": None}
    monkeypatch.setattr(Retraining, "read_result", lambda self: report)
    page = open_page()

    page.button(key="report-second").click().run()

    said = read_all(page)
    assert "*Likely anomalies first* of Review" in said
    assert "AUROC 98.7%" in said
    assert "A false-alarm rate of 0.021 would flag 96% of these accepted anomalies." in said
