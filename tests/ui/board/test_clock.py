"""A clock that is set back between decisions changes neither which verdict holds nor their order, nor refuses any."""

import time
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.records import Decision
from core.store.notes import Note, keep_notes
from core.study import decisions
from core.work.folder import Status
from core.work.progress import Phase, Progress
from models.jobs import registry
from models.jobs.groups import GroupsRequest
from ui.board.addresses import ROUTES
from ui.server.reviewer_pass import VALID_S, PassInvalid, make_pass, read_pass


@pytest.fixture
def set_clock(monkeypatch):
    """Sets the clock of decisions to so many hours from now."""

    def to(hours: float) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + timedelta(hours=hours)

        monkeypatch.setattr(decisions, "datetime", Clock)

    return to


def test_the_last_decision_holds_and_stands_first_in_the_history(project, set_clock):
    row = project.review_queue().rows.iloc[0]
    for hours, verdict in ((0, Decision.ANOMALY), (-5, Decision.NORMAL), (-9, Decision.UNSURE)):
        set_clock(hours)
        project.save_verdict(row.crop_id, verdict, reviewer="Ada")
    note = Note(note_id="0" * 32, photo_id=row.photo_id, crop_id=row.crop_id, note="old", run=row.run)
    keep_notes(project.store, [Note(**{**vars(note), "written_at": datetime.now(UTC) - timedelta(days=1)})])

    answer = TestClient(Starlette(routes=ROUTES)).get(f"/api/runs/{row.run}/crops/{row.crop_id}/history").json()

    assert [one["verdict"] or one["note"] for one in answer["history"]] == ["unsure", "normal", "anomaly", "old"]
    assert project.verdicts()["verdict"].tolist() == ["unsure"]
    assert pd.Series(project.store.verdicts()["decided_at"]).is_monotonic_decreasing, "the times are as the clock said"
    project.undo_verdict(row.crop_id, reviewer="Ada")
    assert project.verdicts().empty


@pytest.mark.parametrize("hours", [-1, 24 * 365])
def test_a_pass_from_before_the_clock_was_set_back_is_valid(project, monkeypatch, hours):
    text = make_pass(project, reviewer="Ada")
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600 * hours)
    if 3600 * hours > VALID_S:
        with pytest.raises(PassInvalid):
            read_pass(project, text)
    else:
        assert read_pass(project, text) == "Ada"


def test_work_that_never_began_is_not_called_under_way_until_the_clock_is_there_again(project, monkeypatch):
    work = registry.ask(project, GroupsRequest(run=project.latest_run().run_id))
    work.write_progress(Progress(phase=Phase.WAITING))
    assert work.status is Status.RUNNING
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600)
    assert work.status is Status.INTERRUPTED
