"""``cli.py start``: which project it opens as it is, and that its server never outlives it."""

import argparse
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from commands import start
from core.errors import AnomalureError, WrongUsage
from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.progress import Phase, Progress
from tests.fakes.project import make_project

# A server that watches its starter as the dashboard does; it prints its process id once it does so.
SERVER = """
import os, time
from core.work.starter import begin_watch
begin_watch()
print(os.getpid(), flush=True)
time.sleep(60)
"""
STARTER = f"""
import os, sys
from commands.start import serve
serve([sys.executable, "-c", {SERVER!r}], dict(os.environ))
"""


@pytest.fixture
def drawn(monkeypatch):
    """The projects into which the sample season would be drawn."""
    projects = []
    monkeypatch.setattr(
        "commands.first_steps.make_sample_ready", lambda project, sample, **how: projects.append(project.path)
    )
    return projects


def options_of(project, detector=""):
    return argparse.Namespace(project=project.path, folder=None, detector=detector, port=8501)


def test_a_project_with_a_run_of_real_photos_is_opened_as_it_is(tmp_path, drawn):
    project = make_project(tmp_path, 3)

    assert start.make_ready(options_of(project)).run_id == project.latest_run().run_id
    assert drawn == []


@pytest.mark.parametrize("what", ["runs/broken", "bundles/deer"])
def test_a_project_with_work_that_cannot_be_read_gets_no_sample_either(tmp_path, drawn, what):
    project = Project(tmp_path / "mine")
    (project.path / what).mkdir()

    assert start.make_ready(options_of(project)) is None
    assert drawn == []


@pytest.mark.parametrize("what", [[], ["runs/sample-season", "bundles/sample", "bundles/.sample.12-ab.tmp"]])
def test_a_new_project_or_one_of_the_sample_alone_gets_the_sample(tmp_path, drawn, what):
    project = Project(tmp_path / "new")
    for name in what:
        (project.path / name).mkdir()

    start.make_ready(options_of(project))

    assert drawn == [project.path]


def test_a_detector_without_a_folder_is_refused_because_nothing_would_use_it(tmp_path, drawn):
    with pytest.raises(WrongUsage, match="give --folder as well"):
        start.make_ready(options_of(Project(tmp_path / "new"), detector="yolov8n"))
    assert drawn == []


def test_only_a_project_that_has_something_to_show_is_opened_before_it_is_read(tmp_path):
    assert start.is_made(make_project(tmp_path / "own", 3).path)
    assert not start.is_made(Project(tmp_path / "new").path)
    assert not start.is_made(tmp_path / "not there")

    sample = Project(tmp_path / "sample").runs_dir / "sample-season"
    sample.mkdir()
    work = WorkFolder(sample)
    work.write_progress(Progress(phase=Phase.PHOTOS))
    assert not start.is_made(tmp_path / "sample")
    work.write_progress(Progress(phase=Phase.DONE))
    assert start.is_made(tmp_path / "sample")


def test_a_project_that_cannot_be_opened_ends_the_server_that_was_started_for_it(tmp_path):
    said = tmp_path / "server"

    def fail():
        while not said.exists() or not said.read_text():
            pass
        raise AnomalureError("this project is damaged")

    tell = f"print(os.getpid(), file=open({str(said)!r}, 'w'), flush=True)"
    command = [sys.executable, "-c", SERVER.replace("print(os.getpid(), flush=True)", tell)]
    with pytest.raises(AnomalureError, match="damaged"):
        start.serve(command, dict(os.environ), meanwhile=fail)

    assert not psutil.pid_exists(int(said.read_text()))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL; the pipe is the same there")
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_when_start_is_killed_its_server_ends(by):
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True, cwd=start.ROOT)
    server = psutil.Process(int(starter.stdout.readline()))

    os.kill(starter.pid, by)

    starter.wait(10)
    starter.stdout.close()
    ends_at = time.monotonic() + 10
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < ends_at
        time.sleep(0.01)
