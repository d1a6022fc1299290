"""A run that is killed with no chance to say goodbye goes on where it was, and ends with the same rows."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from core.project import Project
from core.runs import RunFolder, RunStatus

ROOT = Path(__file__).resolve().parent.parent
TABLES = ("photos", "detections", "crops", "failures", "events", "scores")
PATIENCE_S = 120
POLL_S = 0.005  # the run needs the processor: waiting must not spin


@pytest.fixture
def season(tmp_path, write_jpeg) -> Path:
    for number in range(48):
        name = f"camera-{number % 2}/IMG_{number:04d}.JPG"
        write_jpeg(tmp_path / "season" / name, seed=number, size=(320, 240), taken_at=f"2024:05:03 06:{number:02d}:00")
    return tmp_path / "season"


def command(project: Path, *words: str) -> list[str]:
    return [sys.executable, str(ROOT / "cli.py"), "run", *words, "--project", str(project), "--json"]


def start(project: Path, season: Path, name: str) -> list[str]:
    options = ["--detector", "bundled", "--backbone-weights", "bundled", "--shard-photos", "4", "--batch-photos", "2"]
    return command(project, str(season), "--first-look", "--name", name, *options)


def kill_when_half_done(words: list[str], run: Path) -> None:
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while not (run / "done-00003.json").exists():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run did not get going"
        time.sleep(POLL_S)
    process.kill()
    process.wait()


def read_rows(run: RunFolder) -> dict[str, pd.DataFrame]:
    return {name: run.read_table(name) for name in TABLES}


def test_a_killed_run_resumes_to_the_same_rows(season, tmp_path):
    project = Project(tmp_path / "project")
    whole = subprocess.run(start(project.path, season, "whole"), cwd=ROOT, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    kill_when_half_done(start(project.path, season, "cut"), project.runs_dir / "cut")
    cut = project.run("cut")
    assert cut.status is RunStatus.INTERRUPTED
    finished = {i: (cut.path / f"crops-{i:05d}.parquet").stat().st_mtime_ns for i in cut.done_shards()}
    assert 4 <= len(finished) < cut.n_shards

    resumed = subprocess.run(command(project.path, "--resume", "cut"), cwd=ROOT, capture_output=True, text=True)

    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["photos"] == 48
    assert {i: (cut.path / f"crops-{i:05d}.parquet").stat().st_mtime_ns for i in finished} == finished
    uninterrupted, rows = read_rows(project.run("whole")), read_rows(project.run("cut"))
    for name in TABLES:
        pd.testing.assert_frame_equal(uninterrupted[name], rows[name], rtol=1e-3)
    assert not rows["crops"]["crop_id"].duplicated().any()
    assert not rows["scores"]["crop_id"].duplicated().any()
