"""The Run page shows the watches of the project, and stops one that is running."""

import shlex
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.progress import Phase, Progress
from tests.fakes.watched import Told, take_photo, watch_once

PAGE = str(Path(__file__).resolve().parents[2] / "pages/run.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.setenv("ANOMALURE_PROJECT", str(tmp_path / "project"))
    return Project(tmp_path / "project")


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    return page


def test_a_watch_is_shown_with_what_came_and_stopped_and_how_it_goes_on(project, tmp_path):
    box = tmp_path / "in box"
    take_photo(box, "north", 1, at="06:00:00")
    (box / "half.jpg").write_bytes(b"\xff\xd8 half")
    broken = Told()
    broken.is_broken = True
    watch_once(project, box, broken)
    work = WorkFolder(project.path / "watches/inbox")

    page = open_page()
    said = " ".join(one.value for one in [*page.markdown, *page.caption, *page.warning]).replace("\\", "")
    assert "did what was there · 1 photo of 1 event done, 1 arriving, 1 message not sent yet" in said
    assert "half.jpg" in said
    assert "nobody is at home" in said
    command = next(code.value for code in page.code if "cli.py watch" in code.value)
    assert shlex.split(command)[3] == str(box)

    work.write_progress(Progress(phase=Phase.PHOTOS))
    page = open_page()
    page.button(key="stop-watch-inbox").click().run()
    assert work.cancel_requested


def test_a_project_without_a_watch_says_nothing_of_it(project):
    assert "Watched folders" not in [one.value for one in open_page().subheader]
