"""What a user notices on the Images page where it says where photos are odd."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.settings.localize import LocalizeSettings
from core.squares.table import read_squares
from core.study.project import Project
from models.jobs.localize import LocalizeRequest
from models.jobs.registry import do_at_once
from tests.fakes.meadows import write_meadows
from tests.fakes.starts import watch_starts

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "images.py")
SHORT = LocalizeSettings(side_steps=3, place_steps=1, most_r=50)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def photos(tmp_path):
    return write_meadows(tmp_path / "photos", 3)


def open_page(**state) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    for key, value in {"images_what": "Where it is odd", **state}.items():
        page.session_state[key] = str(value)
    page.run()
    assert not page.exception
    return page


def texts(page) -> str:
    shown = (*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.success)
    return "\n".join(str(one.value) for one in shown).replace("\\", "")


def test_two_folders_start_a_training_and_a_wrong_table_is_said_before(project, monkeypatch, photos):
    started = watch_starts(monkeypatch)
    page = open_page(localize_photos=photos, localize_asked=photos, localize_labels=photos / "none.csv")
    assert "There is no file" in texts(page)
    assert page.button(key="start-localize").disabled

    page.text_input(key="localize_labels").set_value("").run()
    page.segmented_control(key="localize_steps").set_value("Short").run()
    page.text_input(key="localize_name").set_value("meadow").run()
    page.button(key="start-localize").click().run()

    assert not page.exception
    (request,) = started
    assert (request.name, request.photos, request.asked, request.labels) == ("meadow", photos, photos, None)
    assert request.settings.place_steps < LocalizeSettings().place_steps


def test_anomalies_are_made_at_a_click_and_never_over_others(project, photos):
    page = open_page(localize_made_from=photos)
    page.slider(key="localize_made_r").set_value((30, 40)).run()
    page.button(key="localize-make").click().run()

    assert "3 photos" in texts(page)
    squares = read_squares(project.path / "made/anomalies/labels.csv")
    assert {30 <= one.r <= 40 for one in squares.values()} == {True}
    page.button(key="localize-make").click().run()
    assert "Choose a new name" in texts(page)


def test_photos_are_shown_with_the_place_and_what_failed_is_said(project, photos):
    (photos / "broken.jpg").write_bytes(b"no picture")
    do_at_once(project, LocalizeRequest(name="meadow", photos=photos, asked=photos, settings=SHORT))
    (photos / "2.jpg").write_bytes((photos / "0.jpg").read_bytes())
    page = open_page(watched_localize="meadow")

    said = texts(page)
    assert "Looked through 3 photos, the most odd first" in said
    assert "could not be used. The first: broken.jpg" in said
    assert "0.jpg · row " in said
    assert "2.jpg was changed or replaced since it was looked at" in said, "another photo would be drawn on"
    page.toggle(key="localize_heat-meadow").set_value(False).run()
    assert not page.exception
    (photos / "1.jpg").unlink()
    page = open_page(watched_localize="meadow")
    page.toggle(key="localize_heat-meadow").set_value(False).run()
    assert not page.exception
