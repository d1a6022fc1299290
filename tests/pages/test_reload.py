"""What a reload of a page leaves as it was: it begins a new session at the same address."""

from collections import OrderedDict
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.study.project import Project
from tests.fakes.project import write_photo
from ui.entry.signing_in import SignedIn

PAGES = Path(__file__).resolve().parents[2] / "pages"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def open_page(name: str, address: dict | None = None) -> AppTest:
    page = AppTest.from_file(str(PAGES / f"{name}.py"), default_timeout=30)
    for word, value in (address or {}).items():
        page.query_params[word] = value
    page.run()
    assert not page.exception
    return page


def reload(page: AppTest, name: str) -> AppTest:
    return open_page(name, dict(page.query_params))


def test_a_reload_keeps_the_form_of_a_run(project, tmp_path):
    folder = tmp_path / "my photos"
    write_photo(folder, 0)
    page = open_page("run")
    page.text_input(key="folder").set_value(str(folder)).run()
    page.text_input(key="run_name").set_value("spring").run()
    page.selectbox(key="detector_kind").select("published").run()
    page.number_input(key="setting-min_confidence").set_value(0.31).run()

    again = reload(page, "run")
    assert again.text_input(key="folder").value == str(folder)
    assert again.text_input(key="run_name").value == "spring"
    assert again.selectbox(key="detector_kind").value == "published"
    assert again.number_input(key="setting-min_confidence").value == 0.31


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("train", "train_folder"),
        ("train", "train_name"),
        ("images", "images_normal"),
        ("images", "images_name"),
        ("scenes", "scenes_labels"),
    ],
)
def test_a_reload_keeps_what_was_typed_into_other_forms(project, name, key):
    page = open_page(name)
    page.text_input(key=key).set_value("what was typed").run()
    assert not page.exception

    assert reload(page, name).text_input(key=key).value == "what was typed"


def test_a_reload_asks_again_whether_a_files_code_may_run(project, tmp_path):
    model = tmp_path / "model.pt"
    model.write_bytes(b"x")
    page = open_page("run")
    page.selectbox(key="detector_kind").select("own").run()
    page.text_input(key="detector_path").set_value(str(model)).run()
    page.checkbox(key="detector_consent").check().run()

    again = reload(page, "run")
    assert again.text_input(key="detector_path").value == str(model)
    assert not again.checkbox(key="detector_consent").value


def test_a_restart_of_the_dashboard_keeps_what_was_typed(project, monkeypatch):
    page = open_page("run")
    page.text_input(key="run_name").set_value("spring").run()
    monkeypatch.setattr("ui.forms.kept_form._kept", OrderedDict())  # as in a new process

    assert reload(page, "run").text_input(key="run_name").value == "spring"


def test_an_address_alone_fills_in_nothing(project, tmp_path):
    page = open_page("run", {"form": "made-up", "folder": str(tmp_path)})
    assert page.text_input(key="folder").value == ""


def test_the_link_of_somebody_else_does_not_show_what_they_typed(project, monkeypatch):
    ada, ben = (SignedIn(person, person, f"{person}@example.org", "1") for person in ("ada", "ben"))
    monkeypatch.setattr("ui.forms.kept_form.find_signed_in", lambda: ada)
    page = open_page("run")
    page.text_input(key="run_name").set_value("spring").run()
    assert reload(page, "run").text_input(key="run_name").value == "spring"

    monkeypatch.setattr("ui.forms.kept_form.find_signed_in", lambda: ben)
    assert reload(page, "run").text_input(key="run_name").value == ""


def test_two_tabs_of_one_address_have_a_form_each(project):
    page = open_page("run")
    page.text_input(key="run_name").set_value("first").run()
    other = reload(page, "run")
    other.text_input(key="run_name").set_value("second").run()

    assert reload(page, "run").text_input(key="run_name").value == "first"
    assert reload(other, "run").text_input(key="run_name").value == "second"


def test_a_form_in_which_nothing_was_chosen_leaves_the_address_as_it_was(project):
    page = open_page("run")
    page.text_input(key="run_name").set_value("spring").run()
    assert set(page.query_params) == {"form"}

    page = AppTest.from_file(str(PAGES / "images.py"), default_timeout=30)
    page.session_state["form"] = "of another page"
    page.run()
    assert dict(page.query_params) == {}, "each change would be one more step for Back"
