"""What a user notices on the Images page."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.settings.images import ImageSettings
from core.study.project import Project
from models.jobs.images import ImagesRequest
from models.jobs.registry import do_at_once
from tests.fakes.coloured import BLUE, RED, write_coloured
from tests.fakes.starts import Starts, watch_starts

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "images.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def started(monkeypatch) -> Starts:
    """What the page asked to be started; nothing really starts."""
    return watch_starts(monkeypatch)


@pytest.fixture
def folders(tmp_path):
    """Thirty blue images, and a folder with two blue and two red ones."""
    draws = np.random.default_rng(0)

    for n in range(30):
        write_coloured(tmp_path / "normal" / f"{n}.png", BLUE, draws)
    for n in range(2):
        write_coloured(tmp_path / "new" / f"blue-{n}.png", BLUE, draws)
        write_coloured(tmp_path / "new" / f"red-{n}.png", RED, draws)
    return tmp_path / "normal", tmp_path / "new"


def open_page(**state) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    for key, value in state.items():
        page.session_state[key] = str(value)
    page.run()
    assert not page.exception
    return page


def texts(page) -> str:
    shown = (*page.markdown, *page.caption, *page.error, *page.warning, *page.info)
    return "\n".join(str(one.value) for one in shown).replace("\\", "")


def test_two_folders_start_a_check_with_what_was_chosen(project, started, folders):
    normal, new = folders
    page = open_page(images_normal=normal, images_asked=new)
    page.selectbox(key="images_descriptor").select("colour_histogram").run()
    page.number_input(key="images_bins").set_value(16).run()
    page.selectbox(key="images_one_class").select("lof").run()
    page.text_input(key="images_name").set_value("blue sky").run()
    page.button(key="start-images").click().run()

    assert not page.exception
    (request,) = started
    assert (request.name, request.normal, request.asked) == ("blue sky", normal, new)
    assert (request.descriptor, request.one_class) == ("colour_histogram", "lof")
    assert request.settings == ImageSettings(bins=16)


@pytest.mark.parametrize(
    ("normal", "asked", "why"),
    [("", "", ""), ("nowhere", "", "There is no folder"), ("", "nowhere", "There is no folder")],
)
def test_nothing_can_be_started_without_two_folders(project, started, normal, asked, why):
    page = open_page(images_normal=normal, images_asked=asked)

    assert page.button(key="start-images").disabled
    assert why in texts(page)


def test_a_name_that_is_taken_is_said_before_the_start(project, started, folders):
    normal, new = folders
    request = ImagesRequest(name="blue", normal=normal, asked=new, descriptor="colour_histogram")
    do_at_once(project, request)
    page = open_page(images_normal=normal, images_asked=new, images_name="blue")

    assert "There is a model of images named blue already" in texts(page)
    assert page.button(key="start-images").disabled


def test_the_answers_are_on_the_images_and_in_a_table(project, folders):
    normal, new = folders
    (new / "broken.jpg").write_bytes(b"no picture")
    do_at_once(project, ImagesRequest(name="blue", normal=normal, asked=new, descriptor="colour_histogram"))
    page = open_page(watched_images="blue")

    said = texts(page)
    assert "**2 of 4 images** are unlike the normal ones" in said
    assert "1 image could not be read. The first: broken.jpg" in said
    assert "red-0.png" in said
    assert "blue-0.png" not in said
    page.segmented_control(key="images_shown-blue").set_value("All images").run()
    assert "blue-0.png" in texts(page)
    (new / "red-0.png").unlink()
    page = open_page(watched_images="blue")
    assert not page.exception


def test_an_image_that_was_replaced_is_not_shown_with_the_answer_of_the_one_before(project, folders):
    normal, new = folders
    do_at_once(project, ImagesRequest(name="blue", normal=normal, asked=new, descriptor="colour_histogram"))
    (new / "red-0.png").write_bytes((new / "blue-0.png").read_bytes())

    said = texts(open_page(watched_images="blue"))

    assert "red-0.png was changed or replaced since it was checked" in said
    assert "red-1.png was changed" not in said


def test_too_few_normal_images_are_a_sentence(project, folders):
    normal, new = folders
    for path in sorted(normal.iterdir())[1:]:
        path.unlink()
    request = ImagesRequest(name="one", normal=normal, asked=new)
    with pytest.raises(Exception, match="needs 19 normal images or more, got 1"):
        do_at_once(project, request)
    page = open_page(watched_images="one")
    assert not page.exception
