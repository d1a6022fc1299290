"""Measures the small things that a person waits for: the dashboard, its pages, Explore, the begin of a run, many runs.

``python bench/waits.py [--quick] [--json] [--before CHECKOUT] [--folder DIR]``. The project is the drawn sample season,
which is made once and kept in ``--folder`` (default: ``data/waits``; about 40 seconds). ``--before`` names a checkout
of earlier code, which is measured in turn with this one. Each wait is measured by the clock of a person: from the
command, or from the address typed into Chromium, until what was waited for is painted. Beside it stands the processor
time of the dashboard with its processes, and of the browser: on a busy computer the clock says little.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from dashboard import FLAGS, find_chromium  # noqa: E402  # needs the path above

from bench.targets import Target, at_most, report  # noqa: E402  # needs the path above

FULL_TURNS, QUICK_TURNS = 3, 1
FULL_RUNS, QUICK_RUNS = 200, 60
RUN_PHOTOS = 40
MOST_S = 2.0
PATIENCE_S = 120.0
# As on the computer of a user: compiled modules are kept, and ``warm_up`` writes them.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ASK_EVERY_S = 0.01
VIEWPORT = {"width": 1280, "height": 900}
PAGES = ("run", "groups", "review", "train", "export")

MAKE_SAMPLE = """
import sys
from pathlib import Path
from commands.first_steps import make_sample_ready
from core.study.project import Project
nothing = lambda *counts: None
make_sample_ready(Project(sys.argv[1]), Path(sys.argv[2]), on_photos=nothing, on_progress=nothing)
"""

# The page's script has ended, its title is there, and the browser has painted. Of Review: the first crop's picture.
DRAWN = """([what, patience]) => new Promise((done, failed) => {
  setTimeout(() => failed(new Error("it did not appear")), patience);
  const painted = () => requestAnimationFrame(() => {
    const after = new MessageChannel();
    after.port1.onmessage = () => done(performance.timeOrigin + performance.now());
    after.port2.postMessage(0);
  });
  const hosts = () => [...document.querySelectorAll("div")].map((host) => host.shadowRoot).filter(Boolean);
  const crop = () => {
    for (const host of hosts()) {
      const picture = host.querySelector(".board .card.next img");
      if (picture?.complete && picture.naturalWidth) return true;
    }
    return false;
  };
  const map = () => document.querySelector('.explore-plot[data-painted]') ||
    hosts().some((host) => host.querySelector('.explore-plot[data-painted]'));
  const page = () => document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]') &&
    document.querySelector('[data-testid="stMain"] h1');
  const is_there = { crop, map, page }[what];
  const look = () => (is_there() ? painted() : requestAnimationFrame(look));
  look();
})"""


@dataclass(frozen=True)
class Wait:
    """One wait: seconds by the clock, and processor seconds of our processes and of the browser."""

    wall_s: float
    cpu_s: float = 0.0
    browser_cpu_s: float = 0.0


def count_cpu(process: psutil.Process) -> float:
    """Processor seconds of a process and of those that it started, also of those that have ended."""
    total = 0.0
    with suppress(psutil.Error):
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                times = one.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


class Dashboard:
    """A dashboard that was started as a user does, by ``cli.py start``; ``began`` is when."""

    def __init__(self, code: Path, project: Path) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self.url = f"http://localhost:{port}"
        self.began = time.time()
        self._server = psutil.Popen(
            [sys.executable, "cli.py", "start", "--project", str(project), "--port", str(port)],
            cwd=code,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**ENVIRONMENT, "STREAMLIT_SERVER_HEADLESS": "true"},
        )

    def wait(self) -> Wait:
        """Until it answers."""
        until = time.time() + PATIENCE_S
        while True:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                return Wait(time.time() - self.began, self.cpu_s)
            if self._server.poll() is not None or time.time() > until:
                raise SystemExit("The dashboard did not start.")
            time.sleep(ASK_EVERY_S)

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far."""
        return count_cpu(self._server)

    def end(self) -> None:
        """Stop it, and what it has started."""
        started = self._server.children(recursive=True)
        self._server.terminate()
        self._server.wait(timeout=30)
        for one in started:
            with suppress(psutil.Error):
                one.terminate()


class Browser:
    """A Chromium that is open already, as that of a person is. Each visit has a cache and cookies of its own."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    def open(self, board: Dashboard, page: str, what: str, *, since: float | None = None) -> Wait:
        """Open a page at its address and wait for ``what`` in ``DRAWN``; ``since`` is when the wait began."""
        context = self._chromium.new_context(viewport=VIEWPORT)
        context.add_cookies([{"name": "anomalure_reviewer", "value": "Ada", "url": board.url}])
        window = context.new_page()
        window.set_default_timeout(1000 * PATIENCE_S)
        server, browser = (0.0 if since else board.cpu_s), self.cpu_s
        began = since or time.time()
        window.goto(f"{board.url}/{page}", wait_until="commit")
        while True:
            try:
                ended = float(window.evaluate(DRAWN, [what, 1000 * PATIENCE_S])) / 1000
                break
            except Exception as error:  # the start page leads on to another one
                if "navigat" not in str(error) and "context was destroyed" not in str(error):
                    raise SystemExit(f"{page or 'The first page'}: {error}") from error
        wait = Wait(ended - began, board.cpu_s - server, self.cpu_s - browser)
        context.close()
        return wait

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far, of the driver as well."""
        return sum(count_cpu(one) for one in psutil.Process().children() if "cli.py" not in " ".join(one.cmdline()))


def measure_start(code: Path, project: Path, browser: Browser) -> dict[str, Wait]:
    """Start the dashboard and open what a person opens first."""
    waits: dict[str, Wait] = {}
    forget_maps(project)
    board = Dashboard(code, project)
    try:
        waits["dashboard answers"] = board.wait()
        waits["start to first page"] = browser.open(board, "", "crop", since=board.began)
        waits["Explore, first opening"] = browser.open(board, "explore", "map")
        _let_end(board)
        waits["Explore, again"] = browser.open(board, "explore", "map")
        for page in PAGES:
            waits[f"{page.title()}, first opening"] = browser.open(board, page, "crop" if page == "review" else "page")
    finally:
        board.end()
    return waits


def measure_many(code: Path, project: Path, n_runs: int, browser: Browser) -> dict[str, Wait]:
    """Start the dashboard with many runs, and open the pages that list them."""
    waits: dict[str, Wait] = {}
    board = Dashboard(code, project)
    try:
        board.wait()
        waits[f"{n_runs} runs: start to first page"] = browser.open(board, "", "crop", since=board.began)
        for page in ("run", "review", "export"):
            what = "crop" if page == "review" else "page"
            waits[f"{n_runs} runs: {page.title()}"] = browser.open(board, page, what)
            waits[f"{n_runs} runs: {page.title()}, again"] = browser.open(board, page, what)
    finally:
        board.end()
    return waits


def measure_run(code: Path, project: Path, photos: Path, *, options: list[str]) -> tuple[Wait, Wait]:
    """Start a run by its command: until its models are loaded, and until its first photos are done."""
    name = "waited-for"
    shutil.rmtree(project / "runs" / name, ignore_errors=True)
    began = time.time()
    process = psutil.Popen(
        [sys.executable, "cli.py", "run", str(photos), "--project", str(project), "--name", name, *options],
        cwd=code,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    ready = None
    progress: dict[str, Any] = {}
    while process.poll() is None:
        with suppress(OSError, ValueError):
            progress = json.loads((project / "runs" / name / "progress.json").read_text())
        if progress.get("phase") == "photos" and ready is None:
            ready = Wait(time.time() - began, count_cpu(process))
        if progress.get("phase") != "waiting" and progress.get("done"):
            break
        time.sleep(ASK_EVERY_S)
    first = Wait(time.time() - began, count_cpu(process))
    if process.wait() not in (0, 3) or ready is None:
        raise SystemExit(f"The run failed; run it by hand: cli.py run {photos} {' '.join(options)}")
    shutil.rmtree(project / "runs" / name)
    return ready, first


def forget_maps(project: Path) -> None:
    """As if nobody had opened Explore yet; a map that the run itself made is a part of the run and stays."""
    for run in (project / "runs").iterdir():
        kept = run / "explore"
        for folder in kept.iterdir() if kept.is_dir() else ():
            for one in folder.iterdir():
                if one.name != "pca.npz" or not (run / "made-explore").exists():
                    shutil.rmtree(one) if one.is_dir() else one.unlink()


def _let_end(board: Dashboard) -> None:
    """Until the dashboard and its processes rest."""
    until = time.time() + PATIENCE_S
    last = board.cpu_s
    while time.time() < until:
        time.sleep(1.0)
        now = board.cpu_s
        if now - last < 0.1:
            return
        last = now


def prepare(folder: Path, n_runs: int) -> tuple[Path, Path, Path]:
    """The project of the sample season, one with many runs, and a folder of a few photos."""
    sample, many, few = folder / "sample", folder / f"with-{n_runs}-runs", folder / "few"
    if not (sample / "runs" / "sample-season" / "progress.json").is_file():
        print("Making the sample season ...", file=sys.stderr)
        command = [sys.executable, "-c", MAKE_SAMPLE, str(sample), str(folder / "photos")]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not many.is_dir():
        shutil.copytree(sample, many, ignore=lambda path, names: {"explore"} & set(names))
        first = many / "runs" / "sample-season"
        for number in range(1, n_runs):
            run = many / "runs" / f"season-{number:03d}"
            shutil.copytree(first, run, copy_function=os.link)
            info = json.loads((run / "run.json").read_text())
            (run / "run.json").unlink()
            (run / "run.json").write_text(json.dumps({**info, "run_id": run.name, "name": run.name}))
    if not few.is_dir():
        few.mkdir()
        for photo in sorted((folder / "photos" / "images" / "season").rglob("*.JPG"))[:RUN_PHOTOS]:
            shutil.copy(photo, few / photo.name)
    return sample, many, few


RUNS = {"bundle": ["--bundle", "sample"], "first look": ["--first-look", "--detector", "bundled"]}
"""How a run is asked for, and the options of its command: with the small encoder of the sample, and the default one."""


def warm_up(code: Path, project: Path, photos: Path) -> None:
    """What only the first use of an installation takes: compiling modules, and converting the encoders."""
    parts = ("app.py", "cli.py", "commands", "core", "models", "pages", "ui")
    subprocess.run([sys.executable, "-m", "compileall", "-q", *parts], cwd=code, env=ENVIRONMENT, check=True)
    for options in RUNS.values():
        measure_run(code, project, photos, options=options)


@contextmanager
def start_browser() -> Iterator[Browser]:
    """A Chromium, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = chromium.new_page()  # so that its processes are there
        page.goto("about:blank")
        yield Browser(chromium)
        chromium.close()


def measure(codes: dict[str, Path], folder: Path, *, turns: int, n_runs: int) -> dict[str, Any]:
    """Medians over the turns: ``{code: {wait: {wall_s, cpu_s, browser_cpu_s}}}``; codes take turns."""
    sample, many, few = prepare(folder, n_runs)
    all_waits: dict[str, dict[str, list[Wait]]] = {code: {} for code in codes}
    for path in codes.values():
        warm_up(path, sample, few)
    with start_browser() as browser:
        for _ in range(turns):
            for code, path in codes.items():
                waits = measure_start(path, sample, browser) | measure_many(path, many, n_runs, browser)
                for how, options in RUNS.items():
                    ready, first = measure_run(path, sample, few, options=options)
                    waits |= {f"run, {how}: models loaded": ready, f"run, {how}: first photos": first}
                for name, wait in waits.items():
                    all_waits[code].setdefault(name, []).append(wait)
    parts = ("wall_s", "cpu_s", "browser_cpu_s")
    return {
        code: {
            name: {part: statistics.median(getattr(one, part) for one in waits) for part in parts}
            for name, waits in of_code.items()
        }
        for code, of_code in all_waits.items()
    }


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """Nothing takes longer than two seconds; what did is halved where the code before is measured, too."""
    targets = []
    for name, wait in figures["ours"].items():
        before = figures.get("before", {}).get(name, {}).get("wall_s")
        limit = MOST_S if before is None else max(MOST_S, before / 2)
        targets.append(at_most(f"{name}, s", wait["wall_s"], limit))
    return targets


def print_figures(figures: dict[str, Any]) -> None:
    """The table of bench/README.md."""
    heads = ["seconds", "processor s", "of the browser"]
    with_before = "before" in figures
    if with_before:
        heads += [f"before: {head}" for head in heads]
    print(f"| wait | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}")
    for name, ours in figures["ours"].items():
        both = [ours, figures["before"][name]] if with_before else [ours]
        print(f"| {name} | {' | '.join(f'{value:.2f}' for one in both for value in one.values())} |")


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"one turn, {QUICK_RUNS} runs")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="earlier code, measured in turn")
    parser.add_argument("--folder", type=Path, help="where the projects are kept; default: data/waits")
    parser.add_argument("--turns", type=int, help=f"default: {FULL_TURNS}")
    options = parser.parse_args()
    folder = (options.folder or ROOT / "data" / "waits").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    codes = {**({"before": options.before.absolute()} if options.before else {}), "ours": ROOT}
    turns = options.turns or (QUICK_TURNS if options.quick else FULL_TURNS)
    figures = measure(codes, folder, turns=turns, n_runs=QUICK_RUNS if options.quick else FULL_RUNS)
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_figures(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
