"""What a user notices on the Models page, and of published models in the forms."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.study.project import Project
from models.published.cache import State, find_path, find_state, has_agreed
from models.published.table import get_model
from tests.fakes.starts import Starts, watch_starts

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "published.py")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path / "cache"))
    return made


@pytest.fixture
def started(monkeypatch) -> Starts:
    """What the page asked to be started; nothing really starts."""
    return watch_starts(monkeypatch)


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not page.exception
    return page


def choose(page: AppTest, name: str) -> AppTest:
    page.selectbox(key="models_name").set_value(name).run()
    assert not page.exception
    return page


def put_there(name: str) -> Path:
    path = find_path(get_model(name), get_model(name).files[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 2_000_000)
    return path


def texts(page: AppTest) -> str:
    shown = (*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.code)
    return "\n".join(str(one.value) for one in shown).replace("\\", "")


def test_the_table_says_licence_size_and_what_is_here(tmp_path):
    put_there("yolov8n")
    table = open_page().dataframe[0].value.set_index("Name")

    assert table.loc["megadetector-v5a", "Size"] == "281 MB"
    assert table.loc["megadescriptor-tiny", "Commercial use"] == "forbidden"
    assert list(table.loc["yolov8n", ["", "Size"]]) == ["✓ here", "2 MB"]
    assert list(table.loc["yolov8s", ["", "Size"]]) == ["not here", "not stated"]


def test_only_what_is_here_can_be_shown():
    page = open_page()
    page.segmented_control(key="models_which").set_value("On this computer").run()
    assert "No model has been downloaded yet." in texts(page)

    put_there("yolov8n")
    page.run()
    assert list(page.dataframe[0].value["Name"]) == ["yolov8n"]


def test_a_click_starts_a_download_and_the_exact_place_of_the_file_is_shown(tmp_path, started):
    page = choose(open_page(), "megadetector-v5a")
    assert str(tmp_path / "cache/detectors/md_v5a.0.1.pt") in texts(page)

    page.button(key="get-megadetector-v5a").click().run()

    assert not page.exception
    assert [request.model for request in started] == ["megadetector-v5a"]


def test_terms_must_be_ticked_before_a_model_can_be_got(started):
    page = choose(open_page(), "megadescriptor-tiny")
    assert "forbids commercial use" in texts(page)
    assert page.button(key="get-megadescriptor-tiny").disabled

    page.checkbox(key="agree-megadescriptor-tiny").check().run()
    page.button(key="get-megadescriptor-tiny").click().run()

    assert [request.model for request in started] == ["megadescriptor-tiny"]
    assert has_agreed(get_model("megadescriptor-tiny"))


def test_a_model_can_be_removed():
    put_there("yolov8n")
    page = choose(open_page(), "yolov8n")
    assert page.button(key="get-yolov8n").disabled

    page.button(key="remove-yolov8n").click().run()

    assert find_state(get_model("yolov8n")) is State.MISSING
    assert page.button(key="remove-yolov8n").disabled


def test_the_form_of_a_run_offers_detectors_and_encoders_by_name_with_what_is_known_of_them():
    put_there("yolov8n")
    page = AppTest.from_file(str(Path(PAGE).with_name("run.py")), default_timeout=60).run()
    page.selectbox(key="detector_kind").set_value("published").run()
    page.selectbox(key="encoder_kind").set_value("hub").run()
    assert not page.exception

    assert page.selectbox(key="detector_name").value == "megadetector-v6-yolov10-c"
    assert {"megadetector-v5a", "yolov8n ✓"} <= set(page.selectbox(key="detector_name").options)
    page.selectbox(key="encoder_name").set_value("dinov3-small").run()
    assert "It is downloaded once (86 MB)" in texts(page)
    assert "dinov3-small has terms that you must agree to first." in texts(page)
