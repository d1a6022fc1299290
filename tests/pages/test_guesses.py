"""What a user notices of guesses on the Review and Explore pages."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import ui.explore.follow
import ui.explore.page
from core.study.project import Project
from tests.fakes.project import ABACUS, RED_FOX, TABBY, make_project
from ui.explore.cached import load_colouring, load_run_points
from ui.explore.run import describe_point
from ui.explore.selection import read_selected_csv

PAGES = Path(__file__).resolve().parents[2] / "pages"


@pytest.fixture(autouse=True)
def no_process(monkeypatch) -> None:
    """Explore starts no process that computes its maps: what is looked at here is there without them."""
    monkeypatch.setattr(ui.explore.follow, "start_map", lambda *_: None)
    monkeypatch.setattr(ui.explore.page, "keep_ready_soon", lambda *_: None)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Twelve photos that look like a red fox, a cat and no animal in turn."""
    made = make_project(tmp_path, 12, n_flagged=6, looks=(RED_FOX, TABBY, ABACUS))
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def plain_project(tmp_path, monkeypatch) -> Project:
    """A run of an encoder that knows no classes."""
    made = make_project(tmp_path, 12, n_flagged=6)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def open_page(name: str = "review") -> AppTest:
    page = AppTest.from_file(str(PAGES / f"{name}.py"), default_timeout=30).run()
    assert not page.exception
    return page


def board(page: AppTest) -> dict:
    return json.loads(page.get("bidi_component")[0].proto.json)


def first_guess(row: dict) -> str:
    return row["guesses"][0]["name"]


def test_each_card_says_what_its_crop_looks_like(project):
    shown = board(open_page())

    assert shown["guesses"] is True
    assert [first_guess(row) for row in shown["rows"]] == ["red fox", "domestic cat", "no animal"] * 2
    assert shown["rows"][0]["guesses"] == [
        {"name": "red fox", "share": 0.731, "isSpecies": True, "source": ""},
        {"name": "coyote", "share": 0.269, "isSpecies": True, "source": ""},
    ]
    assert shown["rows"][2]["guesses"][0]["isSpecies"] is False


def test_the_crops_that_look_like_one_animal_can_be_seen_alone(project):
    page = open_page()
    page.selectbox(key="guess").select("red fox").run()

    assert not page.exception
    assert {first_guess(row) for row in board(page)["rows"]} == {"red fox"}
    assert board(page)["query"]["guess"] == "red fox"
    assert page.selectbox(key="guess").options == ["domestic cat (4)", "no animal (4)", "red fox (4)"]


def test_the_projects_own_spelling_is_used(project):
    project.save_verdict(project.review_queue().rows.iloc[1], "anomaly", species="Felis catus")
    page = open_page()

    assert "Felis catus (4)" in page.selectbox(key="guess").options
    assert "Felis catus" in {first_guess(row) for row in board(page)["rows"]}


def test_guesses_can_be_turned_off_and_stay_off(project):
    page = open_page()
    page.selectbox(key="guess").select("red fox").run()
    page.toggle(key="show_guesses").set_value(False).run()
    assert not page.exception

    for shown in (page, open_page()):
        assert board(shown)["guesses"] is False
        assert len(board(shown)["rows"]) == 6, "the filter is gone, too"
        assert "guess" not in [box.key for box in shown.selectbox]
    assert "Guess" not in open_page("explore").selectbox(key="explore-colour-1").options

    page = open_page()
    page.toggle(key="show_guesses").set_value(True).run()
    assert board(page)["guesses"] is True


def test_a_run_of_another_encoder_shows_nothing_of_guesses(plain_project):
    page = open_page()

    assert board(page)["guesses"] is False
    assert {len(row["guesses"]) for row in board(page)["rows"]} == {0}
    assert [box.key for box in page.selectbox if box.key == "guess"] == []
    assert [one.key for one in page.toggle if one.key == "show_guesses"] == []
    assert "Guess" not in open_page("explore").selectbox(key="explore-colour-1").options


def test_the_points_of_explore_can_be_coloured_by_guess(project):
    page = open_page("explore")
    page.selectbox(key="explore-colour-1").select("guess").run()
    assert not page.exception

    points = load_run_points(project.latest_run())
    colouring = load_colouring(project, points, "guess")
    assert {group.name: group.n for group in colouring.groups} == {"red fox": 4, "domestic cat": 4, "no animal": 4}
    assert "Looks like (a guess): " in " ".join(describe_point(project, points, 0)["lines"])


def test_the_table_of_selected_crops_has_the_guesses(project):
    open_page()
    run = project.latest_run()
    crops = project.review_queue(flagged_only=False).rows["crop_id"].tolist()

    lines = read_selected_csv(project, run, crops[:2]).decode("utf-8-sig").splitlines()

    assert "given_to_group,guess,guess_share,further_guesses," in lines[0]
    assert "red fox,0.731,coyote 27%," in lines[1]
