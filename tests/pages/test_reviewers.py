"""What two reviewers notice on the Reviewers page."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.records import Decision
from core.study.project import Project
from core.study.second_review import SecondReview, keep_second_review, second_queue
from tests.fakes.project import make_project
from ui.shared.state import Key

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "reviewers.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Ada called four crops anomalies; all of them are to be reviewed twice."""
    made = make_project(tmp_path, 6)
    rows = made.review_queue(flagged_only=False).rows
    made.save_verdicts([rows.iloc[n] for n in range(4)], Decision.ANOMALY, reviewer="Ada", note="secret")
    keep_second_review(made, SecondReview(share=1.0))
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def open_page(reviewer: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state[Key.REVIEWER] = reviewer
    page.run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    kinds = (page.info, page.success, page.error, page.caption, page.markdown)
    drawn = [item.proto.body for item in page.get("html")]
    return " ".join([*(str(one.value) for kind in kinds for one in kind), *drawn]).replace("\\", "")


def press(page: AppTest, start: str) -> AppTest:
    return next(button for button in page.button if (button.key or "").startswith(start)).click().run()


def test_a_second_reviewer_decides_without_seeing_the_first(project):
    page = open_page("Bo")
    assert "Ada" not in said(page)
    assert "secret" not in said(page)
    assert page.get("progress")[0].proto.text.startswith("**0 of 4 decided** by Bo")

    press(page, "second-normal-")
    assert page.get("progress")[0].proto.text.startswith("**1 of 4 decided**")
    assert second_queue(project, "Bo").n_done == 1
    assert set(project.verdicts()["verdict"]) == {"anomaly"}

    press(page, "second-undo")
    assert page.get("progress")[0].proto.text.startswith("**0 of 4 decided**")


def test_without_a_name_or_a_share_the_page_says_what_to_do(project):
    assert "Give your name" in said(open_page(""))
    assert "needs crops that somebody else has decided" in said(open_page("Ada"))


def test_a_conflict_shows_both_and_is_settled_on_the_page(project):
    page = open_page("Bo")
    press(page, "second-normal-")
    press(page, "second-anomaly-")

    page = open_page("Cy")
    page.segmented_control(key=Key.REVIEWERS_PART).set_value("Conflicts").run()
    assert "**Ada**: Anomaly · secret" in said(page)
    assert "**Bo**: Normal" in said(page)
    press(page, "settle-unsure-")

    assert "No conflict is open" in said(page)
    assert sorted(project.verdicts()["verdict"]) == ["anomaly", "anomaly", "anomaly", "unsure"]


def test_agreement_is_said_in_figures_and_words(project):
    page = open_page("Bo")
    page.segmented_control(key=Key.REVIEWERS_PART).set_value("Agreement").run()
    assert "No crop has a second verdict yet" in said(page)

    page.segmented_control(key=Key.REVIEWERS_PART).set_value("Second review").run()
    for choice in ("anomaly", "anomaly", "normal"):
        press(page, f"second-{choice}-")
    page.segmented_control(key=Key.REVIEWERS_PART).set_value("Agreement").run()
    assert {one.label: one.value for one in page.metric} == {
        "Decided twice": "3",
        "The same verdict": "67%",
        "Cohen's kappa": "0.00",
    }
    assert "3 crops are too few" in said(page)
