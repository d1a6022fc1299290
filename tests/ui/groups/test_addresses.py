"""The routes of the Groups page: every action once, none from elsewhere, none about a group that was not seen."""

from dataclasses import replace

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.groups.naming import give_name
from core.groups.partition import replay
from core.groups.recurring import Place, Recurring
from core.groups.remembered import read_named_places
from core.groups.tree import find_tree
from core.study.project import Project
from models.groups.features import group_run
from models.groups.likeness import Likeness
from tests.fakes.groups import add_groups
from tests.fakes.project import add_run, make_project
from ui.groups.addresses import GROUP_ROUTES, SCRIPTS
from ui.groups.opened import open_groups
from ui.server.reviewer_pass import make_pass

N = 30


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Thirty crops of three kinds, grouped."""
    made = make_project(tmp_path, N)
    add_groups(made.latest_run())
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def client(project) -> TestClient:
    return TestClient(Starlette(routes=GROUP_ROUTES))


def address(project: Project, rest: str = "") -> str:
    return f"/api/runs/{project.latest_run().run_id}/groups{rest}"


def show(client, project, **query) -> dict:
    return client.get(address(project), params={"k": 3, "reviewer": "Ada", **query}).json()


def action(state: dict, kind: str, *groups: str, number: int = 1, **more) -> dict:
    return {
        "id": f"{number:032x}",
        "kind": kind,
        "k": state["k"],
        "tree": state["tree"],
        "groups": list(groups),
        **more,
    }


def send(client, project, *actions, reviewer: str = "Ada", k: int = 3, **request):
    name = make_pass(project, reviewer=reviewer)
    body = {"k": k, "actions": [{"pass": name, **one} for one in actions]}
    return client.post(address(project, "/actions"), json=body, **request)


def find(state: dict, group_id: str) -> dict:
    return next(group for group in state["groups"] if group["id"] == group_id)


def test_the_groups_are_shown_with_their_typical_crops_and_what_is_known_of_them(client, project):
    state = show(client, project)

    assert [group["n"] for group in state["groups"]] == [10, 10, 10]
    assert (state["named"], state["cropsNamed"], state["crops"], state["decisions"]) == (0, 0, N, 0)
    group = state["groups"][0]
    assert (len(group["typical"]), len(group["least"])) == (6, 3)
    assert not {crop for crop, _ in group["typical"]} & {crop for crop, _ in group["least"]}
    assert sum(group["hours"]) == 10
    assert {name for name, _ in group["cameras"]} <= {"north", "south"}
    assert show(client, project, seen=state["seen"]) == {"same": True}


@pytest.mark.parametrize("k", [1, 2, 7, 10_000])
def test_any_number_of_groups_is_shown_at_once(client, project, k):
    state = show(client, project, k=k)

    assert len(state["groups"]) == min(k, state["most"]) == state["k"]
    assert sum(group["n"] for group in state["groups"]) == N


def test_a_name_gives_a_verdict_to_each_crop_and_is_undone_as_a_whole(client, project):
    state = show(client, project)
    group = state["groups"][0]

    answer = send(client, project, action(state, "name", group["id"], meaning="odd", species="stone  marten"))

    assert answer.status_code == 200
    assert answer.json()["saved"] == {f"{1:032x}": {"given": 10, "kept": 0}}
    after = answer.json()["state"]
    assert (find(after, group["id"])["species"], find(after, group["id"])["meaning"]) == ("stone marten", "odd")
    assert (after["named"], after["cropsNamed"], after["decisions"]) == (1, 10, 1)
    held = project.verdicts()
    assert (len(held), set(held["verdict"]), set(held["species"])) == (10, {"anomaly"}, {"stone marten"})

    undone = send(client, project, {"id": f"{2:032x}", "kind": "undo"}).json()["state"]
    assert (undone["named"], undone["decisions"], undone["undo"]) == (0, 0, "")
    assert project.verdicts().empty
    assert (after["redo"], undone["redo"]) == ("", "Odd: stone marten")

    again = send(client, project, {"id": f"{3:032x}", "kind": "redo"}).json()["state"]
    assert (again["named"], again["undo"], again["redo"]) == (1, "Odd: stone marten", "")
    assert len(project.verdicts()) == 10


def test_a_name_that_is_sent_again_is_given_once(client, project):
    state = show(client, project)
    one = action(state, "name", state["groups"][0]["id"], meaning="people")
    send(client, project, one)
    n = len(project.store.verdicts())

    answer = send(client, project, one)

    assert (answer.status_code, list(answer.json()["saved"])) == (200, [one["id"]])
    assert len(project.store.verdicts()) == n
    assert answer.json()["state"]["decisions"] == 1


def test_a_mixed_group_is_split_there_and_then_and_two_are_joined(client, project):
    state = show(client, project)
    first, second, third = (group["id"] for group in state["groups"])

    split = send(client, project, action(state, "split", first)).json()["state"]
    assert len(split["groups"]) == 4
    assert sum(group["n"] for group in split["groups"]) == N

    joined = send(client, project, action(state, "merge", second, third, number=2)).json()["state"]
    assert sorted(group["n"] for group in joined["groups"])[-1] == 20
    for number in (3, 4):
        state = send(client, project, {"id": f"{number:032x}", "kind": "undo"}).json()["state"]
    assert sorted(group["id"] for group in state["groups"]) == sorted([first, second, third])


def test_a_crop_is_taken_out_and_gets_no_verdict(client, project):
    state = show(client, project)
    group = state["groups"][0]
    crop = group["least"][0][0]

    out = send(client, project, action(state, "take_out", group["id"], crops=[crop])).json()["state"]
    assert (out["cropsOut"], sum(one["n"] for one in out["groups"])) == (1, N - 1)
    left = next(one for one in out["groups"] if one["n"] == 9)
    send(client, project, action(out, "name", left["id"], number=2, meaning="species", species="fox"))

    assert len(project.verdicts()) == 9
    assert crop not in set(project.verdicts()["crop_id"])


def test_a_group_that_somebody_changed_meanwhile_is_not_named_unseen(client, project):
    state = show(client, project)
    group = state["groups"][0]["id"]
    send(client, project, action(state, "split", group), reviewer="Ben")

    answer = send(client, project, action(state, "name", group, number=2, meaning="odd"))

    assert answer.status_code == 200
    assert "Somebody changed this group" in answer.json()["refused"][f"{2:032x}"]
    assert project.verdicts().empty


def test_groups_that_were_made_anew_refuse_what_was_meant_for_the_old_ones(client, project):
    state = show(client, project)

    answer = send(client, project, action(state | {"tree": "old"}, "name", state["groups"][0]["id"], meaning="odd"))

    assert "made anew" in answer.json()["refused"][f"{1:032x}"]


def test_another_persons_names_are_seen_and_are_not_mine_to_undo(client, project):
    state = show(client, project)
    group = state["groups"][0]["id"]
    send(client, project, action(state, "name", group, meaning="species", species="fox"), reviewer="Ben")

    mine = show(client, project, seen=state["seen"])

    assert (find(mine, group)["species"], find(mine, group)["reviewer"]) == ("fox", "Ben")
    assert (mine["decisions"], mine["undo"]) == (1, "")
    assert show(client, project, reviewer="Ben")["undo"] == "Usual: fox"


def test_all_crops_of_a_group_are_read_part_by_part(client, project):
    group = show(client, project)["groups"][0]["id"]

    first = client.get(address(project, f"/{group}/crops"), params={"k": 3, "n": 6}).json()
    rest = client.get(address(project, f"/{group}/crops"), params={"k": 3, "from": 6}).json()

    assert (len(first["crops"]), len(rest["crops"]), first["total"]) == (6, 4, 10)
    assert first["crops"] == show(client, project)["groups"][0]["typical"]


@pytest.mark.parametrize(
    "spoiled",
    [
        {"kind": "name", "meaning": "whatever"},
        {"kind": "delete"},
        {"kind": "merge"},
        {"kind": "name", "meaning": "odd", "groups": []},
        {"kind": "take_out", "crops": ["../../etc/passwd"]},
    ],
)
def test_what_cannot_be_done_is_refused_and_the_rest_is_done(client, project, spoiled):
    state = show(client, project)
    good = action(state, "name", state["groups"][0]["id"], number=2, meaning="odd")

    answer = send(client, project, action(state, "", state["groups"][1]["id"]) | spoiled, good)

    assert (list(answer.json()["refused"]), list(answer.json()["saved"])) == ([f"{1:032x}"], [f"{2:032x}"])


@pytest.mark.parametrize("body", [{}, {"actions": 3}, {"actions": [7]}, {"actions": [{"id": "x"}]}])
def test_what_is_no_list_of_actions_is_refused(client, project, body):
    assert client.post(address(project, "/actions"), json=body).status_code == 400


def test_another_site_can_do_nothing(client, project):
    state = show(client, project)
    one = action(state, "name", state["groups"][0]["id"], meaning="odd")

    assert send(client, project, one, headers={"sec-fetch-site": "cross-site"}).status_code == 400
    body = {"k": 3, "actions": [{**one, "pass": "made up"}]}
    answer = client.post(address(project, "/actions"), json=body).json()
    assert (answer["saved"], answer["refused"], "Reload" in answer["held"][one["id"]]) == ({}, {}, True)
    assert project.verdicts().empty


@pytest.mark.parametrize("rest", ["?k=x", "/none/crops", "/x/crops?n=100000"])
def test_a_question_that_makes_no_sense_gets_no_groups(client, project, rest):
    assert client.get(address(project, rest)).status_code in (400, 404)


def test_a_run_without_groups_has_none(client, project):
    assert client.get("/api/runs/no-such-run/groups").status_code == 404


def test_while_the_groups_are_made_anew_nothing_is_dropped(client, project):
    state = show(client, project)
    find_tree(project.latest_run()).unlink()

    answer = send(client, project, action(state, "name", state["groups"][0]["id"], meaning="odd"))

    assert answer.status_code == 503, "the page sends it again"


def test_groups_of_a_later_run_come_with_a_name_to_be_confirmed(client, project, tmp_path):
    first = project.latest_run()
    group_run(first).write(find_tree(first))
    state = show(client, project)
    for number, group in enumerate(state["groups"], 1):
        send(
            client,
            project,
            action(state, "name", group["id"], number=number, meaning="species", species=f"no {number}"),
        )
    later = add_run(project, tmp_path / "photos", n=N, name="later", shift_px=4.0)
    group_run(later).write(find_tree(later))
    assert show(client, project)["groups"][0]["source"] == ""

    open_groups(project, later).compare()

    cards = show(client, project)["groups"]
    assert {(card["source"], card["meaning"]) for card in cards} == {("suggested", "species")}
    assert {card["species"] for card in cards} <= {"no 1", "no 2", "no 3"}
    assert show(client, project)["named"] == 0, "nobody has confirmed one yet"


def test_the_scripts_come_with_those_that_they_borrow(client):
    main = client.get(f"{SCRIPTS.base}groups/browser/main.js")
    borrowed = client.get(f"{SCRIPTS.base}board/browser/view/elements.js")

    assert "mount" in main.text
    assert "export function make" in borrowed.text
    assert "groups/browser/main.js" in SCRIPTS.make_loader()
    assert client.get(f"{SCRIPTS.base}board/addresses.py").status_code == 404


PLACE = Place("north", (0.1, 0.2, 0.3, 0.25))


def add_stumps(run, *rows, place=PLACE):
    add_groups(run, recurring=[Recurring(np.array(own), place, 5) for own in rows])


def test_boxes_that_recur_at_one_place_come_first_and_one_decision_is_offered_for_all_groups_there(client, project):
    add_stumps(project.latest_run(), range(0, 12), range(20, 26))
    state = show(client, project)
    small, large = state["groups"][:2]

    assert [(group["n"], group["place"], group["meaning"]) for group in (small, large)] == [
        (6, {"camera": "north", "events": 5}, ""),
        (12, {"camera": "north", "events": 5}, ""),
    ]
    assert all(group["place"] is None for group in state["groups"][2:])
    after = send(client, project, action(state, "name", large["id"], meaning="nothing")).json()["state"]

    assert (find(after, large["id"])["meaning"], find(after, large["id"])["source"]) == ("nothing", "")
    assert (find(after, small["id"])["meaning"], find(after, small["id"])["source"]) == ("nothing", "suggested")
    assert set(project.verdicts()["species"]) == {"nothing"}
    assert len(project.verdicts()) == 12


def test_what_recurs_where_it_was_named_nothing_in_an_earlier_run_comes_as_nothing(
    client, project, tmp_path, monkeypatch
):
    unlike = Likeness((), np.full(N, -1), np.zeros(N, dtype=bool))
    monkeypatch.setattr("models.groups.likeness.compare_with_named", lambda *_: unlike)
    add_stumps(project.latest_run(), range(0, 12))
    state = show(client, project)
    send(client, project, action(state, "name", state["groups"][0]["id"], meaning="nothing"))
    run = add_run(project, tmp_path / "later", n=N)
    left, top, width, height = PLACE.box
    assert [one.place for one in read_named_places(project, run)] == [PLACE]

    for camera, shift, meaning in (("north", 0.01, "nothing"), ("south", 0.0, ""), ("north", 0.2, "")):
        add_stumps(run, range(5, 9), place=Place(camera, (left + shift, top, width, height)))
        opened = open_groups(project, run)
        opened.compare()
        (group,) = [one for one in opened.cards(opened.groups(3)) if one["place"]]
        assert (group["meaning"], group["source"]) == (meaning, "suggested" if meaning else ""), (camera, shift)


def test_groups_of_an_earlier_version_are_made_anew_unless_somebody_has_named_one(client, project):
    run = project.latest_run()
    tree = add_groups(run)
    replace(tree, crops_version="").write(find_tree(run))
    assert open_groups(project, run) is None

    give_name(project, run, tree, replay(tree, [], k=3)[0], meaning="nothing")

    assert open_groups(project, run).tree.version == tree.version
    assert show(client, project)["named"] == 1


@pytest.mark.parametrize("kind", ["name", "split", "merge"])
def test_nobody_takes_back_the_name_of_somebody_else_without_having_seen_it(client, project, kind):
    state = show(client, project)
    first, second, _ = (group["id"] for group in state["groups"])
    groups = (first, second) if kind == "merge" else (first,)
    what = {"meaning": "species", "species": "cat"} if kind == "name" else {}
    unseen = {group: ["", "", ""] for group in groups}
    send(client, project, action(state, "name", first, number=1, meaning="species", species="fox"))

    stale = send(client, project, action(state, kind, *groups, number=2, saw=unseen, **what), reviewer="Ben").json()

    assert stale["refused"] == {f"{2:032x}": "Changed meanwhile by Ada: fox. Do it again if you disagree."}
    assert find(stale["state"], first)["species"] == "fox"
    own = send(client, project, action(state, kind, *groups, number=3, saw=unseen, **what)).json()
    assert own["refused"] == {}, "one's own name is known, whatever the page showed"


def test_a_name_that_was_seen_can_be_replaced(client, project):
    state = show(client, project)
    first = state["groups"][0]["id"]
    send(client, project, action(state, "name", first, number=1, meaning="species", species="fox"))
    group = find(show(client, project), first)

    saw = {first: [group["meaning"], group["species"], group["reviewer"]]}
    what = action(state, "name", first, number=2, meaning="nothing", saw=saw)

    assert send(client, project, what, reviewer="Ben").json()["refused"] == {}
