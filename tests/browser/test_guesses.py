"""What the program suggests, in a real browser: guesses on the cards and where a species is named, gone when they are
turned off, and boxes that recur at one place of a camera."""

import re

import numpy as np
import pytest

from core.groups.recurring import Place, Recurring
from core.store.guesses import choose_guesses
from core.study.project import Project
from tests.browser.servers import start_server
from tests.fakes.groups import add_groups
from tests.fakes.project import RED_FOX, make_project

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect


@pytest.fixture(scope="module")
def server(tmp_path_factory, browser):
    """One dashboard over crops that look like red foxes, and a little like coyotes."""
    folder = tmp_path_factory.mktemp("guesses")
    project = make_project(folder, 12, n_flagged=6, looks=(RED_FOX,))
    stump = Recurring(np.array([3, 4, 5]), Place("north", (0.1, 0.2, 0.3, 0.25)), 3)
    add_groups(project.latest_run(), recurring=[stump])
    yield from start_server(folder / "project", folder / "server.log")


@pytest.fixture
def page(server, open_window):
    choose_guesses(Project(server.project).store, shown=True)
    page = open_window(f"{server.url}/review", reviewer="Ada")
    expect(page.locator(".card").first).to_be_visible()
    return page


def test_a_card_says_its_guess_and_the_first_guess_names_the_species(server, page):
    first = page.locator(".card").first
    expect(first).to_contain_text("Looks like (a guess): red fox 73%, coyote 27%")
    crop = first.get_attribute("data-crop")

    page.keyboard.press("t")
    names = page.locator("dialog .names li")
    expect(names.nth(0)).to_have_text("red foxguess, 73%")
    expect(names.nth(1)).to_have_text("coyoteguess, 27%")
    page.keyboard.press("Enter")  # once too often, before anything is chosen
    expect(page.get_by_text("Type a name, or choose one with the arrow keys.")).to_be_visible()
    expect(page.locator("dialog [aria-selected=true]")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(first).to_have_class(re.compile(r"\banomaly\b"))
    expect(page.locator(".saving")).to_contain_text("All saved")
    held = Project(server.project).verdicts()
    assert dict(zip(held["crop_id"], held["species"], strict=True)) == {crop: "red fox"}


def test_the_guess_and_the_false_alarm_rate_outlive_a_reload_and_the_back_button(page):
    page.get_by_role("combobox", name="Looks like").click()
    page.get_by_role("option", name="red fox (12)").click()
    expect(page).to_have_url(re.compile("guess=red"))
    page.get_by_role("button", name="More").click()
    page.get_by_role("slider", name="False-alarm rate").press("ArrowRight")
    expect(page).to_have_url(re.compile(r"rate=0\.1\b"))
    page.keyboard.press("Escape")

    page.reload()
    expect(page.get_by_role("combobox", name="Looks like")).to_have_value("red fox (12)")
    expect(page).to_have_url(re.compile(r"rate=0\.1\b"))
    page.get_by_role("link", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="Run", level=1)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("combobox", name="Looks like")).to_have_value("red fox (12)")
    expect(page).to_have_url(re.compile(r"rate=0\.1\b"))


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


def test_boxes_that_recur_at_one_place_are_marked_and_one_key_says_that_nothing_is_there(server, page):
    for width in (1280, 820):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{server.url}/groups")
        stump = page.locator(".pack").first
        badge = stump.locator(".recurs")
        expect(badge).to_have_text(re.compile("same place$"))
        edge, card = badge.bounding_box(), stump.bounding_box()
        assert card["x"] < edge["x"]
        assert edge["x"] + edge["width"] < card["x"] + card["width"]
    assert "the same place of north" in badge.get_attribute("title")
    expect(stump).to_have_attribute("aria-label", "Group of 3 crops, always at the same place of north, not named")

    stump.locator(".title").click()
    page.keyboard.press("e")

    expect(stump.locator(".title")).to_have_text("Nothing there")
    expect(badge).to_be_visible()
    expect(page.locator(".saving").first).to_contain_text("All saved")
    held = Project(server.project).verdicts()
    assert held["species"].tolist().count("nothing") == 3
