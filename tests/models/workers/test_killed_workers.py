"""Workers are processes: killed, started twice or late, they end with the rows of one process."""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from cli import main
from core.runs.folder import RunFolder
from core.study.project import Project
from core.work.folder import Status

ROOT = Path(__file__).resolve().parents[3]
TABLES = ("photos", "detections", "crops", "failures", "events", "scores")
KEYS = {"photos": "file_name", "events": "photo_id"}
SMALL = ["--detector", "bundled", "--backbone", "mobilenet_v2", "--backbone-weights", "bundled"]
PATIENCE_S = 120
POLL_S = 0.005
N_PHOTOS = 24


@pytest.fixture
def season(tmp_path, write_jpeg) -> Path:
    """Photos of two cameras, two of them once more in the other camera's folder, and one that is none."""
    for number in range(N_PHOTOS - 3):
        name = f"camera-{number % 2}/IMG_{number:04d}.JPG"
        write_jpeg(tmp_path / "season" / name, seed=number, size=(320, 240), taken_at=f"2024:05:03 06:{number:02d}:00")
    for number in (0, 6):
        shutil.copy(tmp_path / f"season/camera-0/IMG_{number:04d}.JPG", tmp_path / f"season/camera-1/copy-{number}.jpg")
    (tmp_path / "season/camera-1/broken.jpg").write_bytes(b"no picture at all")
    return tmp_path / "season"


def kill_a_worker(project: Path, share: str, *, after: int) -> None:
    """Start a worker, and kill it when so many shards more are there."""
    shards = project / "runs/together/shards"
    before = len(list(shards.glob("?????")))
    command = [sys.executable, str(ROOT / "cli.py"), "work", "runs/together", "--shards", share, "--project", project]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while len(list(shards.glob("?????"))) < before + after or not list(shards.glob("*.claim")):
        assert process.poll() is None, "the worker ended before it could be killed"
        assert time.monotonic() < deadline, "the worker did not get going"
        time.sleep(POLL_S)
    process.kill()
    process.wait()


def read_rows(run: RunFolder, name: str) -> pd.DataFrame:
    rows = run.read_table(name)
    return rows.sort_values(KEYS[name], ignore_index=True) if name in KEYS else rows


def test_killed_twice_and_started_twice_workers_end_with_the_rows_of_one_process(season, tmp_path, capsys):
    project = Project(tmp_path / "project")
    to_project = ["--project", str(project.path), "--json"]
    options = [*SMALL, "--shard-photos", "3", "--batch-photos", "2"]
    words = ["run", str(season), "--first-look", "--name", "together", "--prepare", *options, *to_project]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["n_shards"] == 8
    # The same run before its first photo: which engine is faster is noted in it, and differs by chance.
    whole = project.runs_dir / "whole"
    whole.mkdir()
    for name in ("run.json", "listing.parquet"):
        shutil.copy2(project.runs_dir / "together" / name, whole / name)

    rng = random.Random(18)
    *killed, last = rng.sample(["1/5", "2/5", "3/5", "4/5", "5/5"], 3)
    for share in killed:
        kill_a_worker(project.path, share, after=rng.choice([1, 2]))
    assert project.run("together").status is Status.PREPARED  # nobody is at it
    assert main(["work", "runs/together", "--shards", last, *to_project]) == 3  # the broken photo is said by the code
    assert main(["work", "runs/together", "--shards", last, *to_project]) == 0  # started twice: nothing is left
    assert main(["run", "--resume", "whole", *to_project]) == 3

    together, alone = project.run("together"), project.run("whole")
    assert together.status is alone.status is Status.DONE
    assert together.counts() == alone.counts()
    assert together.counts().duplicates == 2
    for name in TABLES:
        pd.testing.assert_frame_equal(read_rows(together, name), read_rows(alone, name), rtol=1e-3)
    assert len({one.worker for one in together.written.list_worked()}) == 3
