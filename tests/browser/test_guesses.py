"""Guesses in a real browser: on the cards, first where a species is named, and gone when they are turned off."""

import re

import pytest

from core.store.guesses import choose_guesses
from core.study.project import Project
from tests.browser.servers import start_server
from tests.fakes.project import RED_FOX, make_project

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

PATIENCE_MS = 60_000  # a slow machine that does other work too


@pytest.fixture(scope="module")
def server(tmp_path_factory, browser):
    """One dashboard over crops that look like red foxes, and a little like coyotes."""
    folder = tmp_path_factory.mktemp("guesses")
    make_project(folder, 12, n_flagged=6, looks=(RED_FOX,))
    yield from start_server(folder / "project", folder / "server.log")


@pytest.fixture
def page(server, browser):
    choose_guesses(Project(server.project).store, shown=True)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    context.add_cookies([{"name": "anomalure_reviewer", "value": "Ada", "url": server.url}])
    page = context.new_page()
    page.goto(f"{server.url}/review")
    expect(page.locator(".card").first).to_be_visible()
    yield page
    context.close()


def test_a_card_says_its_guess_and_the_first_guess_names_the_species(server, page):
    first = page.locator(".card").first
    expect(first).to_contain_text("Looks like (a guess): red fox 73%, coyote 27%")
    crop = first.get_attribute("data-crop")

    page.keyboard.press("t")
    names = page.locator("dialog .names li")
    expect(names.nth(0)).to_have_text("red foxguess, 73%")
    expect(names.nth(1)).to_have_text("coyoteguess, 27%")
    page.keyboard.press("Enter")

    expect(first).to_have_class(re.compile(r"\banomaly\b"))
    expect(page.locator(".saving")).to_contain_text("All saved")
    held = Project(server.project).verdicts()
    assert dict(zip(held["crop_id"], held["species"], strict=True)) == {crop: "red fox"}


def test_the_switch_hides_guesses_for_everybody(server, page):
    page.get_by_role("button", name="More").click()
    page.get_by_text("Show guesses").click()
    expect(page.locator(".card .looks")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Looks like")).to_have_count(0)

    page.keyboard.press("Escape")
    other = page.context.new_page()
    other.goto(f"{server.url}/review")
    expect(other.locator(".card").first).to_be_visible()
    expect(other.locator(".card .looks")).to_have_count(0)
