"""The Groups page in a real browser: names by keys, a split, undo, two people, and names that are never lost."""

import re
import shutil
from itertools import count

import pytest

from core.runs.folder import RunFolder
from core.study.project import Project
from tests.browser.servers import Server, start_server
from tests.fakes import project as fake_project
from tests.fakes.groups import add_groups

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

N, KINDS = 96, 12
WIDTHS_PX = count(96, 8)


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory, browser):
    """One for all tests; each has a run of its own."""
    folder = tmp_path_factory.mktemp("groups")
    yield from start_server(folder / "project", folder / "server.log")


@pytest.fixture
def run(dashboard, tmp_path, monkeypatch):
    """Ninety-six crops of twelve kinds, eight each, of photos that no other run has."""
    monkeypatch.setattr(fake_project, "PHOTO_WIDTH_PX", next(WIDTHS_PX))
    run = fake_project.add_run(Project(dashboard.project), tmp_path, n=N, shard_photos=50)
    add_groups(run, n_kinds=KINDS)
    yield run
    shutil.rmtree(run.path)  # what was named in it is no suggestion for the next


@pytest.fixture
def open_page(dashboard, run, open_window):
    """Opens the page as a person, in a browser of their own."""

    def open_as(name: str):
        page = open_window(f"{dashboard.url}/groups?run={run.run_id}", reviewer=name)
        expect(page.locator(".pack").first).to_be_visible()
        show_twelve(page)
        return page

    return open_as


def show_twelve(page) -> None:
    field = page.get_by_role("spinbutton", name="Number of groups")
    field.fill(str(KINDS))
    field.press("Enter")
    page.locator("body").press("Escape")
    expect(page.locator(".pack")).to_have_count(KINDS)
    page.locator(".pack").first.locator(".title").click()


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def name_it(page, name: str, *, key: str = "Enter") -> None:
    press(page, "n")
    page.get_by_role("combobox", name="Name").fill(name)
    press(page, key)


def wait_until_saved(page) -> None:
    expect(page.locator(".bar > .row > .group .saving")).to_contain_text("All saved")
    expect(page.locator(".pack:is(.waiting, .busy)")).to_have_count(0)


def species(dashboard: Server, run: RunFolder) -> dict[str, int]:
    """How many crops of the run have which species and verdict."""
    held = Project(dashboard.project).verdicts()
    held = held[held["crop_id"].isin(run.read_table("crops")["crop_id"])]
    said = held["verdict"] + " " + held["species"]
    return {str(name): int(n) for name, n in said.value_counts().items()}


def test_a_person_names_splits_takes_out_and_undoes_by_keys_and_finds_it_all_saved(dashboard, run, open_page):
    page = open_page("Ada")
    name_it(page, "fox")
    name_it(page, "lynx", key="Shift+Enter")
    press(page, "e", "p")
    wait_until_saved(page)
    expect(page.get_by_text("4 of 12 groups named")).to_be_visible()
    assert species(dashboard, run) == {"normal fox": 8, "anomaly lynx": 8, "normal nothing": 8, "normal person": 8}

    press(page, "m")
    expect(page.locator(".pack")).to_have_count(KINDS + 1)
    press(page, "z")
    expect(page.locator(".pack")).to_have_count(KINDS)
    press(page, "z")
    expect(page.get_by_text("3 of 12 groups named")).to_be_visible()
    wait_until_saved(page)
    assert "normal person" not in species(dashboard, run)
    expect(page.locator(".pack.next")).not_to_have_class(re.compile(r"\bis-people\b"))
    press(page, "b")
    expect(page.locator(".pack.next")).to_have_class(re.compile(r"\bis-people\b"))  # what came back is in view
    wait_until_saved(page)
    assert species(dashboard, run)["normal person"] == 8
    press(page, "z")
    expect(page.get_by_text("3 of 12 groups named")).to_be_visible()
    wait_until_saved(page)

    fox = page.locator(".pack", has_text="fox").first
    fox.locator(".tile").first.click()
    expect(fox.get_by_text("7 crops", exact=True)).to_be_visible()
    wait_until_saved(page)
    assert species(dashboard, run)["normal fox"] == 7

    page.reload()
    expect(page.get_by_text("3 of 12 groups named")).to_be_visible()
    expect(page.locator(".pack", has_text="lynx")).to_have_class(re.compile(r"\bis-odd\b"))
    expect(page.locator(".pack", has_text="fox").get_by_text("7 crops", exact=True)).to_be_visible()


def test_marked_groups_are_joined_and_named_once_and_the_others_reviewed(dashboard, run, open_page):
    page = open_page("Ada")
    press(page, "x", "ArrowRight", "x", "j")
    expect(page.locator(".pack")).to_have_count(KINDS - 1)
    wait_until_saved(page)
    name_it(page, "deer")
    wait_until_saved(page)

    assert species(dashboard, run) == {"normal deer": 16}

    page.get_by_role("button", name="Review the other 80 crops").click()
    expect(page.get_by_role("heading", name="Review", level=1)).to_be_visible()
    expect(page.locator(".card").first).to_be_visible()


def test_keys_are_explained_and_any_number_of_groups_is_shown_while_the_named_ones_stay(dashboard, run, open_page):
    page = open_page("Ada")
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Mixed: split the group")
    press(page, "Escape", "n", "Enter")
    expect(page.get_by_text("Type a name, or choose one with the arrow keys.")).to_be_visible()
    press(page, "Escape")
    expect(page.get_by_text("0 of 12 groups named")).to_be_visible()
    name_it(page, "fox")
    wait_until_saved(page)
    slider = page.get_by_role("slider", name="Number of groups")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowLeft")

    expect(page.locator(".pack")).not_to_have_count(KINDS)
    expect(page.locator(".pack", has_text="fox").get_by_text("8 crops", exact=True)).to_be_visible()


def test_names_that_cannot_be_sent_wait_and_are_saved_after_all(dashboard, run, open_page):
    page = open_page("Ada")
    page.route("**/groups/actions", lambda route: route.abort())
    name_it(page, "fox")
    expect(page.locator(".saving").first).to_contain_text("not saved yet")
    expect(page.locator(".pack.waiting", has_text="fox")).to_be_visible()
    assert species(dashboard, run) == {}

    page.unroute("**/groups/actions")
    page.reload()
    expect(page.locator(".pack", has_text="fox")).to_be_visible()
    wait_until_saved(page)
    assert species(dashboard, run) == {"normal fox": 8}

    name_it(page, "ox")  # fox is offered, and nobody chose it
    wait_until_saved(page)
    assert set(species(dashboard, run)) == {"normal fox", "normal ox"}


def test_what_one_person_names_the_other_sees_within_seconds(dashboard, run, open_page):
    ada, ben = open_page("Ada"), open_page("Ben")
    name_it(ada, "fox")
    wait_until_saved(ada)

    expect(ben.locator(".pack", has_text="fox").get_by_text("Ada")).to_be_visible()
    press(ben, "z")
    wait_until_saved(ben)
    assert species(dashboard, run) == {"normal fox": 8}, "it is not Ben's to undo"
