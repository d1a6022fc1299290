"""A download of a published model as work: its progress, a cancel, resuming, and asking for it again."""

import pytest

from core.errors import AnomalureError
from core.study.project import Project
from core.work.meter import Cancelled
from core.work.progress import Phase
from models.jobs.model import ask_for
from models.jobs.registry import do_at_once, find_work, resume_at_once
from models.published import table
from models.published.cache import State, find_state, remove_model
from models.published.entry import PublishedFile, PublishedModel
from tests.fakes.file_server import CONTENT, FileServer


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path / "cache"))
    with FileServer() as server:
        rows = {
            name: PublishedModel(
                name=name,
                kind="detector",
                loader="yolov5",
                about="",
                licence="MIT",
                files=(PublishedFile(name=f"{name}.pt", address=f"{server.url}/{name}.pt"),),
            )
            for name in ("good", "slow", "404")
        }
        monkeypatch.setattr(table, "list_models", lambda: rows)
        yield server


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def test_it_says_how_far_it_is_and_can_be_asked_for_again(server, project):
    told = []
    result = do_at_once(project, ask_for("good"), on_progress=told.append)

    assert find_state(table.get_model("good")) is State.HERE
    assert not result["is_checked"]
    assert any(one.phase is Phase.DOWNLOAD and one.message == "1 of 1 MB" for one in told)

    remove_model(table.get_model("good"))
    do_at_once(project, ask_for("good"))
    assert server.asked["good.pt"] == 2


def test_a_cancel_keeps_what_is_there_and_resuming_finishes_it(server, project, monkeypatch):
    monkeypatch.setattr("core.work.meter.TELL_EVERY_S", 0)

    def cancel_midway(progress):
        if progress.phase is Phase.DOWNLOAD and progress.done:
            find_work(project, "downloads/slow")[1].request_cancel()
            server.going_on.set()

    with pytest.raises(Cancelled):
        do_at_once(project, ask_for("slow"), on_progress=cancel_midway)
    assert find_state(table.get_model("slow")) is State.PART

    server.files["slow.pt"] = CONTENT
    resume_at_once(project, "downloads/slow")
    assert find_state(table.get_model("slow")) is State.HERE
    assert server.began[-1] > 0


def test_a_failure_says_where_the_file_belongs(server, project, tmp_path):
    with pytest.raises(AnomalureError, match=f"put the file here: {tmp_path / 'cache/detectors/404.pt'}"):
        do_at_once(project, ask_for("404"))


def test_a_model_that_is_not_in_the_table_is_refused_before_a_process_starts(server, project):
    with pytest.raises(AnomalureError, match="There is no published model"):
        do_at_once(project, ask_for("gone"))
    assert not (project.path / "downloads/gone").exists()
