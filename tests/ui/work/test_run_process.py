"""A run as a process of its own, and the words for how it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.folder import Phase, Progress, Status
from core.settings.run import RunSettings
from ui.shared.words import say_duration
from ui.work import run_process
from ui.work.processes import NICENESS, start_detached
from ui.work.run_process import RUNS, RunRequest, build_command, start_run
from ui.work.words import say_progress


def test_the_command_is_what_a_person_would_type(tmp_path):
    request = RunRequest(
        project=tmp_path / "p",
        name="spring",
        folder=tmp_path / "-photos",
        bundle="forest",
        detector="yolov8n",
        boxes=tmp_path / "b.json",
        deployments=tmp_path / "d.csv",
        allow_code=True,
    )

    command = build_command(request, settings_file=tmp_path / "s.json", python="python")

    assert command == [
        "python",
        str(run_process.CLI),
        "run",
        "--project",
        str(tmp_path / "p"),
        "--json",
        "--allow-code",
        "--name",
        "spring",
        "--bundle",
        "forest",
        "--detector",
        "yolov8n",
        "--boxes",
        str(tmp_path / "b.json"),
        "--deployments",
        str(tmp_path / "d.csv"),
        "--settings-file",
        str(tmp_path / "s.json"),
        "--",
        str(tmp_path / "-photos"),
    ]


def test_the_command_of_a_first_look_and_of_a_resume(tmp_path):
    first = RunRequest(project=tmp_path, name="a", folder=tmp_path)
    again = RunRequest(project=tmp_path, name="a", resume="a", folder=tmp_path)

    assert "--first-look" in build_command(first, settings_file=None)
    assert build_command(again, settings_file=None)[3:] == ["--project", str(tmp_path), "--json", "--resume", "a"]


def test_the_commands_options_are_those_of_the_command_line(tmp_path):
    answer = subprocess.run(
        [sys.executable, str(run_process.CLI), "run", "--help"], capture_output=True, text=True, timeout=60
    )
    request = RunRequest(
        project=tmp_path,
        name="a",
        folder=tmp_path,
        bundle="b",
        detector="c",
        boxes=tmp_path,
        deployments=tmp_path,
        allow_code=True,
    )
    used = [*build_command(request, settings_file=tmp_path), "--first-look", "--resume"]

    assert answer.returncode == 0, answer.stderr
    for option in {word for word in used if word.startswith("--") and word != "--"}:
        assert option in answer.stdout


def test_a_run_starts_in_a_process_of_its_own_with_its_settings(tmp_path, monkeypatch):
    cli = tmp_path / "fake_cli.py"
    cli.write_text(
        "import json, os, sys\nprint(json.dumps([sys.argv[1:], os.getppid(), os.getpid()]))\n"
        "print('to stderr', file=sys.stderr)\nsys.exit(3)\n"
    )
    monkeypatch.setattr(run_process, "CLI", cli)
    settings = RunSettings(batch_photos=7)

    process = start_run(RunRequest(project=tmp_path / "p", name="träd", folder=tmp_path, settings=settings))
    assert process.wait(timeout=60) == 3

    said = RUNS.read_words(tmp_path / "p", "träd").splitlines()
    arguments, _, pid = json.loads(next(line for line in said if line.startswith("[")))
    assert pid != os.getpid()
    assert "to stderr" in said
    settings_file = Path(arguments[arguments.index("--settings-file") + 1])
    assert RunSettings.from_values(json.loads(settings_file.read_text(encoding="utf-8"))) == settings
    assert RUNS.has_ended(tmp_path / "p", "träd")
    assert not RUNS.has_ended(tmp_path / "p", "träd", badly=True), "some photos failed, but the run is done"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sessions of processes")
def test_a_run_outlives_the_dashboard(tmp_path, monkeypatch):
    cli = tmp_path / "fake_cli.py"
    cli.write_text("import os\nprint(os.getsid(0))\n")
    monkeypatch.setattr(run_process, "CLI", cli)

    process = start_run(RunRequest(project=tmp_path, name="a", folder=tmp_path))
    process.wait(timeout=60)

    assert int(RUNS.read_words(tmp_path, "a")) == process.pid != os.getsid(0)


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
    assert say_progress(Progress(phase=Phase.STARTING)) == "0 of 0 photos · no failures"
    assert say_progress(Progress(phase=Phase.SCORES, done=5, total=5, photos_per_s=1)) == (
        "5 of 5 photos · 1.0 photos/s · no failures"
    )


def test_every_status_has_words_and_an_icon():
    from ui.run.past import STATUS_ICONS
    from ui.work.words import PHASE_WORDS, STATUS_WORDS

    assert set(STATUS_WORDS) == set(STATUS_ICONS) == set(Status)
    assert set(PHASE_WORDS) == set(Phase)
