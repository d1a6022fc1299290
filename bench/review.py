"""Measures the speed of the Review page with very many crops in Chromium: opening, key to paint, decision to disk.

``python bench/review.py [--quick] [--json] [--crops N] [--folder DIR]``. The project is made up (bench/big_project.py):
synthetic rows and a few real pictures. With ``--folder`` it is kept there and used again.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from big_project import make_big_project  # noqa: E402  # needs the path above
from dashboard import FLAGS, find_chromium, serve  # noqa: E402

from bench.targets import Target, at_most, exactly, report  # noqa: E402  # needs the path above
from core.review.filters import QueueFilters  # noqa: E402
from core.review.holding import show_holding  # noqa: E402
from core.runs.catalogue import keep_catalogue, show_catalogue  # noqa: E402
from core.study.project import Project  # noqa: E402

FULL, QUICK = 1_000_000, 20_000
KEYS = "nanununanaun"
PAUSE_MS = 500  # between two keys: 7,200 decisions an hour, faster than anybody

OPENED = """() => new Promise((done) => {
  const find = () => {
    for (const host of document.querySelectorAll("div")) {
      const board = host.shadowRoot?.querySelector(".board");
      if (board) return board;
    }
    return null;
  };
  const look = () => {
    const board = window.theBoard ||= find();
    const picture = board?.querySelector(".card.next img");
    if (picture?.complete && picture.naturalWidth) requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = () => done(performance.now());
      after.port2.postMessage(0);
    });
    else requestAnimationFrame(look);
  };
  look();
})"""

WATCH = """() => {
  window.paints = [];
  window.saves = [];
  window.decided = new Set();
  const send = window.fetch;
  window.fetch = (address, options) => {
    if (String(address).endsWith("/api/verdicts")) {
      for (const one of JSON.parse(options.body).decisions) window.decided.add(one.id);
    }
    const answer = send(address, options);
    if (String(address).endsWith("/api/verdicts")) answer.then((one) => one.clone().json()).then(({saved}) => {
      // The id of a decision begins with the moment at which it was made.
      for (const id of saved) window.saves.push(Date.now() - parseInt(id.slice(0, 12), 16));
    });
    return answer;
  };
  window.addEventListener("keydown", (event) => {
    const start = event.timeStamp;
    const board = window.theBoard;
    const crop = () => board.querySelector(".card.next")?.dataset.crop;
    const before = board.querySelector(".single .facts")?.textContent ?? crop();
    const look = () => {
      const single = board.querySelector(".single");
      const now = single ? single.querySelector(".facts").textContent : crop();
      const picture = board.querySelector(single ? ".frame img.stand, .frame img" : ".card.next img");
      const shown = picture?.complete && picture.naturalWidth;
      if (now === before || !shown) { requestAnimationFrame(look); return; }
      const after = new MessageChannel();
      after.port1.onmessage = () => window.paints.push(performance.now() - start);
      after.port2.postMessage(0);
    };
    requestAnimationFrame(look);
  }, true);
}"""


def measure(folder: Path, *, n_crops: int, n_keys: int, n_opens: int) -> dict[str, Any]:
    """Every figure, by name; times in milliseconds."""
    figures: dict[str, Any] = {"crops": n_crops}
    if not (folder / "project" / "runs" / "big" / "progress.json").is_file():
        make_big_project(folder, n_crops)
    project = Project(folder / "project")
    run = project.run("big")
    start = time.perf_counter()
    keep_catalogue(run)
    figures["catalogue_s"] = time.perf_counter() - start
    figures |= compare_pages(project)
    figures |= measure_browser(project, n_keys=n_keys, n_opens=n_opens)
    return figures


def compare_pages(project: Project) -> dict[str, float]:
    """A page of the queue on the server: kept index against joining all verdicts with all crops each time."""
    run = project.run("big")
    start = time.perf_counter()
    index = project.review_index(run)
    first = time.perf_counter() - start

    def ours() -> None:
        filters = QueueFilters(undecided_only=True)
        index._views.clear()
        index.rows(index.open_view(filters).places[1_000:1_060])

    def joined() -> None:
        verdicts = project.path / "bench-verdicts.parquet"
        project.store.copy_verdicts(verdicts)
        with duckdb.connect(config={"threads": 2}) as connection:
            show_catalogue(connection, run)
            show_holding(connection, verdicts)
            connection.execute("""
                SELECT c.*, h.* FROM catalogue c LEFT JOIN holding h USING (crop_id)
                WHERE flagged AND h.verdict IS NULL ORDER BY score DESC, crop_id LIMIT 60 OFFSET 1000""").df()
            connection.execute("""
                SELECT count(*), count(h.verdict) FROM catalogue c LEFT JOIN holding h USING (crop_id)
                WHERE flagged""").fetchall()

    def people() -> None:
        index.count_people(QueueFilters(undecided_only=True))
        index.list_people()

    times: dict[str, list[float]] = {"ours": [], "joined": [], "people": []}
    for _ in range(3):
        for name, ask in (("ours", ours), ("joined", joined), ("people", people)):
            start = time.perf_counter()
            ask()
            times[name].append(time.perf_counter() - start)
    return {
        "index_first_ms": 1000 * first,
        "page_ms": 1000 * float(np.median(times["ours"])),
        "page_joined_ms": 1000 * float(np.median(times["joined"])),
        "people_ms": 1000 * float(np.median(times["people"])),
    }


def measure_browser(project: Project, *, n_keys: int, n_opens: int) -> dict[str, Any]:
    """Open the page and press keys, as a reviewer would."""
    from playwright.sync_api import sync_playwright

    with serve(project.path) as url, sync_playwright() as playwright:
        address = f"{url}/review"
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        opens = [_open(browser, address) for _ in range(n_opens + 1)]
        before = len(project.store.verdicts())
        grid = _press_keys(browser, address, n_keys, single=False)
        single = _press_keys(browser, address, n_keys, single=True)
        browser.close()
        written = len(project.store.verdicts()) - before
    return {
        "open_first_ms": opens[0],
        "open_ms": float(np.median(opens[1:])),
        **_spread("grid_paint_ms", grid["paints"]),
        **_spread("single_paint_ms", single["paints"]),
        **_spread("saved_ms", grid["saves"] + single["saves"]),
        "pressed": 2 * n_keys,
        "sent": len(grid["decided"]) + len(single["decided"]),
        "written": written,
    }


def _new_page(browser: Any) -> Any:
    """A page of a reviewer who has given a name before."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "anomalure_reviewer", "value": "Ada", "domain": "localhost", "path": "/"}])
    return context.new_page()


def _open(browser: Any, address: str) -> float:
    page = _new_page(browser)
    page.set_default_timeout(60_000)
    page.goto(address, wait_until="commit")
    opened_ms = float(page.evaluate(OPENED))
    page.context.close()
    return opened_ms


def _press_keys(browser: Any, address: str, n: int, *, single: bool) -> dict[str, list[Any]]:
    page = _new_page(browser)
    page.set_default_timeout(60_000)
    page.goto(address, wait_until="commit")
    page.evaluate(OPENED)
    if single:
        page.keyboard.press("o")
        page.wait_for_timeout(1_500)
    page.evaluate(WATCH)
    for i in range(n):
        page.keyboard.press(KEYS[i % len(KEYS)])
        page.wait_for_timeout(PAUSE_MS)
    page.wait_for_function(f"window.paints.length >= {n} && window.saves.length >= {n}")
    times: dict[str, list[Any]] = page.evaluate(
        "({paints: window.paints, saves: window.saves, decided: [...window.decided]})"
    )
    page.context.close()
    return times


def _spread(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name}_p50": float(np.percentile(values, 50)), f"{name}_p95": float(np.percentile(values, 95))}


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the page must reach, and whether it does."""
    wanted = [
        ("key to next crop painted, grid, 95th percentile, ms", "grid_paint_ms_p95", 100),
        ("key to next crop painted, one at a time, 95th percentile, ms", "single_paint_ms_p95", 100),
        ("decision shown as saved, 95th percentile, ms", "saved_ms_p95", 500),
        ("page opens, median, ms", "open_ms", 2_000),
        ("page opens the first time after the start of the server, ms", "open_first_ms", 2_000),
    ]
    return [
        *(at_most(name, figures[key], limit) for name, key, limit in wanted),
        exactly("decisions that are not on the disk", figures["sent"] - figures["written"], 0),
    ]


def print_figures(figures: dict[str, Any]) -> None:
    """One line per figure."""
    for name, value in figures.items():
        print(f"{name:24} {value:,.1f}" if isinstance(value, float) else f"{name:24} {value:,}")


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} crops and few keys, under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--crops", type=int, help=f"how many crops (default {FULL:,})")
    parser.add_argument("--folder", type=Path, help="where to keep the synthetic project, and find it again")
    arguments = parser.parse_args()
    n_crops = arguments.crops or (QUICK if arguments.quick else FULL)
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        figures = measure(
            arguments.folder or Path(temporary),
            n_crops=n_crops,
            n_keys=30 if arguments.quick else 100,
            n_opens=2 if arguments.quick else 4,
        )
    report(figures, list_targets(figures), as_json=arguments.json, print_figures=lambda: print_figures(figures))


if __name__ == "__main__":
    main()
