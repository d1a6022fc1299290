"""What a lead and others notice on the People page, and what of the others their role leaves."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.study.project import Project
from core.team import acting
from core.team.members import Team
from core.team.roles import Role
from tests.fakes.project import make_project
from ui.entry.signing_in import Rules
from ui.shared.acting import find_actor

ROOT = Path(__file__).resolve().parents[2]
ADA, BO, CY = "ada@x.example", "bo@x.example", "cy@x.example"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = make_project(tmp_path, 3)
    for email, role in ((ADA, Role.LEAD), (BO, Role.REVIEWER), (CY, Role.VIEWER)):
        Team(made.path).give_role(email, role, by="test")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    monkeypatch.setattr(acting, "_find_actor", find_actor)
    monkeypatch.setattr("ui.shared.acting.read_rules", lambda: Rules(asks=True))
    return made


def open_page(monkeypatch, email: str, script: str = "pages/people.py") -> AppTest:
    user = {"is_logged_in": True, "email": email, "sub": email, "name": email.split("@")[0].title()}
    monkeypatch.setattr("streamlit.user_info._get_user_info", lambda: dict(user))
    page = AppTest.from_file(str(ROOT / script), default_timeout=30).run()
    assert not page.exception
    return page


def test_a_lead_changes_roles_and_sees_who_did_what(project, monkeypatch):
    page = open_page(monkeypatch, ADA)
    page.text_input(key="team_email").set_value("dee@x.example")
    next(one for one in page.button if one.label == "Add").click().run()
    page.selectbox(key=f"team-role-1-{BO}").set_value(Role.VIEWER).run()
    page.button(key=f"team-remove-2-{CY}").click().run()

    assert Team(project.path).members() == {ADA: Role.LEAD, BO: Role.VIEWER, "dee@x.example": Role.REVIEWER}
    shown = page.dataframe[0].value
    assert [tuple(row) for row in shown[["Who", "Did", "What", "How"]].head(3).to_numpy()] == [
        (ADA, "left", CY, ""),
        (ADA, "role", BO, "viewer"),
        (ADA, "role", "dee@x.example", "reviewer"),
    ]


def test_the_last_lead_cannot_leave(project, monkeypatch):
    page = open_page(monkeypatch, ADA)
    page.selectbox(key=f"team-role-0-{ADA}").set_value(Role.VIEWER).run()

    assert "needs a lead" in page.error[0].value
    assert page.selectbox(key=f"team-role-0-{ADA}").value == Role.LEAD
    assert Team(project.path).role_of(ADA) is Role.LEAD


@pytest.mark.parametrize("email", [BO, CY])
def test_others_see_the_list_and_cannot_change_it(project, monkeypatch, email):
    page = open_page(monkeypatch, email)

    assert {ADA, BO, CY} <= {one.value for one in page.text}
    assert not page.button
    assert not page.selectbox
    assert not page.dataframe


def test_somebody_who_is_not_in_the_team_sees_nothing_of_the_project(project, monkeypatch):
    screen = open_page(monkeypatch, "eve@x.example", "ui/frame.py")

    assert "not on the list" in screen.error[0].value
    assert not screen.sidebar.caption


@pytest.mark.parametrize(
    ("email", "has", "has_not"),
    [
        (ADA, {"run", "review", "export", "train", "people"}, set()),
        (
            BO,
            {"review", "groups", "explore", "export", "reviewers", "people"},
            {"run", "train", "retrain", "published"},
        ),
        (CY, {"review", "groups", "explore", "people"}, {"run", "train", "export", "reviewers", "suggestions"}),
    ],
)
def test_pages_that_a_role_may_not_use_are_absent(project, monkeypatch, email, has, has_not):
    from ui.shared.acting import may_here
    from ui.shared.routes import PAGES

    monkeypatch.setattr("ui.shared.acting.get_script_run_ctx", lambda **_: object())
    open_page(monkeypatch, email)

    pages = {page.name for page in PAGES if may_here(page.needs)}
    assert has <= pages
    assert not has_not & pages
    screen = open_page(monkeypatch, email, "ui/frame.py")
    said = " ".join(one.value for one in screen.caption)
    assert ("may not decide" in said) == (email == CY)


def test_a_project_without_a_team_says_how_to_name_one(project, monkeypatch):
    Team(project.path).path.unlink()
    page = open_page(monkeypatch, ADA)

    assert "team add" in page.code[0].value
    assert not page.button
