"""A run or a training that is killed with no chance to say goodbye goes on where it was, and ends as if it had not."""

import json
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
from core.work.trainings import CurvePoint
from models.bundles.bundle import Bundle
from models.contrastive.checkpoints import CHECKPOINT

ROOT = Path(__file__).resolve().parents[3]
TABLES = ("photos", "detections", "crops", "failures", "events", "scores")
PATIENCE_S = 120
N_PHOTOS = 20
EPOCHS = 4
SMALL = ["--detector", "bundled", "--backbone", "mobilenet_v2", "--backbone-weights", "bundled"]
POLL_S = 0.005  # the run needs the processor: waiting must not spin


@pytest.fixture
def season(tmp_path, write_jpeg) -> Path:
    for number in range(N_PHOTOS):
        name = f"camera-{number % 2}/IMG_{number:04d}.JPG"
        write_jpeg(tmp_path / "season" / name, seed=number, size=(320, 240), taken_at=f"2024:05:03 06:{number:02d}:00")
    return tmp_path / "season"


def command(project: Path, *words: str) -> list[str]:
    return ["run", *words, "--project", str(project), "--json"]


def start(project: Path, season: Path, name: str) -> list[str]:
    options = [*SMALL, "--shard-photos", "4", "--batch-photos", "2"]
    return command(project, str(season), "--first-look", "--name", name, *options)


def kill_when_there_is(path: Path, words: list[str]) -> None:
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the run did not get going"
        time.sleep(POLL_S)
    process.kill()
    process.wait()


def read_rows(run: RunFolder) -> dict[str, pd.DataFrame]:
    return {name: run.read_table(name) for name in TABLES}


def test_a_killed_run_resumes_to_the_same_rows(season, tmp_path, capsys):
    project = Project(tmp_path / "project")
    kill_when_there_is(project.runs_dir / "cut" / "done-00003.json", start(project.path, season, "cut"))
    cut = project.run("cut")
    assert cut.status is Status.INTERRUPTED
    finished = {i: (cut.path / f"crops-{i:05d}.parquet").stat().st_mtime_ns for i in cut.done_shards()}
    assert 4 <= len(finished) < cut.n_shards

    # The same run as it was before its first photo: which engine was faster then is noted in it, and differs by chance.
    whole = project.runs_dir / "whole"
    whole.mkdir()
    for name in ("run.json", "listing.parquet"):
        shutil.copy2(cut.path / name, whole / name)

    for name in ("whole", "cut"):
        # In this process: only what is killed needs one of its own, which would load all of its libraries anew.
        assert main(command(project.path, "--resume", name)) == 0

    assert json.loads(capsys.readouterr().out.splitlines()[-1])["photos"] == N_PHOTOS
    assert {i: (cut.path / f"crops-{i:05d}.parquet").stat().st_mtime_ns for i in finished} == finished
    uninterrupted, rows = read_rows(project.run("whole")), read_rows(project.run("cut"))
    for name in TABLES:
        pd.testing.assert_frame_equal(uninterrupted[name], rows[name], rtol=1e-3)
    assert not rows["crops"]["crop_id"].duplicated().any()
    assert not rows["scores"]["crop_id"].duplicated().any()


def test_a_killed_training_leaves_no_bundle_and_goes_on_from_its_checkpoint(season, tmp_path):
    for number, path in enumerate(sorted(season.rglob("*.JPG"))):
        species = season / "labelled" / ("deer" if number % 2 else "fox")
        species.mkdir(parents=True, exist_ok=True)
        path.rename(species / path.name)
    project = Project(tmp_path / "project")
    words = ["train", "--project", str(project.path), "--json"]
    options = [
        "--name",
        "spring",
        "--images",
        str(season / "labelled"),
        "--method",
        "simclr",
        "--epochs",
        str(EPOCHS),
        "--image-px",
        "32",
        "--batch-crops",
        "16",
        *SMALL,
    ]

    kill_when_there_is(project.trainings_dir / "spring" / CHECKPOINT, [*words, *options])

    training = project.training("spring")
    assert training.status is Status.INTERRUPTED
    assert not (project.bundles_dir / "spring").exists()

    assert main([*words, "--resume", "spring"]) == 0

    ends = [point.epoch for point in training.read_curve(CurvePoint) if point.held_out is not None]
    assert ends == list(range(1, EPOCHS + 1))  # no epoch was lost and none was done twice
    assert Bundle.load(project.bundles_dir / "spring").species == ("deer", "fox")
