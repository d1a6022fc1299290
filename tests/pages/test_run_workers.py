"""What a user notices on the Run page of a run that several workers do."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.disk.files import write_whole
from core.disk.json import to_json
from core.runs.folder import Phase, Progress, RunFolder
from core.study.project import Project
from core.work.claims import take_claim
from tests.core.runs.test_worker import BrokenOn, finish, season, start_run, work  # noqa: F401

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "run.py")


@pytest.fixture
def run(tmp_path, monkeypatch, season) -> RunFolder:  # noqa: F811
    project = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(project.path))
    run = start_run(season, project.runs_dir / "run")
    run.write_progress(Progress(phase=Phase.PREPARED, total=run.n_files))
    return run


def open_page(*, opened: str = "") -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    if opened:
        page.session_state[f"past-{opened}"] = True
    page.run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    kinds = (page.markdown, page.warning, page.caption, page.code)
    return " ".join(str(item.value) for kind in kinds for item in kind).replace("\\", "")


def workers_of(page: AppTest) -> pd.DataFrame:
    return next(item.value for item in page.dataframe if "Worker" in item.value.columns).set_index("Worker")


def test_a_prepared_run_says_how_its_workers_are_started(run):
    page = open_page(opened="run")

    assert "prepared for workers, and none is at it just now" in said(page)
    assert "0 of 6 shards are done" in said(page)
    assert "python cli.py work runs/run --shards 1/4 --project" in said(page)


def test_workers_and_their_shards_are_shown_with_what_failed(run):
    bad = run.shard_files(2)[0]
    work(run, [0, 1, 2], worker="1/3", detector=BrokenOn(bad))
    mine = take_claim(run.written.claim_path(4), "2/3")
    dead = replace(mine, worker="3/3", host="node-9", heartbeat_at=0.0)
    write_whole(run.written.claim_path(5), to_json(dead))

    page = open_page()

    text = said(page)
    assert "2 of 6 shards are done · 1 is being worked on · 1 left by workers that have gone silent · 1 failed" in text
    assert "Shard 2, worker 1/3 on" in text
    assert "The detector is broken." in text
    table = workers_of(page)
    assert table["Shards done"].to_dict() == {"1/3": 2, "2/3": 0, "3/3": 0}
    assert table.loc["1/3", "Photos"] == 6
    assert table.loc["2/3", "Now"].startswith("shard 4, for")
    assert table.loc["3/3", "Now"] == "shard 5: gone silent"
    assert "6 of 16 photos" in next(item.proto.text for item in page.get("progress"))


def test_who_did_a_finished_run_stays_to_be_seen(run):
    work(run, [0, 1], worker="1/2")
    work(run, range(6), worker="2/2")
    finish(run)

    page = open_page(opened="run")

    assert "All 6 shards done by 2 workers" in said(page)
    assert workers_of(page)["Shards done"].tolist() == [2, 4]
