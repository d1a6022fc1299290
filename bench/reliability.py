"""Checks that decisions survive: many reviewers, kills, a locked database, full and read-only disks, bad addresses.

    python bench/reliability.py [--quick] [--json]

The dashboard runs as a user runs it, and decisions go by the route of its board. The full and the read-only disk are
small file systems in memory, which only an administrator of the machine may mount. Otherwise those parts say so.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
for _place in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(_place))

import duckdb  # noqa: E402  (the project must be on the path first)
import pandas as pd  # noqa: E402

from bench.targets import exactly, report  # noqa: E402
from core.errors import AnomalureError  # noqa: E402
from core.store.database import Store  # noqa: E402
from core.study.project import Project  # noqa: E402
from tests.fakes.project import make_project  # noqa: E402
from ui.server.reviewer_pass import make_pass  # noqa: E402

REVIEWERS, DECISIONS = 8, 500
KILLS = 20
QUICK_DECISIONS, QUICK_KILLS = 40, 3
CROPS = 400
START_S = 90.0
SMALL_DISK_MB = 4
VERDICTS = ("anomaly", "normal", "unsure")
MADE_UP = (
    "/crops/../../../../etc/passwd",
    "/crops/..%2f..%2f..%2fetc%2fpasswd.jpg",
    "/crops/%2e%2e/%2e%2e/anomalure.duckdb",
    "/crops/0123456789abcdef0123.jpg",
    "/crops/..jpg",
    "/crops/%00.jpg",
    "/crops/ABCDEF0123456789ABCD.jpg",
    "/photos/../../etc/passwd",
    "/photos/{run}/..%2f..%2f..%2fetc%2fpasswd",
    "/photos/{run}/" + "0" * 32,
    "/photos/..%2fruns/" + "0" * 32,
    "/photos/no-such-run/" + "0" * 32,
    "/photos/{run}/north%2fphoto-000.jpg",
    "/exports/../anomalure.duckdb",
    "/exports/..%2f..%2fanomalure.duckdb",
    "/exports/20260101-000000-abcdef01",
    "/api/runs/..%2f..%2fetc/queue",
    "/api/runs/no-such-run/queue",
    "/api/runs/{run}/crops/..%2f..%2fetc",
    "/api/runs/{run}/crops/0123456789abcdef0123",
)


@dataclass
class Figures:
    """What was measured, and against which target."""

    values: dict[str, Any] = field(default_factory=dict)
    targets: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, figure: Any, *, wanted: Any = None) -> None:
        """Note a figure; with ``wanted`` it is a target that only this value meets."""
        self.values[name] = figure
        if wanted is not None:
            self.targets.append(exactly(name, figure, wanted))


class Dashboard:
    """The app as a process of its own; ``kill`` is a kill -9 of it and of all that it started."""

    def __init__(self, project: Path, log: Path) -> None:
        self.project, self.log = project, log
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = int(one.getsockname()[1])

    def start(self) -> float:
        """Start it; returns after how many seconds it answers."""
        began = time.monotonic()
        options = ["--server.headless", "true", "--server.port", str(self.port)]
        command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, "ANOMALURE_PROJECT": str(self.project)},
            )
        while True:
            with suppress(OSError):
                if self.ask("GET", "/healthz")[0] == 200:
                    return time.monotonic() - began
            if self.process.poll() is not None or time.monotonic() - began > START_S:
                raise RuntimeError(f"the dashboard does not answer: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)

    def kill(self) -> None:
        """End the process with kill -9, as a power cut would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask(self, method: str, path: str, body: Any = None, *, timeout_s: float = 30.0) -> tuple[int, Any]:
        """One request, its path sent as it is; the status and the answer (JSON where it is)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        with suppress(ValueError):
            return answer.status, json.loads(content)
        return answer.status, content


class Reviewer:
    """A reviewer at the board: gives each decision its own id, remembers which were shown as saved, and retries."""

    def __init__(self, dashboard: Dashboard, run: str, crops: Sequence[str], name: str, token: str) -> None:
        self.dashboard, self.run, self.crops, self.token = dashboard, run, crops, token
        self.draw = random.Random(name)
        self.saved: set[str] = set()
        self.waiting: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.messages: list[str] = []

    def decide(self) -> bool:
        """Send one more decision, and those that wait, in one request; returns whether all were reported as saved."""
        self.waiting.append(
            {"id": uuid4().hex, "crop": self.draw.choice(self.crops), "verdict": self.draw.choice(VERDICTS)}
        )
        return self.send()

    def send(self) -> bool:
        """Send the waiting decisions."""
        try:
            status, answer = self.dashboard.ask(
                "POST", "/api/verdicts", {"run": self.run, "pass": self.token, "decisions": self.waiting}
            )
        except (OSError, http.client.HTTPException):
            return False
        if status != 200:
            self.messages.append(answer.get("error", "") if isinstance(answer, dict) else str(answer))
            return False
        self.saved |= set(answer["saved"])
        self.refused += list(answer["refused"])
        self.waiting = [one for one in self.waiting if one["id"] not in self.saved]
        return not self.waiting


def read_ids(project: Project) -> pd.Series:
    """How often each decision's id stands in the database."""
    store = Store(project.path / "anomalure.duckdb", patience_s=60)
    return store.verdicts(with_second=True)["verdict_id"].value_counts()


def make_reviewers(dashboard: Dashboard, project: Project, n: int) -> list[Reviewer]:
    """Reviewers over the crops of the newest run."""
    run = project.latest_run()
    assert run is not None
    crops = project.review_queue(run, flagged_only=False, limit=CROPS).rows["crop_id"].tolist()
    return [Reviewer(dashboard, run.run_id, crops, f"R{i}", make_pass(project, reviewer=f"R{i}")) for i in range(n)]


def measure_many(dashboard: Dashboard, project: Project, *, reviewers: int, decisions: int) -> Figures:
    """Reviewers at once; every tenth sends its last decision again, as after a lost answer."""
    people = make_reviewers(dashboard, project, reviewers)
    again: set[str] = set()

    def review(one: Reviewer) -> None:
        for n in range(decisions):
            while not (one.decide() if not one.waiting else one.send()):
                time.sleep(0.05)
            if n % 10 == 9:
                repeated = one.draw.choice(sorted(one.saved))
                again.add(repeated)
                dashboard.ask(
                    "POST",
                    "/api/verdicts",
                    {
                        "run": one.run,
                        "pass": one.token,
                        "decisions": [{"id": repeated, "crop": one.crops[0], "verdict": "unsure"}],
                    },
                )

    before = len(read_ids(project))
    began = time.monotonic()
    work_in_threads([partial(review, one) for one in people])
    seconds = time.monotonic() - began
    ids = read_ids(project)
    saved = set().union(*(one.saved for one in people))
    figures = Figures()
    figures.add("reviewers at once", reviewers)
    figures.add("decisions each", decisions)
    figures.add("decisions lost", len(saved - set(ids.index)) + reviewers * decisions - len(saved), wanted=0)
    figures.add("decisions doubled", int((ids > 1).sum()) + len(ids) - before - len(saved), wanted=0)
    figures.add("sent again", len(again))
    figures.add("decisions a second", round(reviewers * decisions / seconds, 1))
    return figures


def measure_kills(dashboard: Dashboard, project: Project, *, kills: int) -> Figures:
    """kill -9 at random moments while four people decide; the dashboard is started again each time."""
    people = make_reviewers(dashboard, project, 4)
    draw = random.Random(3)
    in_flight = 0
    for _ in range(kills):
        stop = threading.Event()

        def review(one: Reviewer, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                if one.waiting:
                    one.send()
                else:
                    one.decide()

        threads = [threading.Thread(target=review, args=(one,)) for one in people]
        for thread in threads:
            thread.start()
        # Not at once: a dashboard that has just started reads the run first, and a kill then would test nothing.
        so_far, until = sum(len(one.saved) for one in people), time.monotonic() + START_S
        while sum(len(one.saved) for one in people) == so_far and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(draw.uniform(0.0, 1.5))
        dashboard.kill()
        stop.set()
        for thread in threads:
            thread.join()
        in_flight += sum(len(one.waiting) for one in people)
        missing = set().union(*(one.saved for one in people)) - set(read_ids(project).index)
        if missing:
            break
        dashboard.start()
    for one in people:
        until = time.monotonic() + 30
        while one.waiting and not one.send() and time.monotonic() < until:
            time.sleep(0.1)
    ids = read_ids(project)
    saved = set().union(*(one.saved for one in people))
    figures = Figures()
    figures.add("kills", kills)
    figures.add("shown as saved before a kill", len(saved))
    figures.add("shown as saved and gone", len(saved - set(ids.index)), wanted=0)
    figures.add("in doubt at a kill, sent again", in_flight)
    figures.add("in doubt, not saved afterwards", sum(len(one.waiting) for one in people), wanted=0)
    figures.add("doubled by sending again", int((ids > 1).sum()), wanted=0)
    return figures


HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def measure_held(dashboard: Dashboard, project: Project) -> Figures:
    """Another program locks the database: which message comes, and whether the decision is saved afterwards."""
    (one,) = make_reviewers(dashboard, project, 1)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(project.path / "anomalure.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    holder.stdout.readline()
    began = time.monotonic()
    was_saved = one.decide()
    waited_s = time.monotonic() - began
    kept = len(one.waiting)
    holder.stdin.close()
    holder.wait()
    one.send()
    message = one.messages[0] if one.messages else ""
    figures = Figures()
    figures.add("held: said to be saved", was_saved, wanted=False)
    figures.add("held: message is plain", _is_plain(message) and "in use by" in message, wanted=True)
    figures.add("held: message", message.replace(str(project.path), "PROJECT"))
    figures.add("held: seconds to the message", round(waited_s, 1))
    figures.add("held: kept in the browser meanwhile", kept, wanted=1)
    figures.add("held: saved afterwards", len(one.saved & set(read_ids(project).index)), wanted=1)
    return figures


def _is_plain(message: str) -> bool:
    return bool(message) and "Traceback" not in message and "\n" not in message and message.endswith(".")


@contextmanager
def small_disk(size_mb: int) -> Iterator[Path]:
    """A file system of a few megabytes.

    Raises:
        PermissionError: If this user may not mount one.
    """
    folder = Path(tempfile.mkdtemp(prefix="anomalure-disk-"))
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        folder.rmdir()
        raise PermissionError("only an administrator may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def _try(action: Callable[[], Any]) -> str:
    """The message of the error; empty if there was none. Anything but a plain error is passed on."""
    try:
        action()
    except AnomalureError as error:
        return str(error)
    return ""


def _is_sound(path: Path) -> bool:
    with duckdb.connect(path) as connection:
        connection.execute("SELECT count(*), max(sequence) FROM verdicts").fetchall()
    return True


def measure_disks() -> Figures:
    """A full disk and a read-only disk: which message comes, and that the existing data are unchanged."""
    figures = Figures()
    try:
        with small_disk(SMALL_DISK_MB) as disk:
            _measure_full(disk, figures)
        with small_disk(SMALL_DISK_MB * 4) as disk:
            _measure_read_only(disk, figures)
    except PermissionError as error:
        figures.add("disks", f"not measured: {error}")
    return figures


def _measure_full(disk: Path, figures: Figures) -> None:
    project = make_project(disk, 6)
    row = project.review_queue(flagged_only=False).rows.iloc[0].to_dict()
    saved = []
    for _ in range(5):
        saved.append(project.save_verdict(row, "anomaly", reviewer="Ada").verdict_id)
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    message, tries = "", 0
    while not message and tries < 2_000:
        tries += 1
        message = _try(lambda: saved.append(project.save_verdict(row, "normal", note="x" * 2000).verdict_id))
    export = _try(lambda: _export(project, disk / "out.csv"))
    figures.add("full disk: said plainly", _is_plain(message), wanted=True)
    figures.add("full disk: message", message.replace(str(disk), "DISK"))
    figures.add("full disk: export said plainly", _is_plain(export), wanted=True)
    figures.add("full disk: half files left", len(list(disk.glob(".out*")) + list(disk.glob("out.csv"))), wanted=0)
    ballast.unlink()
    fresh = Store(project.path / "anomalure.duckdb")
    figures.add("full disk: saved and gone", len(set(saved) - set(fresh.verdicts()["verdict_id"])), wanted=0)
    figures.add(
        "full disk: not said to be saved but there", len(set(fresh.verdicts()["verdict_id"]) - set(saved)), wanted=0
    )
    again = _try(lambda: project.save_verdict(row, "normal"))
    figures.add("full disk: works again with room", again == "", wanted=True)
    figures.add("full disk: database sound", _is_sound(fresh.path), wanted=True)


def _measure_read_only(disk: Path, figures: Figures) -> None:
    project = make_project(disk, 6)
    row = project.review_queue(flagged_only=False).rows.iloc[0].to_dict()
    saved = {project.save_verdict(row, "anomaly", reviewer="Ada").verdict_id}
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    message = _try(lambda: project.save_verdict(row, "normal"))
    export = _try(lambda: _export(project, disk / "out.csv"))
    figures.add("read-only disk: said plainly", _is_plain(message), wanted=True)
    figures.add("read-only disk: message", message.replace(str(disk), "DISK"))
    figures.add("read-only disk: export said plainly", _is_plain(export), wanted=True)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    fresh = Store(project.path / "anomalure.duckdb")
    figures.add("read-only disk: rows as they were", set(fresh.verdicts()["verdict_id"]) == saved, wanted=True)
    figures.add("read-only disk: works again", _try(lambda: project.save_verdict(row, "normal")) == "", wanted=True)


def _export(project: Project, out: Path) -> None:
    from core.export.choice import ExportChoice
    from core.export.files import write_export

    write_export(project, ExportChoice(verdicts=()), out)


def measure_addresses(dashboard: Dashboard, project: Project) -> Figures:
    """Addresses that lead out of the project or do not exist: 404, and no content of a file in the answer."""
    run = project.latest_run()
    assert run is not None
    told = []
    secret = project.path / "secret.jpg"
    secret.write_bytes(b"\xff\xd8SECRET")
    for address in (*MADE_UP, "/crops/..%2f" + quote("secret.jpg"), "/crops/..%2fsecret.jpg"):
        status, answer = dashboard.ask("GET", address.replace("{run}", quote(run.run_id)))
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        if status != 404 or b"root:" in text or b"SECRET" in text or b"DUCK" in text:
            told.append(f"{address}: {status}")
    figures = Figures()
    figures.add("made-up addresses", len(MADE_UP) + 2)
    figures.add("answered with anything but 404", len(told), wanted=0)
    if told:
        figures.add("answered", told)
    return figures


def work_in_threads(jobs: Sequence[Callable[[], None]]) -> None:
    """Do all of them at the same time; the first error of any is raised."""
    errors: list[BaseException] = []

    def work(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    decisions, kills = (QUICK_DECISIONS, QUICK_KILLS) if arguments.quick else (DECISIONS, KILLS)
    folder = Path(tempfile.mkdtemp(prefix="anomalure-reliability-"))
    parts: list[Figures] = []
    try:
        project = make_project(folder, CROPS, shard_photos=200)
        dashboard = Dashboard(project.path, folder / "server.log")
        try:
            dashboard.start()
            parts.append(measure_addresses(dashboard, project))
            parts.append(measure_many(dashboard, project, reviewers=REVIEWERS, decisions=decisions))
            parts.append(measure_held(dashboard, project))
            parts.append(measure_kills(dashboard, project, kills=kills))
        finally:
            dashboard.kill()
        parts.append(measure_disks())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = {name: value for part in parts for name, value in part.values.items()}
    targets = [target for part in parts for target in part.targets]
    shown = {**figures, "quick": arguments.quick}
    report(shown, targets, as_json=arguments.json, print_figures=lambda: print_figures(figures))
    return 0


def print_figures(figures: dict[str, Any]) -> None:
    """One line per figure."""
    for name, value in figures.items():
        print(f"{name:44} {value}")


if __name__ == "__main__":
    sys.exit(main())
