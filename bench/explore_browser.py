"""From a new eps to the repainted plot, in headless Chromium: ours beside a plain st.plotly_chart of the same points.

Part of ``python bench/explore.py``.

Both show the clusters of the same tree at an eps that is typed into a number field, so neither waits for a slider to
come to rest. A redraw counts as done two frames after the plot shows the new eps (the plain chart: as its title); what
a graphics card, or its stand-in in software, still does after that is not counted, which favours the plain chart.
The two take turns.
"""

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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
PATIENCE_MS = 180_000
START_S = 90

# Types eps, and waits until the plot has drawn it and two frames have passed. Gives milliseconds.
PLAIN = """async (eps) => {
  const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const field = document.querySelector('input[type=number]');
  const title = () => document.querySelector('.js-plotly-plot .gtitle')?.textContent; // the chart may be a new one
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, eps);
  field.dispatchEvent(new Event('input', { bubbles: true }));
  await frames();
  const start = performance.now();
  field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
  while (title() !== `eps ${eps}`) await new Promise((done) => setTimeout(done, 2));
  await frames();
  return performance.now() - start;
}"""
OURS = """async (eps) => {
  const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const plot = document.querySelector('.explore-plot'), field = plot.querySelector('.ex-number');
  field.value = eps;
  await frames();
  const start = performance.now();
  field.dispatchEvent(new Event('change'));
  while (Number(plot.dataset.eps) !== Number(eps)) await new Promise((done) => setTimeout(done, 2));
  await frames();
  return performance.now() - start;
}"""


@contextmanager
def serve() -> Iterator[str]:
    """The bench's app on a free port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(ROOT / "bench" / "repaint_app.py"),
            "--server.headless",
            "true",
            "--server.port",
            str(port),
            "--server.fileWatcherType",
            "none",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    url = f"http://localhost:{port}"
    try:
        until = time.monotonic() + START_S
        while True:
            with suppress(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=2):
                break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("The bench's app did not start.")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def measure_repaint(n: int, *, turns: int) -> dict[str, float]:
    """Milliseconds from a new eps to the repainted plot, medians over ``turns``, ours and plain in turn."""
    from playwright.sync_api import sync_playwright

    chromium = next((path for name in CHROMIUMS if (path := shutil.which(name))), None)
    if chromium is None:
        raise SystemExit(f"The browser part needs a Chromium (looked for {', '.join(CHROMIUMS)}).")
    times: dict[str, list[float]] = {"plain": [], "ours": []}
    with serve() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        pages = {}
        for kind, ready in (("plain", ".js-plotly-plot .gtitle"), ("ours", ".explore-plot[data-painted]")):
            page = pages[kind] = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"{url}/?n={n}&plot={kind}")
            page.wait_for_selector(ready, state="attached")
        for turn in range(turns + 1):
            eps = f"{0.3 + 0.017 * (turn + 1):.3f}"
            for kind, script in (("plain", PLAIN), ("ours", OURS)):
                pages[kind].bring_to_front()  # a page in the background is not painted
                pages[kind].wait_for_timeout(300)
                taken = pages[kind].evaluate(script, eps)
                if turn:  # the first one warms up
                    times[kind].append(taken)
        browser.close()
    plain, ours = statistics.median(times["plain"]), statistics.median(times["ours"])
    return {"plain st.plotly_chart, ms": plain, "ours, ms": ours, "times as fast": plain / ours}
