"""Who leads the workers of a run follows what they write, starts them again, and stops them with the run."""

import sys
import threading
import time

import psutil
import pytest

from core.errors import AnomalureError, WrongUsage
from core.runs.worker import Share
from core.study.project import Project
from core.work.meter import Cancelled, Meter
from models.workers import team
from models.workers.submitted import SubmittedTeam
from models.workers.team import lead, read_team
from models.workers.worker import do_share_of, open_prepared
from tests.core.runs.test_worker import BrokenOn, open_parts, season, start_run  # noqa: F401


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def run(season, project, monkeypatch):  # noqa: F811
    monkeypatch.setattr(team, "POLL_S", 0.01)
    return start_run(season, project.runs_dir / "run")


class FakeTeam:
    """Its workers do some shards each time that they are started, with the detector of that time."""

    def __init__(self, project, run, *, detectors) -> None:
        self.project, self.run, self.detectors = project, run, list(detectors)
        self.asked: list[int] = []
        self.stopped = False

    def start(self, n_left: int) -> None:
        self.asked.append(n_left)
        detector = self.detectors.pop(0)
        if detector is not None:
            do_share_of(
                self.project, "run", Share(), open_parts=lambda: open_parts(self.run, detector), worker="of the team"
            )

    def has_ended(self) -> bool:
        return True

    def stop(self) -> None:
        self.stopped = True

    def explain(self) -> str:
        return "A worker said: no room."


def test_what_failed_is_given_to_new_workers(run, project):
    bad = run.shard_files(2)[0]
    workers = FakeTeam(project, run, detectors=[None, BrokenOn(bad), BrokenOn("none")])

    lead(run, Meter(run), workers)

    assert workers.asked == [6, 6, 1]
    assert run.written.list_there() == list(range(6))
    assert run.read_progress().total == run.n_files


def test_what_fails_each_time_is_named_with_its_sentence(run, project):
    bad = run.shard_files(2)[0]
    workers = FakeTeam(project, run, detectors=[BrokenOn(bad)] * 3)

    with pytest.raises(AnomalureError, match=r"1 of 6 shards are not done after 3 tries: 2\. The detector is broken\."):
        lead(run, Meter(run), workers)


def test_workers_that_do_nothing_are_quoted(run, project):
    with pytest.raises(AnomalureError, match=r"6 of 6 .*: 0, 1, 2, 3, 4 and others\. A worker said: no room\."):
        lead(run, Meter(run), FakeTeam(project, run, detectors=[None] * 3))


def test_workers_are_stopped_with_the_run(run, project):
    workers = FakeTeam(project, run, detectors=[None])
    workers.has_ended = lambda: bool(run.request_cancel())

    with pytest.raises(Cancelled):
        lead(run, Meter(run), workers)

    assert workers.stopped
    assert run.cancel_requested  # so that workers that are still starting see it


def test_workers_started_by_hand_are_waited_for(run, project):
    workers = FakeTeam(project, run, detectors=[None])
    by_hand = threading.Thread(
        target=do_share_of, args=(project, "run", Share()), kwargs={"open_parts": lambda: open_parts(run)}
    )
    workers.start = lambda n_left: by_hand.start()
    workers.has_ended = lambda: not by_hand.is_alive()

    lead(run, Meter(run), workers)

    assert run.written.list_there() == list(range(6))


@pytest.mark.parametrize("text", ["", "2", "local", "local:0", "slurm:", "slurm:x", "ray:0", "rays", "ray://", "k8s:3"])
def test_a_team_that_there_is_not_says_which_there_are(text):
    with pytest.raises(WrongUsage, match=r"--workers takes local:2, slurm:50"):
        read_team(text)


def test_without_the_package_or_the_cluster_a_sentence_says_what_to_do(run, project, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(AnomalureError, match=r"pip install -r requirements-cluster\.txt"):
        read_team("local:2")(project, run).start(1)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(AnomalureError, match=r"pip install -r requirements-ray\.txt"):
        read_team("ray")(project, run).start(1)


def test_without_slurm_a_sentence_says_where_to_run_it(run, project, monkeypatch):
    pytest.importorskip("submitit", reason="needs requirements-cluster.txt")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AnomalureError, match="There is no sbatch on this computer"):
        SubmittedTeam(project, run, executor="slurm", n=2).start(1)


def test_a_run_of_one_process_says_how_it_gets_workers(season, project):  # noqa: F811
    start_run(season, project.runs_dir / "alone", divided=False)

    with pytest.raises(AnomalureError, match="--resume RUN --prepare"):
        open_prepared(project, "alone")


def test_the_laptop_starts_and_imports_none_of_it():
    import subprocess

    said = subprocess.run(
        [sys.executable, "-c", "import models.jobs.run, sys; print('ray' in sys.modules, 'submitit' in sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert said.stdout.split() == ["False", "False"], said.stderr


def test_a_slurm_cluster_gets_one_array_of_jobs(run, project, tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="needs requirements-cluster.txt")
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    answers = {
        "sbatch": f'cp "$1" {tmp_path}/job.sh; echo Submitted batch job 77',
        "sacct": "printf 'JobID|State|NodeList\\n77_0|RUNNING|n1\\n77_1|PENDING|None\\n'",
        "srun": "exit 1",
        "scancel": f'echo "$@" >> {tmp_path}/cancelled',
    }
    for name, does in answers.items():
        (bin_dir / name).write_text(f"#!/bin/sh\n{does}\n")
        (bin_dir / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}:/usr/bin:/bin")
    workers = read_team("slurm:2")(project, run)

    workers.start(6)

    script = (tmp_path / "job.sh").read_text()
    assert "#SBATCH --array=0-1%2" in script
    assert "#SBATCH --time=1440" in script
    assert "#SBATCH --job-name=anomalure-run" in script
    assert not workers.has_ended()
    workers.stop()
    assert (tmp_path / "cancelled").read_text().split() == ["77_0", "77_1"]


def test_workers_on_this_computer_end_when_they_are_stopped_also_while_they_load_their_models(
    run, project, monkeypatch
):
    pytest.importorskip("submitit", reason="needs requirements-cluster.txt")
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)", "runs/run", "--shards"]
    monkeypatch.setattr(SubmittedTeam, "_command", lambda self, i, n: sleeping)
    workers = read_team("local:1")(project, run)

    def list_sleeping() -> list[psutil.Process]:
        return [one for one in psutil.Process().children(recursive=True) if workers._is_worker(one)]

    workers.start(1)
    until = time.monotonic() + 60
    while not list_sleeping() and time.monotonic() < until:
        time.sleep(0.02)
    sleeper = list_sleeping()[0]

    workers.stop()

    assert not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE
