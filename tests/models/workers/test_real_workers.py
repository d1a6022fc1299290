"""Workers are processes: killed, started twice, on submitit or on Ray, they end with the rows of one process."""

import json
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image

from cli import main
from core.runs.folder import RunFolder
from core.runs.worker import Share
from core.study.project import Project
from core.work.folder import Status
from models.workers import team
from models.workers.worker import do_share_of

ROOT = Path(__file__).resolve().parents[3]
TABLES = ("photos", "detections", "crops", "failures", "events", "scores")
KEYS = {"photos": "file_name", "events": "photo_id"}
SMALL = ["--detector", "bundled", "--backbone", "mobilenet_v2", "--backbone-weights", "bundled"]
PATIENCE_S = 120
POLL_S = 0.005
N_PHOTOS = 24


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A run that is prepared, ``first``, and the same run done by one process, ``whole``.

    Photos of two cameras, two of them once more in the other camera's folder, and one that is none.
    """
    folder = tmp_path_factory.mktemp("workers")
    season, rng = folder / "season", np.random.default_rng(0)
    for camera in range(2):
        (season / f"camera-{camera}").mkdir(parents=True)
    for number in range(N_PHOTOS - 3):
        coarse = Image.fromarray(rng.integers(0, 256, size=(6, 8, 3), dtype=np.uint8))
        coarse.resize((320, 240), Image.Resampling.BICUBIC).save(season / f"camera-{number % 2}/IMG_{number:04d}.JPG")
    for number in (0, 6):
        shutil.copy(season / f"camera-0/IMG_{number:04d}.JPG", season / f"camera-1/copy-{number}.jpg")
    (season / "camera-1/broken.jpg").write_bytes(b"no picture at all")

    project = Project(folder / "project")
    words = ["run", str(season), "--first-look", "--name", "first", "--prepare", *SMALL]
    assert run_command(project, *words, "--shard-photos", "3", "--batch-photos", "2") == 0
    copy_run(project, "whole", divided=False)
    assert run_command(project, "run", "--resume", "whole") == 3  # the code says that a photo is broken
    return project


def run_command(project: Project, *words: str) -> int:
    return main([*words, "--project", str(project.path), "--json"])


def copy_run(project: Project, name: str, *, divided: bool = True) -> RunFolder:
    """The same run before its first photo: which engine is faster is noted in it, and differs by chance."""
    path = project.runs_dir / name
    path.mkdir()
    for file in ("run.json", "listing.parquet", "request.json"):
        shutil.copy2(project.runs_dir / "first" / file, path / file)
    run = project.run(name)
    if divided:
        run.written.make()
    return run


def assert_like_one_process(project: Project, name: str) -> None:
    run, whole = project.run(name), project.run("whole")
    assert run.status is whole.status is Status.DONE
    assert run.counts() == whole.counts()
    assert (run.counts().photos, run.counts().duplicates, run.counts().failures) == (N_PHOTOS, 2, 1)
    for table in TABLES:
        ours, theirs = (read_rows(one, table) for one in (run, whole))
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-3)


def read_rows(run: RunFolder, name: str) -> pd.DataFrame:
    """The rows in their order; the copies among the photos of a shard may stand elsewhere."""
    rows = run.read_table(name)
    return rows.sort_values(KEYS[name], ignore_index=True) if name in KEYS else rows


def kill_a_worker(project: Path, name: str, share: str, *, after: int) -> None:
    """Start a worker, and kill it when so many shards more are there."""
    shards = project / "runs" / name / "shards"
    before = len(list(shards.glob("?????")))
    command = [sys.executable, str(ROOT / "cli.py"), "work", f"runs/{name}", "--shards", share, "--project", project]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while len(list(shards.glob("?????"))) < before + after or not list(shards.glob("*.claim")):
        assert process.poll() is None, "the worker ended before it could be killed"
        assert time.monotonic() < deadline, "the worker did not get going"
        time.sleep(POLL_S)
    process.kill()
    process.wait()


def test_killed_twice_and_started_twice_workers_end_with_the_rows_of_one_process(project, capsys):
    copy_run(project, "killed")
    rng = random.Random(18)
    *killed, last = rng.sample(["1/5", "2/5", "3/5", "4/5", "5/5"], 3)
    for share in killed:
        kill_a_worker(project.path, "killed", share, after=rng.choice([1, 2]))
    assert project.run("killed").status is Status.INTERRUPTED  # nobody is at it

    capsys.readouterr()
    assert run_command(project, "work", "runs/killed", "--shards", last) == 3
    assert run_command(project, "work", "runs/killed", "--shards", last) == 0  # started twice: nothing is left

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["status"] == "done"
    assert second["shards_done"] == second["shards_left"] == []
    assert_like_one_process(project, "killed")
    assert len({one.worker for one in project.run("killed").written.list_worked()}) == 3


def test_what_workers_have_left_can_be_done_by_one_process(project):
    copy_run(project, "left")
    do_share_of(project, "left", Share(2, 3), shards=[1, 4], worker="2/3")

    assert run_command(project, "work", "runs/left") == 3

    assert_like_one_process(project, "left")
    workers = {one.shard: one.worker for one in project.run("left").written.list_worked()}
    assert [shard for shard, worker in workers.items() if worker == "2/3"] == [1, 4]


@pytest.mark.skipif(find_spec("submitit") is None, reason="needs requirements-cluster.txt")
def test_submitit_starts_workers_and_the_run_is_finished_by_who_leads_it(project):
    copy_run(project, "submitted")

    assert run_command(project, "run", "--resume", "submitted", "--workers", "local:1") == 3

    assert_like_one_process(project, "submitted")
    assert {one.worker for one in project.run("submitted").written.list_worked()} == {"1/1"}


@pytest.mark.skipif(find_spec("ray") is None, reason="needs requirements-ray.txt")
def test_actors_of_ray_do_the_shards_that_are_left_and_nothing_listens_to_other_computers(project, monkeypatch):
    run = copy_run(project, "on-ray")
    do_share_of(project, "on-ray", Share(), shards=[0, 3], worker="an earlier one")
    listening: set[str] = set()
    wait = team.time.sleep

    def look_who_listens(seconds: float) -> None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                listening.update(
                    one.laddr.ip.removeprefix("::ffff:")
                    for one in process.net_connections("tcp")
                    if one.status == "LISTEN"
                )
        wait(seconds)

    monkeypatch.setattr(team, "time", SimpleNamespace(sleep=look_who_listens, monotonic=time.monotonic))

    assert run_command(project, "run", "--resume", "on-ray", "--workers", "ray:1") == 3

    assert listening == {"127.0.0.1"}
    assert_like_one_process(project, "on-ray")
    workers = {one.shard: one.worker for one in run.written.list_worked()}
    assert [shard for shard, worker in workers.items() if not worker.startswith("ray on ")] == [0, 3]
