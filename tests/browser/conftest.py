"""One headless browser for each file of tests. Without one they are skipped with a reason, or fail under CI."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.servers import FLAGS, NAMES, find_chromium

IS_CI = os.environ.get("CI") == "true"
if IS_CI:
    import playwright.sync_api  # noqa: F401  (its absence is an error there, not a reason to skip)


@pytest.fixture(scope="module")
def browser():
    """One headless Chromium, closed with the file: while Playwright runs, no test can start its own event loop."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = find_chromium()
    if chromium is None:
        end = pytest.fail if IS_CI else pytest.skip
        end(f"no Chromium found (looked for {', '.join(NAMES)})")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


PATIENCE_MS = 60_000  # a slow machine that does other work too


@pytest.fixture(scope="module")
def kept_window(browser):
    """A window for the tests of a file. To read the scripts of a page costs a new one two seconds of a processor."""
    context = browser.new_context(accept_downloads=True)
    window = context.new_page()
    window.on("dialog", lambda dialog: dialog.accept())  # about what is not saved yet, when the window is emptied
    yield window
    context.close()


@pytest.fixture
def open_window(browser, kept_window) -> Callable[..., Any]:
    """A function that opens a window as of a person of their own: the kept one first, emptied after the test."""
    from playwright.sync_api import expect

    listening: list[tuple[str, Callable[[Any], None]]] = []
    others: list[Any] = []

    def open_one(
        address: str,
        *,
        reviewer: str = "",
        size: tuple[int, int] = (1280, 900),
        scheme: str = "light",
        on: dict[str, Callable[[Any], None]] | None = None,
        patience_ms: int = PATIENCE_MS,
    ) -> Any:
        expect.set_options(timeout=patience_ms)
        is_first = not others
        window = kept_window if is_first else browser.new_context(accept_downloads=True).new_page()
        others.append(window)
        window.context.set_default_timeout(patience_ms)
        window.set_viewport_size({"width": size[0], "height": size[1]})
        window.emulate_media(color_scheme=scheme)
        for event, listener in (on or {}).items():
            window.on(event, listener)
            if is_first:
                listening.append((event, listener))
        if reviewer:
            window.context.add_cookies([{"name": "anomalure_reviewer", "value": reviewer, "url": address}])
        window.goto(address)
        return window

    yield open_one
    for event, listener in listening:
        kept_window.remove_listener(event, listener)
    for other in others[1:]:
        other.context.close()
    if others:
        _empty(kept_window)


def _empty(window: Any) -> None:
    for other in window.context.pages:
        if other != window:
            other.close()
    window.unroute_all(behavior="ignoreErrors")
    window.goto("/".join(window.url.split("/")[:3]) + "/healthz")  # of the same origin, and without a script
    window.evaluate("localStorage.clear(); sessionStorage.clear()")
    window.context.clear_cookies()
    window.goto("about:blank")
