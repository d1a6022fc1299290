"""What a biologist notices on the Suggestions page."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.study.project import Project
from models.jobs import registry
from models.jobs.suggestions import SuggestionsRequest
from models.suggestions.of_run import FILE, FOLDER
from tests.fakes.labelled_run import WRONG, add_labelled_run, find_crop_of
from tests.fakes.project import add_run
from ui.shared.state import Key

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "suggestions.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def wrong(project, tmp_path) -> str:
    """The crop with the wrong label, after the labels of its run were looked through."""
    run = add_labelled_run(project, tmp_path / "photos")
    registry.do_at_once(project, SuggestionsRequest(run=run.run_id))
    return find_crop_of(run, WRONG)


def open_page(reviewer: str = "Ada") -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state[Key.REVIEWER] = reviewer
    page.run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    kinds = (page.info, page.success, page.error, page.warning, page.caption, page.markdown)
    return " ".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def press(page: AppTest, start: str) -> AppTest:
    page = next(button for button in page.button if (button.key or "").startswith(start)).click().run()
    assert not page.exception
    return page


def held(project: Project, crop_id: str) -> list[str]:
    return project.verdicts().set_index("crop_id").loc[crop_id, ["verdict", "species", "reviewer"]].tolist()


def test_an_empty_project_says_what_to_do_next(project):
    assert "Run" in said(open_page())


def test_before_the_first_search_the_page_says_what_it_does_and_starts_it(project, tmp_path, monkeypatch):
    add_run(project, tmp_path / "photos", n=4)
    asked = []
    monkeypatch.setattr("ui.work.start.start", lambda project, request, **how: asked.append(request))

    page = open_page()
    assert "the labels that disagree are listed" in said(page)
    press(page, "suggestions-start")

    assert [request.work_id for request in asked] == [f"runs/{project.latest_run().run_id}/suggestions"]


def test_a_run_without_species_says_where_they_come_from(project, tmp_path):
    run = add_run(project, tmp_path / "photos", n=4)
    registry.do_at_once(project, SuggestionsRequest(run=run.run_id))

    assert "No crop of this run has a species yet. Name its groups" in said(open_page())


def test_where_nothing_could_be_compared_the_page_does_not_say_that_all_is_well(project, tmp_path):
    run = add_run(project, tmp_path / "photos", n=4)
    project.save_verdict(
        project.review_queue(flagged_only=False).rows.iloc[0], "normal", species="deer", reviewer="Ada"
    )
    registry.do_at_once(project, SuggestionsRequest(run=run.run_id))

    page = open_page()

    assert "No crop could be compared" in said(page)
    assert not page.success


def test_a_doubtful_label_is_mended_with_one_button_and_then_confirmed_with_the_other(project, wrong):
    page = open_page()
    assert "**coyote** that looks like **fox**: 1 crop, 1 undecided" in said(page)

    page = press(page, f"suggestions-one-{wrong}")
    assert held(project, wrong) == ["normal", "fox", "Ada"]
    assert "1 of 1 decided" in said(page)

    press(page, f"suggestions-one-keep-{wrong}")
    assert held(project, wrong) == ["normal", "coyote", "Ada"]


@pytest.mark.parametrize(("button", "species"), [("suggestions-all-coyote", "fox"), ("suggestions-all-keep", "coyote")])
def test_all_of_a_pair_are_decided_at_once(project, wrong, button, species):
    page = press(open_page(), button)

    assert held(project, wrong) == ["normal", species, "Ada"]
    assert page.button(key="suggestions-all-coyote-fox").disabled


def test_what_another_person_decided_meanwhile_is_said_and_kept(project, wrong):
    page = open_page()
    project.save_verdict(wrong, "normal", species="jackal", reviewer="Ben")

    page = press(page, f"suggestions-one-{wrong}")

    assert held(project, wrong) == ["normal", "jackal", "Ben"]
    assert "1 crop kept what Ben decided meanwhile" in said(page) + " ".join(one.value for one in page.toast)


def test_only_the_undecided_ones_can_be_shown(project, wrong):
    page = press(open_page(), f"suggestions-one-{wrong}")

    page.toggle(key=Key.SUGGESTIONS_OPEN).set_value(True).run()

    assert "Every doubtful label is decided" in said(page)


def test_what_was_found_and_is_damaged_can_be_looked_for_again(project, wrong):
    run = project.latest_run()
    (run.path / FOLDER / FILE).write_text("{")

    page = open_page()

    assert "cannot be read" in said(page)
    assert page.button(key="suggestions-start")
