"""One headless browser for each file of tests. Without one they are skipped with a reason, or fail under CI."""

import os

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
