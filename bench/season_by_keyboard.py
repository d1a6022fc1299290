"""Measures how many crops per hour can be decided by keyboard: the flagged crops of a run in turn, as in the truth.

``python bench/season_by_keyboard.py PROJECT TRUTH [--run R] [--look SECONDS] [--json]``. TRUTH is any file of labels.
What a person needs to look at a crop is not measured but assumed: ``--look`` seconds, really waited, between the
moment at which a crop is painted and the key. The project is copied first; nothing is written to it.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from dashboard import FLAGS, find_chromium, serve  # noqa: E402  # needs the path above

from core.evaluation.judging import judge_crops  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.records import Decision  # noqa: E402
from core.study.project import Project  # noqa: E402

LOOK_S = 2.0
PATIENCE_MS = 60_000
KEYS = {Decision.ANOMALY: "a", Decision.NORMAL: "n"}

BOARD = """() => [...document.querySelectorAll("div")].map((one) => one.shadowRoot?.querySelector(".board"))
  .find(Boolean)"""
UP = f"""async (before) => {{
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (;;) {{
    const card = (window.theBoard ||= ({BOARD})())?.querySelector(".card.next");
    const picture = card?.querySelector("img");
    const tally = window.theBoard?.querySelector(".tally").textContent;
    if (before && card?.dataset.crop === before && tally.includes("all done")) return null;
    if (card && card.dataset.crop !== before && picture.complete && picture.naturalWidth) {{
      await frame();
      return {{ crop: card.dataset.crop, at: performance.now() }};
    }}
    await frame();
  }}
}}"""
LISTEN = """() => window.addEventListener("keydown", (event) => { window.pressedAt = event.timeStamp; }, true)"""


def say_truth(project: Project, run_id: str, truth: Path) -> dict[str, Decision]:
    """What a reviewer who knows the truth decides about each crop that it says something about."""
    run = project.run(run_id)
    judged = judge_crops(run, read_labels(truth))
    return {
        crop_id: Decision.ANOMALY if novel else Decision.NORMAL
        for crop_id, novel in zip(judged.crops["crop_id"], judged.crops["novel"], strict=True)
    }


def decide_season(project: Project, run_id: str, truth: dict[str, Decision], *, look_s: float) -> dict[str, Any]:
    """Open the Review page, look at each flagged crop, press its key; times in seconds."""
    from playwright.sync_api import sync_playwright

    given: dict[str, Decision] = {}
    paints: list[float] = []
    with serve(project.path) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": "anomalure_reviewer", "value": "Ada", "url": address}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{address}/review?run={run_id}")
        up = page.evaluate(UP, None)
        page.evaluate(LISTEN)
        began = time.monotonic()
        while up is not None:
            crop = up["crop"]
            given[crop] = truth.get(crop, Decision.NORMAL)
            page.wait_for_timeout(1000 * look_s)
            page.keyboard.press(KEYS[given[crop]])
            up = page.evaluate(UP, crop)
            if up is not None:
                paints.append(up["at"] - page.evaluate("window.pressedAt"))
        page.wait_for_function("window.theBoard.querySelector('.saving').textContent.includes('All saved')")
        seconds = time.monotonic() - began
        browser.close()
    held = project.verdicts()
    kept = dict(zip(held["crop_id"], held["verdict"], strict=True))
    return {
        "crops": len(given),
        "anomalies": sum(one is Decision.ANOMALY for one in given.values()),
        "looked at each for, s (assumed)": look_s,
        "from first look to all saved, s": seconds,
        "crops an hour": 3600 * len(given) / seconds,
        "key to next crop painted, median, ms": float(np.median(paints)),
        "key to next crop painted, 95th percentile, ms": float(np.percentile(paints, 95)),
        "seconds a crop beside looking": seconds / len(given) - look_s,
        "not on the disk as decided": sum(kept.get(crop) != str(one) for crop, one in given.items()),
    }


def main() -> None:
    """Measure, and print a list or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--run", help="default: the newest")
    parser.add_argument("--look", type=float, default=LOOK_S, help="seconds for each crop (default %(default)s)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        copy = Path(temporary) / "project"
        shutil.copytree(arguments.project, copy)
        project = Project(copy)
        run = project.run(arguments.run) if arguments.run else project.latest_run()
        if run is None:
            raise SystemExit("There is no run in this project.")
        truth = say_truth(project, run.run_id, arguments.truth)
        figures = decide_season(project, run.run_id, truth, look_s=arguments.look)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:48} {value:,.2f}" if isinstance(value, float) else f"{name:48} {value:,}")


if __name__ == "__main__":
    main()
