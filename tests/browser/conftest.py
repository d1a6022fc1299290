"""One headless browser for all tests; they are skipped with a reason where there is none."""

import pytest

from tests.browser.servers import FLAGS, NAMES, find_chromium


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = find_chromium()
    if chromium is None:
        pytest.skip(f"no Chromium found (looked for {', '.join(NAMES)})")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()
