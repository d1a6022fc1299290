"""What others get of the review, in a browser: an export that arrives as it was previewed, a blind second round."""

import csv
import re
import zipfile
from contextlib import suppress

import pytest

from core.study.project import Project
from tests.browser.servers import start_server
from tests.fakes.project import make_project

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

ROW_PX = 35


@pytest.fixture(scope="module")
def server(tmp_path_factory, browser):
    """Ada has decided about ten crops: four anomalies, six normal ones."""
    folder = tmp_path_factory.mktemp("shared")
    project = make_project(folder, 12, n_flagged=12)
    rows = project.review_queue().rows
    project.save_verdicts([rows.iloc[n] for n in range(4)], "anomaly", reviewer="Ada", species="stoat")
    project.save_verdicts([rows.iloc[n] for n in range(4, 10)], "normal", reviewer="Ada")
    yield from start_server(folder / "project", folder / "server.log")


@pytest.fixture
def open_page(server, open_window):
    """A page in the browser of somebody who has given a name there."""
    return lambda reviewer, name: open_window(f"{server.url}/{name}", reviewer=reviewer)


def test_the_download_holds_the_rows_that_were_counted_before(server, open_page, tmp_path):
    page = open_page("Ada", "export")
    crops = page.get_by_test_id("stMetric").filter(has_text="Crops").get_by_test_id("stMetricValue")
    expect(crops).to_have_text("4")

    verdict = page.get_by_role("combobox", name="Verdict")
    verdict.click()
    page.get_by_role("option", name="Normal").click()
    page.keyboard.press("Escape")
    expect(crops).to_have_text("10")
    page.get_by_role("button", name="Make CSV table of 10 crops").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()

    download.value.save_as(tmp_path / "got.csv")
    with (tmp_path / "got.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    held = Project(server.project).verdicts()
    assert {row["crop_id"]: row["verdict"] for row in rows} == dict(zip(held["crop_id"], held["verdict"], strict=True))
    assert [row["verdict_species"] for row in rows if row["verdict"] == "anomaly"] == ["stoat"] * 4


def test_a_package_is_made_after_its_cameras_and_names_are_typed_into_the_tables(server, open_page):
    page = open_page("Ada", "export")
    page.get_by_role("radio", name="Camtrap DP").click()
    page.get_by_role("textbox", name="Zone of the cameras' clocks").fill("+02:00")
    page.get_by_role("textbox", name="Zone of the cameras' clocks").press("Enter")
    expect(page.get_by_text("without coordinates")).to_be_visible()

    places = page.locator("[class*=st-key-export_places]").get_by_test_id("stDataFrame")
    for row, place in enumerate([("48.5", "9.1"), ("48.6", "9.2")]):
        for column, value in enumerate(place, start=1):
            type_into(page, places, row=row, column=column, value=value)
    expect(page.get_by_text("without coordinates")).to_have_count(0)
    names = page.locator("[class*=st-key-export_names]").get_by_test_id("stDataFrame")
    type_into(page, names, row=0, column=1, value="Mustela erminea")
    expect(page.get_by_text("Scientific names: 1 species without")).to_have_count(0)

    page.get_by_role("button", name="Make Camtrap DP of 4 crops").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile(r"Download .+\.zip")).click()
    with zipfile.ZipFile(download.value.path()) as package:
        deployments = package.read("deployments.csv").decode()
        observations = package.read("observations.csv").decode()
    assert all(degrees in deployments for degrees in ("48.5", "9.1", "48.6", "9.2"))
    assert observations.count("Mustela erminea") == 4


def type_into(page, table, *, row: int, column: int, value: str) -> None:
    """Type into a cell as a person does: a click on the first one, then arrow keys. The table is a picture."""
    for _ in range(5):  # a click right after typing elsewhere may only end that
        table.click(position={"x": 20, "y": 1.5 * ROW_PX})
        with suppress(AssertionError):
            expect(table.get_by_test_id("glide-cell-0-0")).to_have_attribute("aria-selected", "true", timeout=2_000)
            break
    cell = [0, 0]
    for key, axis in [*[("ArrowDown", 1)] * row, *[("ArrowRight", 0)] * column]:
        page.keyboard.press(key)
        cell[axis] += 1
        expect(table.get_by_test_id("glide-cell-{}-{}".format(*cell))).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.locator(".gdg-input").fill(value)
    page.keyboard.press("Enter")
    expect(table.get_by_test_id("glide-cell-{}-{}".format(*cell))).to_have_text(value)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def test_a_second_reviewer_decides_blind_and_sees_afterwards_how_well_the_two_agree(server, open_page):
    page = open_page("Bo", "reviewers")
    page.get_by_role("button", name="Share").click()
    share = page.get_by_role("slider")
    share.focus()
    share.press("End")
    page.keyboard.press("Escape")
    expect(page.get_by_text("0 of 10 decided")).to_be_visible()
    expect(page.get_by_text("stoat")).to_have_count(0)

    for n in range(10):
        expect(page.get_by_text(f"{n} of 10 decided")).to_be_visible()
        # A press on a crop that is being redrawn is not taken for the next one.
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        page.get_by_role("button", name="Normal").click()
    expect(page.get_by_text("You have decided about all of your share")).to_be_visible()
    page.get_by_role("radio", name="Agreement").click()

    expect(page.get_by_test_id("stMetric").filter(has_text="Decided twice")).to_contain_text("10")
    expect(page.get_by_test_id("stMetric").filter(has_text="The same verdict")).to_contain_text("60%")
    first = Project(server.project).verdicts()
    assert first["verdict"].value_counts().to_dict() == {"normal": 6, "anomaly": 4}, "what Ada said still holds"
