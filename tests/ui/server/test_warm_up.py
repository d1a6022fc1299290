"""What is made beside the start of the dashboard: it helps the first visitor and never stands in the way."""

import gc

import pytest

from core.study.project import Project
from tests.fakes.project import make_project
from ui.server.warm_up import begin_warm_up
from ui.shared.project_place import open_project


@pytest.fixture(autouse=True)
def freeze(monkeypatch):
    """The tests' own garbage is to be collected."""
    monkeypatch.setattr(gc, "freeze", lambda: None)


def test_the_first_visitor_finds_the_newest_run_read(tmp_path, monkeypatch):
    made = make_project(tmp_path, 3)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    begin_warm_up().join(timeout=60)

    read_again = []
    monkeypatch.setattr("core.study.project.ReviewIndex", lambda *args, **kwargs: read_again.append(args))
    assert len(open_project().review_queue(flagged_only=False).rows) == 3
    assert not read_again


def test_a_project_that_is_not_there_yet_is_not_made_by_the_start(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_PROJECT", str(tmp_path / "later"))
    begin_warm_up().join(timeout=60)

    assert not (tmp_path / "later").exists()


def test_a_damaged_database_does_not_keep_the_dashboard_from_starting(tmp_path, monkeypatch):
    made = make_project(tmp_path, 3)
    made.store.path.write_bytes(b"not a database" * 1000)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    thread = begin_warm_up()
    thread.join(timeout=60)

    assert not thread.is_alive()
    assert Project(made.path).latest_run() is not None
