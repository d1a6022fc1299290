"""What pages ask to be started, without a process."""

import pytest

from core.work.request import Request
from models.jobs import registry


class Starts(list[Request]):
    """The requests, in order; ``allow_code`` of each, and the ids of work that was to be resumed."""

    def __init__(self) -> None:
        super().__init__()
        self.allow_code: list[bool] = []
        self.resumed: list[str] = []


def watch_starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    """Requests are written to the project as ever, but no process begins."""
    starts = Starts()

    def begin(project, work, work_id, *, allow_code, **how):
        kind, _ = registry.find_work(project, work_id)
        if work.kind:
            starts.append(work.read_request(kind.REQUEST))
        starts.allow_code.append(allow_code)

    def resume(project, work_id, **how):
        starts.resumed.append(work_id)

    monkeypatch.setattr("ui.work.start._begin", begin)
    monkeypatch.setattr("ui.work.start.resume", resume)
    return starts
