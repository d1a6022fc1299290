"""Who may do what in a project of a team, and the log of what was done."""

import threading
from uuid import uuid4

import pytest

from core.errors import AnomalureError
from core.study.decisions import GivenDecision, keep_decisions
from core.team import acting
from core.team.acting import ACTING, Actor, NotAllowed, may, tell_who_acts
from core.team.members import Team
from core.team.roles import Action, Role
from tests.fakes.project import make_project

ADA, BO, CY, EVE = "ada@x.example", "bo@x.example", "cy@x.example", "eve@x.example"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(acting, "_find_actor", ACTING.get)
    made = make_project(tmp_path, 3)
    team = Team(made.path)
    for email, role in ((ADA, Role.LEAD), (BO, Role.REVIEWER), (CY, Role.VIEWER)):
        team.give_role(email, role, by="test")
    return made


def act_as(monkeypatch, email: str | None) -> None:
    monkeypatch.setattr(acting, "_find_actor", lambda: None if email is None else Actor(email))


@pytest.mark.parametrize(
    ("email", "allowed"),
    [
        (None, set(Action)),  # whoever runs the program
        (ADA, set(Action)),
        (ADA.upper(), set(Action)),
        (BO, {Action.LOOK, Action.DECIDE, Action.EXPORT}),
        (CY, {Action.LOOK}),
        (EVE, set()),
        ("", set()),
    ],
)
def test_each_role_may_do_what_the_table_says(project, monkeypatch, email, allowed):
    act_as(monkeypatch, email)

    assert {action for action in Action if may(project.path, action)} == allowed


def test_without_a_team_everybody_who_came_in_may_do_everything(tmp_path, monkeypatch):
    act_as(monkeypatch, EVE)

    assert all(may(tmp_path, action) for action in Action)
    assert not list(tmp_path.iterdir())
    acting.note(tmp_path, "began run", "spring")
    assert not list(tmp_path.iterdir()), "and nothing is written for them"


def test_what_a_role_may_not_do_is_refused_where_it_would_be_written(project, monkeypatch):
    row = project.review_queue(flagged_only=False).rows.iloc[0]
    index = project.review_index(project.latest_run())

    def decide() -> None:
        keep_decisions(
            project.store, index, [GivenDecision(decision_id=uuid4().hex, crop_id=row.crop_id, verdict=None)]
        )

    def keep_people() -> None:
        project.store.set_setting("people_classes", ["person"])

    act_as(monkeypatch, CY)
    for what in (decide, keep_people, lambda: project.store.activate_bundle("")):
        with pytest.raises(NotAllowed, match=r"As a viewer of this project you may not .* can make you a"):
            what()
    assert project.store.verdicts().empty
    act_as(monkeypatch, BO)
    decide()
    with pytest.raises(NotAllowed, match="make you a lead"):
        keep_people()
    act_as(monkeypatch, ADA)
    keep_people()
    project.store.activate_bundle("")
    last = Team(project.path).log()[-1]
    assert (last.by, last.did, last.about) == (ADA, "activated bundle", "none")


def test_the_log_explains_the_list_and_is_only_added_to(project):
    team = Team(project.path)
    before = team.path.read_bytes()
    team.give_role(BO.upper(), Role.LEAD, by=ADA)
    team.give_role(BO, Role.LEAD, by=ADA)  # nothing new
    team.remove(CY, by=BO)

    assert team.members() == {ADA: Role.LEAD, BO: Role.LEAD}
    assert team.path.read_bytes().startswith(before)
    assert [(one.by, one.did, one.about, one.how) for one in team.log()[3:]] == [
        (ADA, "role", BO, "lead"),
        (BO, "left", CY, ""),
    ]


def test_a_team_always_has_a_lead(project, tmp_path):
    team = Team(project.path)
    for change in (
        lambda: team.remove(ADA, by=ADA),
        lambda: team.give_role(ADA, Role.VIEWER, by=ADA),
        lambda: Team(tmp_path / "new").give_role(BO, Role.REVIEWER, by="test"),
    ):
        (tmp_path / "new").mkdir(exist_ok=True)
        with pytest.raises(AnomalureError, match="needs a lead"):
            change()
    assert team.members()[ADA] is Role.LEAD


@pytest.mark.parametrize(
    "email", ["", "ada", "@x.example", "a@b@c", "a b@x.example", "a@x\n", "<a@x.example>", "a" * 300]
)
def test_what_is_no_address_is_refused(project, email):
    if email == "a@x\n":
        Team(project.path).give_role(email, Role.VIEWER, by="test")
        assert "a@x" in Team(project.path).members(), "blanks around it do not matter"
        return
    with pytest.raises(AnomalureError, match="no e-mail address"):
        Team(project.path).give_role(email, Role.VIEWER, by="test")


def test_a_line_that_a_kill_left_half_written_is_as_if_it_had_not_been(project):
    team = Team(project.path)
    with team.path.open("ab") as file:
        file.write(b'{"at": "2026-01-01T00:00:00+00:00", "by": "eve", "did": "ro')
    assert len(team.members()) == 3

    team.remove(CY, by=ADA)
    assert list(team.members()) == [ADA, BO]


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"at": "x"}\n', b"\xff\n", b"[" * 100_000 + b"\n"])
def test_a_damaged_list_lets_nobody_do_anything(project, monkeypatch, line):
    team = Team(project.path)
    team.path.write_bytes(team.path.read_bytes() + line)
    act_as(monkeypatch, ADA)

    with pytest.raises(AnomalureError, match=r"Line 4 of the team's list .* is damaged"):
        may(project.path, Action.LOOK)


def test_an_empty_list_is_a_team_of_nobody(project, monkeypatch):
    Team(project.path).path.write_bytes(b"")
    act_as(monkeypatch, ADA)

    assert not may(project.path, Action.LOOK)


def test_what_several_note_at_once_is_all_there(project):
    team = Team(project.path)
    threads = [threading.Thread(target=team.note, args=("began run", f"r{n}"), kwargs={"by": ADA}) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert {entry.about for entry in team.log()[3:]} == {f"r{n}" for n in range(8)}


def test_a_request_is_answered_as_whoever_sent_it(project):
    tell_who_acts(ACTING.get)
    token = ACTING.set(Actor(CY))
    try:
        assert not may(project.path, Action.DECIDE)
    finally:
        ACTING.reset(token)
    assert may(project.path, Action.DECIDE)
