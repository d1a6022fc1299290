"""Bundles in a browser: trained from labelled photos, made again from verdicts, activated."""

import pytest

from core.study.project import Project
from models.bundles.bundle import Bundle
from tests.browser.servers import start_server
from tests.fakes.project import write_photo
from tests.fakes.season import STRANGER, add_season, decide, make_base_bundle

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

PATIENCE_MS = 180_000  # what a page starts lets everything else on a slow machine go first


@pytest.fixture(scope="module")
def server(tmp_path_factory, browser):
    """A project whose season Ana has gone through, by a bundle that is not active."""
    folder = tmp_path_factory.mktemp("teaching")
    project = Project(folder / "project")
    run = add_season(project, "season", bundle=make_base_bundle(project, n=30), n_usual=40, n_odd=12)
    decide(project, project.review_queue(run, flagged_only=False, limit=100).rows, species=STRANGER)
    yield from start_server(project.path, folder / "server.log")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Photos sorted into folders by species."""
    folder = tmp_path_factory.mktemp("labelled")
    for i in range(24):
        write_photo(folder / ("deer" if i % 2 else "fox"), i)
    return folder


@pytest.fixture
def page(server, open_window):
    return open_window(f"{server.url}/healthz", patience_ms=PATIENCE_MS)


def settle(page) -> None:
    """Wait until the page has been drawn: what is opened while it is being drawn closes again."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def fill(page, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True).and_(page.locator("input"))
    box.fill(text)
    box.press("Enter")


def choose(page, label: str, option: str) -> None:
    settle(page)
    box = page.get_by_role("combobox", name=label)
    box.scroll_into_view_if_needed()
    wait_for_frames(page)  # a list closes when the page scrolls
    box.click()
    page.get_by_role("option", name=option).click()


def wait_for_frames(page) -> None:
    """Until the browser has painted twice, so that a scrolling has been told to everybody."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_an_open_list_stays_open_when_what_is_above_it_grows(server, page):
    page.goto(f"{server.url}/train")
    settle(page)
    box = page.get_by_role("combobox", name="Encoder")
    expect(box).to_be_visible()
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, main.scrollHeight)")
    wait_for_frames(page)
    box.click()
    expect(page.get_by_role("option").first).to_be_visible()

    page.locator("h1").evaluate("heading => { heading.style.marginBottom = '200px'; }")

    wait_for_frames(page)
    page.get_by_role("option", name="EfficientNet-Lite2 (installed)").click()
    expect(page.get_by_role("option")).to_have_count(0)


def test_a_bundle_is_trained_and_made_the_one_that_runs_judge_by(server, page, labelled):
    page.goto(f"{server.url}/train")
    fill(page, "Folder of photos", str(labelled))
    expect(page.get_by_text("The names of the folders are taken as species: deer, fox.")).to_be_visible()
    page.get_by_text("These folders are species, not cameras or places").click()
    fill(page, "Name of the bundle", "summer")
    page.get_by_role("button", name="Start", exact=True).click()

    page.get_by_role("button", name="Activate").click()

    expect(page.get_by_text("The bundle is made, and it is the active one.")).to_be_visible()
    assert Project(server.project).store.active_bundle() == "summer"
    assert Bundle.load(server.project / "bundles" / "summer").species == ("deer", "fox")


def test_verdicts_make_the_next_bundle_and_every_one_can_be_activated_again(server, page):
    page.goto(f"{server.url}/retrain")
    choose(page, "Start from", "first")
    name = page.get_by_label("Name of the new bundle", exact=True).and_(page.locator("input"))
    expect(page.locator('input[value="first-2"]')).to_be_visible()
    expect(name).to_have_count(1)  # the one before is gone
    name.fill("first-again")
    page.get_by_role("button", name="Retrain", exact=True).click()

    expect(page.get_by_text("first-again: before and after")).to_be_visible()
    expect(page.get_by_text("Crops whose rank changed most")).to_be_visible()
    page.get_by_role("button", name="Activate").first.click()
    store = Project(server.project).store
    expect(page.locator(".st-key-bundle-first-again")).to_contain_text("active")
    assert store.active_bundle() == "first-again"
