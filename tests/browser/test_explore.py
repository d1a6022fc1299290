"""The Explore page under a real mouse: drag eps, lasso, hide a species, zoom, hover."""

import re
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from PIL import Image

from core.disk.locks import FileLock
from core.maps.exploration import Exploration
from core.maps.making import make_pca
from core.maps.projection import Projection, ProjectionKind
from core.study.project import Project
from tests.browser.servers import start_server
from tests.fakes.project import make_project

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

N = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory, browser):
    """A dashboard over sixty crops in two clouds, with the map of principal components."""
    folder = tmp_path_factory.mktemp("explore")
    project = make_project(folder, N, shard_photos=30)
    exploration = Exploration(project.latest_run())
    exploration.folder.mkdir(parents=True)
    rows = np.random.default_rng(8).normal(size=(N, 6)).astype(np.float32)
    rows[: N // 2, 0] += 12
    np.save(exploration.folder / "prepared.npy", rows)
    make_pca(exploration)
    exploration.tree(Projection(kind=ProjectionKind.PCA), min_samples=4)
    yield from start_server(folder / "project", folder / "server.log")


LAYOUT = "document.querySelector('.ex-frame')._fullLayout"


@pytest.fixture
def page(server, open_window):
    """The page with its plot and clusters; what it asked other computers for is an error."""
    asked: list[str] = []
    tab = open_window(
        f"{server.url}/explore?map=pca&min=4&eps=1",
        size=(1280, 1000),
        on={"request": lambda request: asked.append(request.url)},
    )
    tab.wait_for_selector(".ex-radius:not([hidden]) .ex-counts:not(:empty)")
    yield tab
    foreign = [url for url in asked if not url.startswith((server.url, "ws://localhost", "blob:", "data:"))]
    assert foreign == []


def eps_on_show(page) -> float:
    return float(page.locator(".explore-plot").get_attribute("data-eps"))


def address(page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def in_view(page) -> list[float]:
    ranges = "[...layout.xaxis.range, ...layout.yaxis.range]"
    return page.evaluate(
        f"() => {{ const layout = document.querySelector('.ex-frame')._fullLayout; return {ranges}; }}"
    )


def at(page, x: float, y: float) -> tuple[float, float]:
    """A place on the plot, in shares of its width and height."""
    area = page.locator(".ex-stage").bounding_box()
    return area["x"] + area["width"] * x, area["y"] + area["height"] * y


def find_point(page, row: int) -> tuple[float, float]:
    """Where the point of a row is on the screen."""
    left, top = page.evaluate(
        """row => {
        const plot = document.querySelector('.explore-plot').plot, area = plot.stage.getBoundingClientRect();
        const [left, top] = plot.toPixels(row);
        return [area.left + left, area.top + top];
    }""",
        row,
    )
    return left, top


def draw_around(page, corners: list[tuple[float, float]]) -> None:
    """With the button held down, from corner to corner, in shares of the plot's width and height."""
    page.mouse.move(*at(page, *corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*at(page, *corner), steps=6)
    page.mouse.up()


def count_selected(page) -> int:
    return int(re.search(r"(\d+) selected", page.locator(".ex-tally").inner_text())[1])


def wait_for_eps(page) -> None:
    """Until the plot, the number beside it and the address say the same eps, and no longer 1."""
    page.wait_for_function("""() => {
        const drawn = document.querySelector('.explore-plot').dataset.eps;
        const typed = document.querySelector('.ex-number').value;
        return drawn !== '1' && drawn === typed && new URLSearchParams(location.search).get('eps') === drawn;
    }""")


def test_clusters_follow_the_slider_while_it_is_dragged_and_zoom_is_kept(page):
    page.mouse.move(*find_point(page, 7))
    card = page.locator(".ex-card")
    expect(card).to_contain_text("score")
    expect(card).to_contain_text("May 2026")
    page.wait_for_function("document.querySelector('.ex-card img').naturalWidth > 0")

    page.mouse.move(*at(page, 0.5, 0.5))
    page.mouse.wheel(0, -300)
    page.wait_for_url(re.compile("view="))
    before = in_view(page)
    said = page.locator(".ex-counts").inner_text()
    slider = page.locator(".ex-slider").bounding_box()
    y = slider["y"] + slider["height"] / 2
    page.mouse.move(slider["x"] + slider["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(slider["x"] + slider["width"] * 0.2, y, steps=5)
    page.wait_for_function("before => document.querySelector('.ex-counts').textContent !== before", arg=said)
    assert eps_on_show(page) < 1
    page.mouse.up()
    wait_for_eps(page)
    assert in_view(page) == pytest.approx(before)

    # The curves set eps too.
    low = eps_on_show(page)
    curve = page.locator("[data-curve=shares]")
    curve.locator(".main-svg").first.wait_for()
    area = curve.bounding_box()
    page.mouse.click(area["x"] + area["width"] * 0.75, area["y"] + area["height"] * 0.4)
    page.wait_for_function("low => Number(document.querySelector('.explore-plot').dataset.eps) > low", arg=low)
    wait_for_eps(page)
    assert in_view(page) == pytest.approx(before)


def test_a_point_opens_its_photo_the_map_is_saved_as_a_picture_and_a_resized_window_shows_the_same(page, tmp_path):
    before = in_view(page)
    for width in (1000, 1280):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function(f"{LAYOUT}.width === document.querySelector('.ex-stage').clientWidth")
    page.wait_for_function(f"x0 => Math.abs({LAYOUT}.xaxis.range[0] - x0) < 1e-6", arg=before[0])
    assert in_view(page) == pytest.approx(before)

    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as PNG").click()
    saved.value.save_as(tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > page.locator(".ex-stage").bounding_box()["width"] + 140, "the legend is beside the map"

    page.mouse.click(*find_point(page, 7))
    expect(page.get_by_role("dialog")).to_contain_text("Camera")


def test_a_lasso_and_hidden_species_outlast_leaving_the_page_and_a_reload(page):
    order = page.locator(".ex-species .ex-name").all_inner_texts()
    page.get_by_role("button", name="Show fox").click()
    expect(page.locator(".ex-tally")).to_contain_text(f"40 of {N} crops shown")
    expect(page.locator(".ex-off .ex-name")).to_have_text("fox")
    assert page.locator(".ex-species .ex-name").all_inner_texts() == order, "a faded species keeps its place"
    page.wait_for_url(re.compile("off=fox"))
    page.get_by_role("button", name="Invert").click()
    expect(page.locator(".ex-tally")).to_contain_text(f"20 of {N} crops shown")
    page.get_by_role("slider", name="Opacity of fox").fill("50")
    page.wait_for_url(re.compile("fade=fox"))
    assert set(address(page)["off"]) == {"badger", "deer"}

    page.get_by_role("button", name="Lasso").click()
    draw_around(page, [(0.02, 0.2), (0.5, 0.2), (0.5, 0.98), (0.02, 0.98)])
    expect(page.locator(".ex-tally")).to_contain_text("selected")
    few = count_selected(page)
    assert 0 < few < 20, "of the foxes alone"
    page.wait_for_url(re.compile("pick="))

    page.keyboard.down("Shift")
    draw_around(page, [(0.98, 0.2), (0.5, 0.2), (0.5, 0.98), (0.98, 0.98)])
    page.keyboard.up("Shift")
    page.wait_for_url(lambda url: parse_qs(urlparse(url).query)["pick"][0].count("/") == 2)
    chosen = count_selected(page)
    assert few < chosen <= 20, "the first outline counts still"
    expect(page.get_by_text(f"{chosen} crops drawn around")).to_be_visible()
    expect(page.locator(".crop-card")).to_have_count(min(chosen, 12))

    page.get_by_role("link", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="Run", level=1)).to_be_visible()
    page.get_by_role("link", name="Explore").click()
    expect(page.locator(".ex-tally")).to_contain_text(f"20 of {N} crops shown · {chosen} selected")

    page.reload()
    expect(page.locator(".ex-tally")).to_contain_text(f"20 of {N} crops shown · {chosen} selected")
    assert address(page)["fade"] == ["fox:0.5"]


def test_the_pca_is_there_to_look_at_until_the_map_is_ready(page, server):
    folder = Exploration(Project(server.project).latest_run()).folder
    with FileLock(folder / "neighbours.lock"):  # as if comparing the crops took long
        page.goto(f"{server.url}/explore?map=tsne-7")
        expect(page.locator(".ex-message")).to_have_text("PCA until the t-SNE is ready")
        expect(page.locator(".ex-tally")).to_contain_text(f"{N} crops")
        assert page.locator(".ex-radius").is_hidden(), "its clusters would not be those of the map"

    expect(page.locator(".ex-radius")).to_be_visible()
    expect(page.locator(".ex-message")).to_be_hidden()
    assert address(page)["map"] == ["tsne-7"]


def test_a_decision_about_a_whole_selection_is_undone_as_a_whole(server, page):
    page.context.add_cookies([{"name": "anomalure_reviewer", "value": "Ada", "url": server.url}])
    page.goto(f"{server.url}/explore?map=pca&min=4&eps=1&pick=1%3Aspecies%3Afox")
    page.get_by_role("button", name="Normal", exact=True).click()
    expect(page.get_by_text("20 crops decided: Normal.")).to_be_visible()
    assert set(Project(server.project).verdicts()["verdict"]) == {"normal"}

    page.get_by_role("button", name="Undo", exact=True).click()

    expect(page.get_by_text("20 crops decided: Normal.")).to_have_count(0)
    assert Project(server.project).verdicts().empty


def test_the_small_curves_keep_inside_their_column_when_a_second_plot_takes_half_of_the_page(page):
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".ex-frame")).to_have_count(2)
    expect(page.locator(".ex-curve .main-svg").first).to_be_visible()
    page.wait_for_function(
        """() => [...document.querySelectorAll('.ex-curve:not([hidden])')].every((box) => {
        const drawn = box.querySelector('.main-svg');
        return !drawn || drawn.getBoundingClientRect().right <= box.getBoundingClientRect().right + 1;
    })"""
    )
