"""Processes that outlive the dashboard, and the words for how long work stands."""

import os
import subprocess
import sys

import pytest

from core.runs.folder import Phase, Progress, Status
from ui.shared.words import say_duration
from ui.work.processes import NICENESS, read_tail, start_detached
from ui.work.words import PHASE_WORDS, STATUS_ICONS, STATUS_WORDS, say_progress


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sessions of processes")
def test_work_outlives_the_dashboard(tmp_path):
    process = start_detached([sys.executable, "-c", "import os; print(os.getsid(0))"], tmp_path / "log.txt")
    process.wait(timeout=60)

    assert int(read_tail(tmp_path / "log.txt")) == process.pid != os.getsid(0)


@pytest.mark.skipif(os.name == "nt", reason="asks for the priority as Linux and macOS do")
def test_work_in_the_background_lets_the_dashboard_go_first_unless_somebody_waits_for_it(tmp_path):
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    for is_waited_for in (False, True):
        process = start_detached(
            [sys.executable, "-c", "input()"], tmp_path / "log.txt", stdin=subprocess.PIPE, is_waited_for=is_waited_for
        )
        niceness = os.getpriority(os.PRIO_PROCESS, process.pid)
        process.communicate(b"\n", timeout=60)
        assert niceness == (usual if is_waited_for else max(usual, NICENESS))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
        (None, "unknown"),
        (float("inf"), "unknown"),
        (float("nan"), "unknown"),
        (-1, "unknown"),
    ],
)
def test_a_duration_is_said_in_words(seconds, said):
    assert say_duration(seconds) == said


def test_progress_says_only_what_is_known():
    assert say_progress(Progress(phase=Phase.STARTING)) == "**Getting ready**"
    assert say_progress(Progress(phase=Phase.MODELS, done=49, total=1_000, unit="thousandth")).endswith(" · 5%")
    assert say_progress(Progress(phase=Phase.SCORES, done=5, total=5, photos_per_s=1)) == (
        "**Scoring the crops** · 5 of 5 photos · 1.0 photos/s"
    )


def test_every_status_has_words_and_an_icon():
    assert set(STATUS_WORDS) == set(STATUS_ICONS) == set(Status)
    assert set(PHASE_WORDS) == set(Phase)
