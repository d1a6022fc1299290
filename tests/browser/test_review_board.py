"""The review board in a real browser: keys, grid, one at a time, strip, and decisions that are never lost."""

import re
import sys

import numpy as np
import pytest

from core.records import CropKind, HeatMap
from core.study.project import Project
from tests.browser.servers import Server, start_server
from tests.fakes import project as fake_project
from tests.fakes.project import add_heat_map, add_run

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

N_FLAGGED = 30
HOSTILE = "<img src=x onerror='window.broken = 1'>"
RIGHT_TO_LEFT = "\u202edeer\u202c \u05e9\u05d5\u05e2\u05dc"


@pytest.fixture(scope="module")
def server(tmp_path_factory, browser):
    """One dashboard over thirty flagged crops; each test decides about crops of its own project state.

    An earlier run, ``strange``, has two crops: the files of the first are gone, the second has names that are markup.
    """
    folder = tmp_path_factory.mktemp("board")
    project = Project(folder / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_project, "PHOTO_WIDTH_PX", 100)  # other photos than those of the second run
        patch.setattr(fake_project, "SPECIES", (RIGHT_TO_LEFT, HOSTILE))
        if sys.platform != "win32":  # which has no such file names
            patch.setattr(fake_project, "CAMERAS", ("north", HOSTILE))
        add_run(project, folder / "strange", n=2, n_flagged=2, name="strange")
    gone = project.review_queue().rows.iloc[0]
    (folder / "strange" / gone.file_name).unlink()
    project.crop_path(gone.crop_id).unlink()
    run = add_run(project, folder / "photos", n=40, n_flagged=N_FLAGGED, shard_photos=20)
    rows = project.review_queue(run, limit=100).rows
    frame = rows.loc[rows["kind"] == CropKind.FRAME, "crop_id"].iloc[0]  # the fifth
    add_heat_map(run, frame, HeatMap(np.array([[0.1, 0.1, 0.5], [0.1, 0.1, 0.1]], np.float16), "bank", 0.2))
    yield from start_server(folder / "project", folder / "server.log")


@pytest.fixture
def page(server, open_window):
    """The Review page in a browser of its own, every crop undecided."""
    project = Project(server.project)
    for row in project.verdicts().to_dict("records"):
        project.undo_verdict(row["crop_id"], reviewer=row["reviewer"])
    page = open_window(f"{server.url}/review", reviewer="Ada")
    expect(page.locator(".card").first).to_be_visible()
    return page


def crop_ids(server: Server) -> list[str]:
    return Project(server.project).review_queue(limit=100).rows["crop_id"].tolist()


def verdicts(server: Server) -> dict[str, str]:
    held = Project(server.project).verdicts()
    return dict(zip(held["crop_id"], held["verdict"], strict=True))


def card(page, crop: str):
    return page.locator(f'.card[data-crop="{crop}"]')


def wait_until_saved(page, n: int) -> None:
    """Until the board says that all is on the disk, and ``n`` cards show it."""
    expect(page.locator(".saving")).to_contain_text("All saved")
    expect(page.locator(".card:is(.anomaly, .normal, .unsure).saved")).to_have_count(n)


def test_keys_decide_and_go_on_to_the_next(server, page):
    first, second, third, fourth, *_ = crop_ids(server)
    for key in "anu":
        page.keyboard.press(key)

    expect(card(page, fourth)).to_have_class(re.compile(r"\bnext\b"))
    expect(page.get_by_text("3 of 30 flagged decided")).to_be_visible()
    wait_until_saved(page, 3)
    assert verdicts(server) == {first: "anomaly", second: "normal", third: "unsure"}


def test_steps_are_taken_back_and_made_again_as_new_rows(server, page):
    first, second, third, *_ = crop_ids(server)
    before = len(Project(server.project).store.verdicts())
    for key in "anu" + "zz" + "y":
        page.keyboard.press(key)

    wait_until_saved(page, 2)
    expect(card(page, third)).not_to_have_class(re.compile(r"unsure"))
    assert verdicts(server) == {first: "anomaly", second: "normal"}
    assert len(Project(server.project).store.verdicts()) == before + 6, "nothing is ever removed"


def test_a_range_and_all_in_view_are_decided_at_once(server, page):
    ids = crop_ids(server)
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "n"):
        page.keyboard.press(key)
    wait_until_saved(page, 3)
    assert verdicts(server) == dict.fromkeys(ids[:3], "normal")

    page.keyboard.press("s")
    expect(page.get_by_text("21 crops selected")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("24 of 30 flagged decided")).to_be_visible()
    expect(card(page, ids[24])).to_have_class(re.compile(r"\bnext\b"))
    expect(page.locator(".saving")).to_contain_text("All saved")
    assert verdicts(server) == dict.fromkeys(ids[:3], "normal") | dict.fromkeys(ids[3:24], "anomaly")


def test_a_whole_event_is_decided_at_once(server, page):
    row = Project(server.project).review_queue().rows.iloc[0]
    page.keyboard.press("e")
    expect(page.get_by_text("2 crops selected")).to_be_visible()
    page.keyboard.press("u")
    wait_until_saved(page, 2)

    queue = Project(server.project).review_queue(limit=100).rows
    assert set(queue[queue["verdict"] == "unsure"]["crop_id"]) == set(
        queue[queue["event_id"] == row.event_id]["crop_id"]
    )


def test_a_decision_in_the_strip_is_taken_back(server, page):
    first, second, *_ = crop_ids(server)
    page.keyboard.press("a")
    page.keyboard.press("n")
    strip = page.locator(".strip li")
    expect(strip).to_have_count(2)
    wait_until_saved(page, 2)

    page.locator(f'.strip li[data-crop="{first}"] .back').click()

    expect(strip).to_have_count(1)
    wait_until_saved(page, 1)
    assert verdicts(server) == {second: "normal"}
    expect(card(page, first)).not_to_have_class(re.compile(r"anomaly"))


def test_a_decision_that_cannot_be_saved_is_said_kept_over_a_reload_and_saved_later(server, page):
    first = crop_ids(server)[0]
    page.route("**/api/verdicts", lambda route: route.abort())
    page.keyboard.press("a")
    expect(page.locator(".saving")).to_contain_text("1 decision not saved yet, kept in this browser")
    assert verdicts(server) == {}

    page.reload()
    expect(page.locator(".saving")).to_contain_text("1 decision not saved yet")
    expect(card(page, first)).to_have_class(re.compile(r"anomaly"))
    page.unroute("**/api/verdicts")
    page.get_by_role("button", name="Try now").click()

    expect(page.locator(".saving")).to_contain_text("All saved")
    assert verdicts(server) == {first: "anomaly"}


def test_a_decision_with_a_pass_of_another_version_is_saved_after_a_reload(server, page):
    page.route("**/api/verdicts", lambda route: route.abort())
    page.keyboard.press("a")
    expect(page.locator(".saving")).to_contain_text("1 decision not saved yet")
    page.evaluate(
        """() => {
            for (const [name, text] of Object.entries({ ...localStorage })) {
                if (!name.includes(".decision.")) continue;
                localStorage.setItem(name, JSON.stringify({ ...JSON.parse(text), pass: "eyJyZXZpZXdlciI6ICIifQ.old" }));
            }
        }"""
    )

    page.unroute("**/api/verdicts")
    page.reload()
    expect(page.get_by_text("1 of 30 flagged decided")).to_be_visible()
    expect(page.locator(".saving")).to_contain_text("All saved")
    assert list(verdicts(server).values()) == ["anomaly"]


def test_a_new_browser_asks_who_is_reviewing_before_its_first_decision_and_remembers_on_every_page(server, page):
    first, second, *_ = crop_ids(server)
    page.context.clear_cookies()
    page.goto(f"{server.url}/review")
    expect(card(page, first)).to_be_visible()
    expect(page.get_by_role("textbox", name="Your name").first).to_have_value("")
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    assert verdicts(server) == {}, "nothing is kept without a name"

    page.keyboard.press("n")
    page.keyboard.type("Zoë B")
    page.keyboard.press("Enter")
    wait_until_saved(page, 1)
    page.goto(f"{server.url}/export")
    expect(page.get_by_role("textbox", name="Your name").first).to_have_value("Zoë B")
    page.goto(f"{server.url}/review")
    expect(card(page, second)).to_be_visible()
    page.keyboard.press("a")
    wait_until_saved(page, 1)
    assert Project(server.project).verdicts()["reviewer"].tolist() == ["Zoë B", "Zoë B"]


def test_keys_do_nothing_while_a_field_is_typed_in(server, page):
    page.get_by_role("textbox", name="Your name").first.click()
    page.keyboard.type("Anna Munz")

    expect(page.get_by_text("0 of 30 flagged decided")).to_be_visible()
    assert verdicts(server) == {}

    page.keyboard.press("Enter")

    expect(page.get_by_role("textbox", name="Your name").first).not_to_be_focused()


def test_the_species_is_corrected_with_type_ahead(server, page):
    first = crop_ids(server)[0]
    page.keyboard.press("t")
    page.keyboard.type("badg")
    expect(page.get_by_role("option", name="badger")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")

    wait_until_saved(page, 1)
    row = Project(server.project).verdicts().iloc[0]
    assert (row.crop_id, row.species, row.verdict) == (first, "badger", "anomaly")


def test_a_note_that_was_left_without_keeping_it_is_there_when_it_is_opened_again(server, page):
    first, *_ = crop_ids(server)
    page.keyboard.press("m")
    page.get_by_role("textbox", name="Note").fill("a limping one")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.keyboard.press("m")
    expect(page.get_by_role("textbox", name="Note")).to_have_value("a limping one")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".saving")).to_contain_text("All saved")
    notes = Project(server.project).store.notes()
    assert notes[["crop_id", "note"]].values.tolist()[-1] == [first, "a limping one"]
    assert verdicts(server) == {}, "a note decides nothing"

    page.keyboard.press("a")
    wait_until_saved(page, 1)
    assert Project(server.project).verdicts().set_index("crop_id").loc[first, "note"] == "a limping one"


def test_a_key_can_be_changed_but_not_to_one_of_the_browser(server, page):
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.get_by_role("button", name="Anomaly: A.").click()
    page.keyboard.press("r")
    expect(dialog).to_contain_text("R belongs to the browser or to Streamlit")
    page.keyboard.press("n")
    expect(dialog).to_contain_text("N is the key for")
    page.keyboard.press("q")
    expect(dialog.get_by_role("button", name="Anomaly: Q.")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    page.keyboard.press("a")
    page.keyboard.press("q")

    wait_until_saved(page, 1)
    assert list(verdicts(server).values()) == ["anomaly"]


def test_one_at_a_time_shows_the_photo_its_box_and_the_visit(server, page):
    row = Project(server.project).review_queue().rows.iloc[0]
    page.keyboard.press("o")
    photo = page.locator(".frame img:not(.stand)")
    expect(photo).to_be_visible()
    expect(page.locator(".film li")).to_have_count(2)
    frame, box = photo.bounding_box(), page.locator(".frame .box.mine").bounding_box()
    scale = frame["width"] / row.photo_width
    assert box["x"] - frame["x"] == pytest.approx(row.x * scale, abs=4)
    assert box["y"] - frame["y"] == pytest.approx(row.y * scale, abs=4)
    assert box["width"] == pytest.approx(row.width * scale, abs=8)

    page.keyboard.press("n")
    expect(page.locator(".facts")).to_contain_text("2 of 30")
    page.keyboard.press("o")
    wait_until_saved(page, 1)


def test_buttons_do_what_the_keys_do(server, page):
    second = crop_ids(server)[1]
    card(page, second).get_by_role("button", name="Normal").click()
    wait_until_saved(page, 1)
    card(page, second).get_by_role("button", name="Undo").click()
    expect(page.locator(".card.normal")).to_have_count(0)
    page.get_by_role("button", name="One at a time").click()
    page.locator(".single .acts").get_by_role("button", name="Anomaly").click()
    expect(page.get_by_text("1 of 30 flagged decided")).to_be_visible()
    expect(page.locator(".saving")).to_contain_text("All saved")
    assert len(verdicts(server)) == 1


def test_a_verdict_is_seen_in_another_tab_and_after_a_reload(server, page):
    first, second, *_ = crop_ids(server)
    other = page.context.new_page()
    other.goto(f"{server.url}/review")
    expect(card(other, second)).to_be_visible()
    page.keyboard.press("a")
    wait_until_saved(page, 1)
    card(other, second).get_by_role("button", name="Normal").click()
    wait_until_saved(other, 1)

    page.reload()

    expect(page.get_by_text("2 of 30 flagged decided")).to_be_visible()
    expect(card(page, first)).to_have_count(0)
    assert verdicts(server) == {first: "anomaly", second: "normal"}


def test_a_photo_that_is_gone_leaves_a_plain_place_and_can_still_be_decided(server, page):
    gone = Project(server.project).review_queue("strange").rows.iloc[0].crop_id
    page.goto(f"{server.url}/review?run=strange")
    expect(card(page, gone).locator(".picture")).to_have_class(re.compile(r"\bmissing\b"))

    page.keyboard.press("o")
    expect(page.locator(".frame.missing:not(.alone)")).to_be_visible()
    expect(page.locator(".why-missing")).to_contain_text("no longer where the run found it")
    page.keyboard.press("p")
    expect(page.locator(".frame.missing.alone")).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator(".saving")).to_contain_text("All saved")
    assert verdicts(server) == {gone: "normal"}


def test_names_and_notes_that_are_markup_or_read_from_right_to_left_are_shown_as_text(server, page):
    row = Project(server.project).review_queue("strange").rows.iloc[1]
    Project(server.project).save_verdict(row, "unsure", note=HOSTILE, species=HOSTILE, reviewer=HOSTILE)
    page.goto(f"{server.url}/review?run=strange")
    page.get_by_role("radio", name="Decided too").click()
    expect(card(page, row.crop_id)).to_contain_text(row.deployment)
    expect(card(page, row.crop_id).locator(".species")).to_have_text(HOSTILE)
    expect(card(page, row.crop_id).locator(".badge")).to_contain_text(HOSTILE)
    expect(page.locator(".card .species").first).to_contain_text(RIGHT_TO_LEFT)

    card(page, row.crop_id).get_by_role("button", name="See the whole photo").click()
    expect(page.locator(".facts")).to_contain_text(row.file_name)
    expect(page.locator(".facts")).to_contain_text(HOSTILE)
    page.get_by_role("button", name="History").click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    assert page.evaluate("window.broken") is None


def test_a_frame_judged_by_its_patches_shows_where_it_is_odd_and_nothing_moves(page):
    light = page.get_by_role("button", name="Where it is odd")
    page.keyboard.press("o")
    expect(page.locator(".single")).to_be_visible()
    expect(light).to_have_count(0)  # a detection
    expect(page.locator(".stand")).to_have_count(0)  # the crop goes when the photo is there
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(light).to_be_visible()
    expect(page.locator(".film li").first).to_be_visible()
    expect(page.locator(".side .heading")).to_contain_text("ormal")  # all that comes beside the photo is there
    places = [page.locator(".frame"), page.locator(".film"), page.locator(".side")]
    before = [place.bounding_box() for place in places]
    expect(page.locator(".legend")).to_be_hidden()

    light.click()

    expect(page.locator(".legend")).to_contain_text("Bright: unlike anything that was seen at this camera before.")
    assert [place.bounding_box() for place in places] == before
    darkness = page.locator("canvas.heat").evaluate(
        "it => [0, 2].map((x) => it.getContext('2d').getImageData(x, 0, 1, 1).data[3])"
    )
    assert darkness[0] > 100
    assert darkness[1] == 0
    light.click()
    expect(page.locator("canvas.heat")).to_be_hidden()


def test_a_link_to_the_newest_run_opens_it_although_another_was_looked_at_before(server, page):
    """An address that names the newest run names the default, over which what was chosen before would win."""
    newest = Project(server.project).latest_run().run_id
    for run in ("strange", newest):
        page.get_by_role("link", name="Run", exact=True).click()
        page.get_by_test_id("stExpander").filter(has_text=re.compile(f"{run} · done")).locator("summary").click()
        page.locator(f".st-key-review-{run} button").click()
        expect(page.get_by_role("heading", name="Review", level=1)).to_be_visible()
        expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value(run)
