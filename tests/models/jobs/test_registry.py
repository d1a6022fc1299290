"""A kind of long work is one file in models/jobs: it is found, asked for, done, cancelled and resumed like others."""

import errno
import os
import subprocess
import sys
import threading
import time
import typing
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import pytest

import models.jobs
from core.errors import AnomalureError
from core.study.project import Project
from core.work.doing import do_work
from core.work.folder import Status, WorkFolder
from core.work.meter import Cancelled
from core.work.progress import Phase, Progress
from models.jobs import registry
from ui.work import start

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
TOY = GUIDE.partition("```python\n# models/jobs/count.py\n")[2].partition("```")[0]


@pytest.fixture
def toy(tmp_path, monkeypatch) -> type:
    """The request of a kind of work that one file adds."""
    folder = tmp_path / "more kinds"
    folder.mkdir()
    (folder / "count.py").write_text(TOY)
    monkeypatch.setattr(models.jobs, "__path__", [*models.jobs.__path__, str(folder)])
    yield registry.load_kind("count").REQUEST
    sys.modules.pop("models.jobs.count", None)
    del models.jobs.count


@pytest.fixture
def by_command(tmp_path, toy) -> Path:
    """A command line that knows the toy kind too, in place of ``cli.py``."""
    place = tmp_path / "cli_with_toy.py"
    place.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nimport models.jobs\n"
        f"models.jobs.__path__.append({str(tmp_path / 'more kinds')!r})\nfrom cli import main\nsys.exit(main())\n"
    )
    return place


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


def wait_for(condition, *, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def test_one_file_adds_a_kind_of_work(project, toy):
    assert "count" in registry.list_kinds()

    assert registry.do_at_once(project, toy(name="first", to=5)) == {"counted": 5}

    work = WorkFolder(project.path / "counts" / "first")
    assert (work.status, work.read_result()) == (Status.DONE, {"counted": 5})


def test_the_command_does_what_is_asked_for_on_disk(project, toy, by_command):
    registry.ask(project, toy(name="first", to=4))
    command = [sys.executable, str(by_command), "work", "counts/first", "--project", str(project.path), "--json"]

    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    assert '"counted": 4' in answer.stdout
    assert WorkFolder(project.path / "counts" / "first").status is Status.DONE


def test_a_cancel_while_the_process_is_starting_holds_and_the_work_can_be_resumed(project, toy):
    work = registry.ask(project, toy(name="first", to=5))
    work.request_cancel()

    with pytest.raises(Cancelled):
        registry.do(project, "counts/first")
    assert work.status is Status.CANCELLED
    assert not (work.path / "counted.txt").exists()

    assert registry.resume_at_once(project, "counts/first") == {"counted": 5}
    assert work.status is Status.DONE


def test_the_dashboard_starts_it_cancels_it_and_resumes_it(project, toy, by_command, monkeypatch):
    monkeypatch.setattr(start, "CLI", by_command)
    work = start.start(project, toy(name="first", to=500))
    assert work.status is Status.RUNNING
    wait_for((work.path / "counted.txt").is_file)

    start.stop(project, work)
    wait_for(lambda: not start.is_alive(work))
    counted = int((work.path / "counted.txt").read_text())
    assert work.status is Status.CANCELLED
    assert 0 < counted < 500

    (work.path / "counted.txt").write_text("495")
    start.resume(project, "counts/first")
    wait_for(lambda: work.status is Status.DONE)
    assert work.read_result() == {"counted": 500}


def test_a_process_that_says_nothing_leaves_the_last_line_of_its_log(project, toy, tmp_path, monkeypatch):
    silent = tmp_path / "silent.py"
    silent.write_text(
        "import sys\nprint('Loading')\nprint('There is no libtorch here.', file=sys.stderr)\nsys.exit(1)\n"
    )
    monkeypatch.setattr(start, "CLI", silent)

    work = start.start(project, toy(name="first"))

    wait_for(lambda: work.status is Status.FAILED)
    assert work.read_progress().message in ("There is no libtorch here.", "Loading")


def test_a_spare_process_takes_the_next_work_of_its_kind(project, toy, by_command, monkeypatch):
    monkeypatch.setattr(start, "CLI", by_command)
    start.keep_ready(project, "count", name="a")
    spare = start._spares[project.path, "count", "a"]

    work = start.start(project, toy(name="first", to=2), use_spare="a")

    wait_for(lambda: work.status is Status.DONE)
    assert work.read_progress().pid == spare.pid
    assert (project.path, "count", "a") not in start._spares


def test_work_whose_beginning_fails_leaves_nothing_when_a_person_waits_and_a_sentence_when_not(project, toy):
    with pytest.raises(AnomalureError, match="Nobody can count to -1"):
        registry.do_at_once(project, toy(name="first", to=-1))
    assert not (project.path / "counts" / "first").exists()

    work = registry.ask(project, toy(name="first", to=-1))
    with pytest.raises(AnomalureError, match="Nobody can count"):
        registry.do(project, "counts/first")
    assert (work.status, work.read_progress().message) == (Status.FAILED, "Nobody can count to -1.")


def test_a_new_request_takes_the_place_of_work_that_left_nothing_but_not_of_other_work(project, toy):
    registry.ask(project, toy(name="first", to=-1))
    with pytest.raises(AnomalureError, match="is under way"):
        registry.ask(project, toy(name="first"))
    with pytest.raises(AnomalureError, match="Nobody"):
        registry.do(project, "counts/first")

    assert registry.do_at_once(project, toy(name="first", to=1)) == {"counted": 1}
    with pytest.raises(AnomalureError, match="named first already"):
        registry.ask(project, toy(name="first"))


def test_a_second_process_is_refused(project, toy):
    work = registry.ask(project, toy(name="first"))
    held, done = threading.Event(), threading.Event()

    def hold():
        with work.working():
            held.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    try:
        with pytest.raises(AnomalureError, match=f"being worked on by process {os.getpid()}"):
            registry.do(project, "counts/first")
    finally:
        done.set()
        holder.join()


# What holds for every kind


def make_value(what, samples):
    return what() if is_dataclass(what) else samples.get(what, ())


def make_request(kind: str, **given):
    """A request of a kind with something in each field that has no default."""
    what = registry.list_kinds()[kind]
    hints = typing.get_type_hints(what)
    samples = {str: "first", Path: Path("/photos"), int: 1, float: 1.0, bool: False}
    needed = [one for one in fields(what) if one.default is MISSING and one.default_factory is MISSING]
    values = {one.name: make_value(hints[one.name], samples) for one in needed}
    return what(**{**values, **given})


@pytest.mark.parametrize("kind", registry.list_kinds())
def test_a_request_of_every_kind_is_read_back_as_it_was_written(tmp_path, kind):
    request = make_request(kind, name="first")
    work = WorkFolder(tmp_path / "first")

    work.ask(request)

    assert work.read_request(type(request)) == request
    assert work.kind == kind == request.kind


@pytest.mark.parametrize("kind", registry.list_kinds())
def test_a_cancel_before_the_start_holds_for_every_kind_and_nothing_is_half_made(project, kind):
    request = make_request(kind, name="first")
    work = registry._open(registry.load_kind(kind), project.path / request.work_id)
    work.ask(request)
    work.request_cancel()

    with pytest.raises(Cancelled):
        registry.do(project, request.work_id)

    assert work.read_progress().phase is Phase.CANCELLED
    assert {path.name for path in work.path.iterdir()} <= {"request.json", "progress.json", "worker.lock"}


def test_of_two_who_ask_for_one_name_at_the_same_time_one_is_refused(tmp_path, toy):
    ended: list[str] = []

    def ask_too() -> None:
        try:
            WorkFolder(tmp_path / "mine").ask(toy(name="mine", to=2))
            ended.append("took its place")
        except AnomalureError as error:
            ended.append(str(error))

    other = threading.Thread(target=ask_too)

    class Slow(WorkFolder):
        def write_request(self, request):
            other.start()  # its folder is there, and what is asked for is not yet
            other.join(timeout=0.3)
            super().write_request(request)

    work = Slow(tmp_path / "mine")
    work.ask(toy(name="mine", to=1))
    other.join()

    assert ended == ["A work named mine is under way. Wait until it ends, or choose another name."]
    assert work.read_request(toy).to == 1


def test_a_request_never_takes_the_place_of_work_that_a_process_does(tmp_path, toy):
    work = WorkFolder(tmp_path / "mine")
    work.ask(toy(name="mine"))
    with work.working():
        work.write_progress(Progress(phase=Phase.FAILED))  # as read from a disk that shows what is old
        with pytest.raises(AnomalureError, match="is being worked on by process"):
            WorkFolder(work.path).ask(toy(name="mine", to=5))


@pytest.mark.parametrize("work_id", ["", "counts/none", "../outside", "/etc", "counts/../..", "runs"])
def test_an_id_that_is_none_is_a_sentence(project, toy, work_id):
    with pytest.raises(AnomalureError, match=r"There is no work|holds no work"):
        registry.find_work(project, work_id)


def break_off(project, kind):
    """Work that failed, and left something behind."""
    request = make_request(kind, name="first")
    work = registry._open(registry.load_kind(kind), project.path / request.work_id)
    work.ask(request)
    work.write_progress(Progress(phase=Phase.FAILED, message="The disk is full."))
    (work.path / "checkpoint.safetensors").write_bytes(b"half of it")
    return request, work


@pytest.mark.parametrize("kind", ["images", "scenes", "retrain"])
def test_work_that_keeps_nothing_half_done_is_begun_anew_by_the_same_command(project, kind):
    request, work = break_off(project, kind)

    work.ask(request)

    assert work.status is Status.RUNNING


@pytest.mark.parametrize(
    "kind", sorted(set(registry.list_kinds()) - {"groups", "maps", "rank", "suggestions"})
)  # asked for again
def test_how_work_is_resumed_is_said_as_its_command_has_it(project, kind):
    request, work = break_off(project, kind)

    has_option = kind in ("run", "bundle", "detector")
    assert work.resume_words == ("--resume first" if has_option else f"cli.py work {request.work_id}")


@pytest.mark.parametrize(("phase", "then"), [(None, "then try again."), (Phase.PHOTOS, "then resume the work.")])
def test_a_full_disk_names_what_can_be_done_then(project, toy, monkeypatch, phase, then):
    work = registry.ask(project, toy(name="first"))
    (work.path / "counted.txt").write_text("1")

    def fill(meter):
        if phase is not None:
            meter.begin(phase, total=2)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(AnomalureError, match=f"is full. Make room there, {then}"):
        do_work(work, fill)
