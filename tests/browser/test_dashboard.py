"""The dashboard in a real browser, over a made-up project."""

import os
import re
from pathlib import Path

import pytest

from core.study.project import Project
from tests.browser.servers import Server, start_server
from tests.fakes.project import make_project
from ui.shared.routes import PAGES

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

SHOTS = os.environ.get("ANOMALURE_SCREENSHOTS")
CARD = ".card"  # of the review board
IS_DARK = "+getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/[0-9]+/)[0] < 80"
# The texts of titles, labels and buttons of which a part lies outside of what shows them.
FIND_CUT = """() => [...document.querySelectorAll('h1, h2, h3, label p, button p, [role=radio] p')].filter((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  const text = range.getBoundingClientRect();
  if (!text.width || !one.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
  if (one.tagName === 'H1' && text.height > 70) return true;
  for (let box = one; box && box !== document.body; box = box.parentElement) {
    const edge = box.getBoundingClientRect(), hides = getComputedStyle(box).overflowX !== 'visible';
    if (hides && (text.right > edge.right + 1.5 || text.left < edge.left - 1.5)) return true;
  }
  return text.right > innerWidth + 1;
}).map((one) => one.textContent)"""


@pytest.fixture
def server(tmp_path, browser):
    """A cold dashboard over thirty flagged crops; after ``browser``, so that nothing starts without one."""
    make_project(tmp_path, 40, n_flagged=30, shard_photos=20)
    yield from start_server(tmp_path / "project", tmp_path / "server.log")


@pytest.fixture(scope="module")
def shown(tmp_path_factory, browser):
    """One dashboard for the tests that only look."""
    folder = tmp_path_factory.mktemp("shown")
    make_project(folder, 40, n_flagged=30, shard_photos=20)
    yield from start_server(folder / "project", folder / "server.log")


@pytest.fixture
def open_tab(open_window):
    """A function that opens an address in a window of its own, as another person would."""

    def open_address(address: str, *, width: int = 1280, scheme: str = "light"):
        foreign, errors = [], []
        page = open_window(
            address,
            size=(width, 900),
            scheme=scheme,
            on={
                "response": lambda answer: errors.append(answer.url) if answer.status >= 400 else None,
                "request": lambda request: foreign.append(request.url),
            },
        )
        page.foreign, page.errors = foreign, errors
        return page

    return open_address


def wait_until_drawn(page) -> None:
    """Until the script has run and every picture is there."""
    expect(page.locator("h1").first).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_function("[...document.images].every(image => image.complete)")
    if page.url.split("?")[0].endswith("review"):
        expect(page.locator(".board")).to_be_visible()


def keep_picture(page, tmp_path: Path, name: str) -> None:
    folder = Path(SHOTS) if SHOTS else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(folder / f"{name}.png"))


def button(page, key: str):
    """The button of that key; a tooltip makes a second, hidden one of it."""
    return page.locator(f".st-key-{key} button:visible")


def crop_ids(server: Server) -> list[str]:
    return Project(server.project).review_queue(limit=100).rows["crop_id"].tolist()


@pytest.fixture
def cold(request) -> Server:
    """A dashboard that nobody has opened: before the first test begins, that of all tests is one, too."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(("cold", "name"), [("shown", "review"), ("server", "run")], indirect=["cold"])
def test_a_bookmarked_page_opens_on_a_cold_server(cold, open_tab, name):
    page = open_tab(f"{cold.url}/{name}")

    expect(page.get_by_role("heading", name=name.capitalize(), level=1)).to_be_visible()
    wait_until_drawn(page)

    assert page.get_by_role("dialog").count() == 0, page.get_by_role("dialog").all_inner_texts()
    assert page.url.rstrip("/").endswith(name)


@pytest.mark.parametrize("name", ["review", "run"])
def test_a_page_looks_right_wide_and_narrow_light_and_dark(shown, open_tab, tmp_path, name):
    """In one tab that is made wider and darker, as a person does it; each first view is drawn in full."""
    page = open_tab(f"{shown.url}/{name}")
    for width, scheme in ((1280, "light"), (820, "light"), (1280, "dark"), (1920, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        wait_until_drawn(page)
        if name == "review":
            expect(page.locator(CARD)).to_have_count(24)
        page.wait_for_function(IS_DARK if scheme == "dark" else f"!({IS_DARK})")
        keep_picture(page, tmp_path, f"{name}-{width}-{scheme}")

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
        assert page.evaluate(FIND_CUT) == [], f"titles and buttons that are cut at {width} px"
        heights = page.locator(CARD).evaluate_all("cards => [...new Set(cards.map(one => one.offsetHeight))]")
        assert len(heights) <= 1, "the cards are equally high"


WIDTHS = (820, 1280)


def test_nothing_is_cut_off_on_any_page(shown, open_tab):
    """Each page is opened once and then made wider, as a person does it: to open one costs most of the time."""
    page = open_tab(shown.url)
    cut = {}
    for nth, one in enumerate(PAGES):
        # Every other page starts wide and is made narrow, so that a first view of each width is looked at as well.
        for opened, width in enumerate(WIDTHS[:: 1 if nth % 2 else -1]):
            page.set_viewport_size({"width": width, "height": 900})
            if not opened:
                page.goto(f"{shown.url}/{one.name}")
            wait_until_drawn(page)
            if found := list_cut_off(page):
                cut[one.name, width] = found
    assert cut == {}


def list_cut_off(page) -> list[str]:
    found = page.evaluate(FIND_CUT)
    if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        found.append("the page itself")
    wide = "one.scrollWidth > one.clientWidth + 1"
    found += page.locator("[placeholder]:visible").evaluate_all(
        f"all => all.filter((one) => !one.value && {wide}).map((one) => one.placeholder)"
    )
    found += page.get_by_test_id("stDateInputFieldsScroller").evaluate_all(
        f"all => all.filter((one) => {wide}).map((one) => one.textContent)"
    )
    return found


def test_the_pictures_of_the_crops_paint(shown, open_tab):
    page = open_tab(f"{shown.url}/review")
    expect(page.locator(CARD)).to_have_count(24)

    # A picture without an address counts as complete, so it is its width that is waited for.
    expect(page.locator(f"{CARD} img")).to_have_count(24)
    page.wait_for_function(f"[...document.querySelectorAll('{CARD} img')].every(image => image.naturalWidth > 0)")


def test_a_card_is_one_tab_stop_and_its_controls_say_which_crop(shown, open_tab):
    page = open_tab(f"{shown.url}/review")
    cards = page.locator(CARD)
    expect(cards).to_have_count(24)

    inner = page.locator(f"{CARD} :is(button, input)").evaluate_all("all => all.map((one) => one.tabIndex)")
    assert set(inner) == {-1}
    assert cards.evaluate_all("all => all.map((one) => one.tabIndex)") == [0] * 24
    names = page.locator(f"{CARD} :is(.mark, .open, .act)").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert len(set(names)) == len(names) == 24 * 6

    cards.nth(1).focus()
    page.keyboard.press("Tab")
    expect(cards.nth(2)).to_be_focused()
    expect(page.locator(f"{CARD}.next")).to_have_attribute("data-rank", "2")


def test_nothing_is_fetched_from_the_internet(shown, open_tab):
    for name in ("review", "run"):
        page = open_tab(f"{shown.url}/{name}")
        wait_until_drawn(page)
        foreign = [url for url in page.foreign if not url.startswith((shown.url, "data:", "blob:"))]
        assert foreign == []
        assert page.errors == [], "nothing is asked for in vain"


def test_back_and_forward_go_through_the_pages(shown, open_tab):
    page = open_tab(shown.url)  # the newest run is a first look, which leads to its groups
    expect(page.get_by_role("heading", name="Groups", level=1)).to_be_visible()
    page.get_by_role("link", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="Run", level=1)).to_be_visible()

    page.go_back()
    expect(page.get_by_role("heading", name="Groups", level=1)).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("heading", name="Run", level=1)).to_be_visible()


def test_what_a_page_adds_to_its_own_address_is_no_step_for_back(shown, open_tab, tmp_path):
    page = open_tab(f"{shown.url}/review")
    expect(page.get_by_role("heading", name="Review", level=1)).to_be_visible()
    page.get_by_role("link", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="Run", level=1)).to_be_visible()
    folder = page.get_by_role("textbox", name="Folder of photos").first
    folder.fill(str(tmp_path))
    folder.press("Enter")
    expect(page).to_have_url(re.compile("form="))

    page.go_back()

    expect(page.get_by_role("heading", name="Review", level=1)).to_be_visible()


def test_a_chosen_species_is_in_the_address_and_can_be_bookmarked(shown, open_tab):
    page = open_tab(f"{shown.url}/review?species=fox")

    expect(page.get_by_text("0 of 10 flagged decided")).to_be_visible()
    expect(page.locator(CARD)).to_have_count(10)
    assert set(page.locator(f"{CARD} .species").all_inner_texts()) == {"fox"}


def test_a_folder_can_be_chosen_by_clicking_and_is_kept_when_the_page_is_left(shown, open_tab):
    photos = shown.project.parent / "photos"
    page = open_tab(f"{shown.url}/run")
    page.get_by_role("textbox", name="Folder of photos").fill(str(photos))
    page.get_by_role("textbox", name="Folder of photos").press("Enter")
    expect(page.get_by_text("in this folder and below")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_enabled()

    page.get_by_role("link", name="Review", exact=True).click()
    expect(page.get_by_role("heading", name="Review", level=1)).to_be_visible()
    page.get_by_role("link", name="Run", exact=True).click()

    expect(page.get_by_role("textbox", name="Folder of photos")).to_have_value(str(photos))


def test_the_export_of_a_run_is_reached_from_its_review(shown, open_tab):
    run = Project(shown.project).latest_run().run_id
    page = open_tab(f"{shown.url}/review?run={run}")
    page.get_by_role("button", name="CSV").click()
    page.get_by_role("button", name="More formats").click()

    expect(page.get_by_role("heading", name="Export", level=1)).to_be_visible()


def test_the_csv_comes_down(shown, open_tab, tmp_path):
    project = Project(shown.project)
    decided = crop_ids(shown)[0]
    project.save_verdict(decided, "anomaly")
    page = open_tab(f"{shown.url}/review")
    page.get_by_role("button", name="CSV").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 1 row").click()

    download.value.save_as(tmp_path / "got.csv")
    project.undo_verdict(decided, reviewer="")
    lines = (tmp_path / "got.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert decided in lines[1]
