"""The routes of the review board: every decision once, none from elsewhere, nothing read that was not asked for."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.errors import AnomalureError, StoreBusy
from core.photos.crop_pictures import save_crop_picture
from core.records import Decision, HeatMap
from core.review.filters import QueueFilters
from core.store.database import Store
from core.study.decisions import GivenDecision, make_verdicts
from core.study.project import Project
from tests.fakes.project import EMBEDDING_LENGTH, add_heat_map, add_run, make_project
from ui.board.addresses import ROUTES, SCRIPTS
from ui.board.rows import from_query, list_cut, list_last, to_heat, to_query
from ui.server.reviewer_pass import PassInvalid, make_pass, read_pass

MADE_UP = "0123456789abcdef0123"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = make_project(tmp_path, 12, n_flagged=6)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def client(project) -> TestClient:
    return TestClient(Starlette(routes=ROUTES))


@pytest.fixture
def run_id(project) -> str:
    return project.latest_run().run_id


def crop_ids(project: Project, run=None, **filters) -> list[str]:
    return project.review_queue(run, limit=100, **filters).rows["crop_id"].tolist()


def decision(crop: str, verdict: str | None = "anomaly", *, number: int = 1, **more) -> dict:
    return {"id": f"{number:032x}", "crop": crop, "verdict": verdict, "age_ms": 0, **more}


def send(client, project, run_id, decisions, *, reviewer="Ada", **request):
    body = {"run": run_id, "pass": make_pass(project, reviewer=reviewer), "decisions": decisions}
    return client.post("/api/verdicts", json=body, **request)


def test_undoing_ones_own_decision_gives_a_crop_its_groups_verdict_again(client, project, run_id):
    row = project.review_queue().rows.iloc[0]
    of_group = GivenDecision(
        decision_id="e" * 32,
        crop_id=row.crop_id,
        verdict=Decision.NORMAL,
        species="fox",
        reviewer="Ada",
        given_to=MADE_UP,
    )
    project.store.append_verdicts(make_verdicts([(row.to_dict(), of_group)]))
    send(client, project, run_id, [decision(row.crop_id, number=1)], reviewer="Ben")
    assert project.verdicts()["verdict"].tolist() == ["anomaly"]
    last = project.store.last_verdicts(run=run_id, reviewer="Ben", limit=5)
    before = list_last(last)[0]["before"]

    undone = decision(row.crop_id, before["verdict"], species=before["species"], given_to=before["group"], number=2)
    for _ in range(2):  # sent again, it is kept once
        assert send(client, project, run_id, [undone], reviewer="Ben").json()["saved"] == [undone["id"]]

    assert project.verdicts()[["verdict", "species", "given_to"]].values.tolist() == [["normal", "fox", MADE_UP]]
    assert len(project.store.verdicts()) == 4
    refused = send(client, project, run_id, [decision(row.crop_id, "normal", given_to="x", number=3)]).json()["refused"]
    assert "20 hex digits" in refused[f"{3:032x}"]


def test_a_decision_is_kept_with_all_that_was_shown(client, project, run_id):
    row = project.review_queue().rows.iloc[0]

    given = decision(row.crop_id, species=" stone  marten ", note="tail", rate=0.02, age_ms=60_000)
    answer = send(client, project, run_id, [given])

    assert (answer.status_code, answer.json()["saved"]) == (200, [f"{1:032x}"])
    kept = project.store.verdicts().iloc[0]
    assert (kept.verdict, kept.species, kept.note, kept.reviewer) == ("anomaly", "stone marten", "tail", "Ada")
    assert (kept.run, kept.score, kept.p_value, kept.false_alarm_rate) == (run_id, row.score, row.p_value, 0.02)
    assert (kept.photo_id, kept.x, kept.width) == (row.photo_id, row.x, row.width)
    given = project.save_verdict(crop_ids(project)[1], "normal").decided_at.replace(tzinfo=None)
    assert 59 < (given - kept.decided_at).total_seconds() < 120, "the moment of the decision, not of its arrival"


def test_a_decision_that_is_sent_again_is_kept_once(client, project, run_id):
    first, second, *_ = crop_ids(project)
    send(client, project, run_id, [decision(first)])

    answer = send(client, project, run_id, [decision(first), decision(second, number=2)])

    assert answer.json()["saved"] == [f"{1:032x}", f"{2:032x}"]
    assert project.store.verdicts()["crop_id"].tolist() == [first, second]


def test_decisions_of_one_crop_hold_in_the_order_in_which_they_were_made(client, project, run_id):
    first = crop_ids(project)[0]
    send(
        client,
        project,
        run_id,
        [decision(first, "normal", number=1), decision(first, None, number=2), decision(first, "unsure", number=3)],
    )

    assert project.store.verdicts()["verdict"].tolist() == ["normal", "", "unsure"]
    assert project.review_queue().rows["verdict"][0] == "unsure"


def test_a_decision_is_seen_at_once_by_whoever_opens_the_list(client, project, run_id):
    first = crop_ids(project)[0]
    send(client, project, run_id, [decision(first)])

    page = client.get(f"/api/runs/{run_id}/queue?undecided_only=1").json()

    assert first not in [row["crop"] for row in page["rows"]]
    assert (page["total"], page["selected"], page["decided"]) == (5, 6, 1)
    assert crop_ids(project, undecided_only=True) == [row["crop"] for row in page["rows"]]


def test_a_list_stays_as_it_was_while_somebody_decides(client, project, run_id):
    address = f"/api/runs/{run_id}/queue?undecided_only=1&decided_since=2026-05-01T00:00:00%2B00:00"
    before = client.get(address).json()
    send(client, project, run_id, [decision(before["rows"][0]["crop"], note="x")])

    after = client.get(f"{address}&from=0&n=3").json()

    assert [row["crop"] for row in after["rows"]] == [row["crop"] for row in before["rows"]][:3]
    assert (after["rows"][0]["verdict"], after["rows"][0]["note"]) == ("anomaly", "x")


def test_what_somebody_else_decided_meanwhile_is_shown_and_not_overwritten(client, project, run_id):
    first, second, third, *_ = crop_ids(project)
    seen = {row["crop"]: row["version"] for row in client.get(f"/api/runs/{run_id}/queue").json()["rows"]}
    assert set(seen.values()) == {""}
    send(client, project, run_id, [decision(first, "normal", number=1, seen="", species="fox")], reviewer="Ben")

    given = [decision(first, number=2, seen=""), decision(second, number=3, seen="")]
    answer = send(client, project, run_id, given).json()

    assert answer["saved"] == [f"{3:032x}"]
    assert answer["refused"] == {f"{2:032x}": "Changed meanwhile by Ben: Normal, fox. Decide again if you disagree."}
    now = answer["now"][f"{2:032x}"]
    assert (now["verdict"], now["reviewer"], now["version"]) == ("normal", "Ben", f"{1:032x}")
    again = [decision(first, number=4, seen=now["version"]), decision(first, "unsure", number=5, seen=f"{4:032x}")]
    for _ in range(2):  # the answer was lost, and it is sent again
        assert send(client, project, run_id, again).json()["saved"] == [f"{4:032x}", f"{5:032x}"]
    other_tab = send(client, project, run_id, [decision(first, "normal", number=6, seen=f"{4:032x}")]).json()
    assert "by you in another tab: Unsure" in other_tab["refused"][f"{6:032x}"]
    send(client, project, run_id, [decision(second, None, number=7, seen=f"{3:032x}")], reviewer="Ben")
    undone = send(client, project, run_id, [decision(second, "normal", number=8, seen=f"{3:032x}")]).json()
    assert "taken back meanwhile" in undone["refused"][f"{8:032x}"]
    assert send(client, project, run_id, [decision(third, number=9)]).json()["saved"], "an older page does not say"
    assert project.verdicts()[["crop_id", "verdict"]].values.tolist() == [[first, "unsure"], [third, "anomaly"]]


def test_a_note_on_an_undecided_crop_is_kept_and_decides_nothing(client, project, run_id):
    first = crop_ids(project)[0]
    notes = [decision(first, number=n, kind="note", note=text) for n, text in ((1, "a tail?"), (2, "or a branch"))]
    for _ in range(2):  # sent again, they are kept once
        answer = send(client, project, run_id, [*notes, decision(MADE_UP, number=3, kind="note", note="x")]).json()
        assert (answer["saved"], sorted(answer["refused"])) == ([f"{1:032x}", f"{2:032x}"], [f"{3:032x}"])

    assert len(project.store.notes()) == 2
    assert project.store.verdicts().empty
    for one in (project, Project(project.path)):  # also after a restart
        row = one.review_index(run_id).rows(list(one.review_index(run_id).find_places([first]).values())).iloc[0]
        assert (row["verdict"], row["note"]) == ("", "or a branch")
    rows = client.get(f"/api/runs/{run_id}/queue?undecided_only=1").json()
    assert (rows["decided"], rows["rows"][0]["note"]) == (0, "or a branch")
    send(client, project, run_id, [decision(first, number=5, seen="")])
    history = client.get(f"/api/runs/{run_id}/crops/{first}/history").json()["history"]
    assert [(one["verdict"], one.get("isNote", False), one["note"]) for one in history] == [
        ("anomaly", False, ""),
        ("", True, "or a branch"),
        ("", True, "a tail?"),
    ]


def test_of_two_who_decide_at_the_same_moment_one_is_told(client, project, run_id):
    first = crop_ids(project)[0]

    def decide(n: int) -> dict:
        given = decision(first, ["anomaly", "normal"][n % 2], number=n + 1, seen="")
        return send(client, project, run_id, [given], reviewer=f"R{n}").json()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(decide, range(6)))

    assert sorted(len(one["saved"]) for one in answers) == [0, 0, 0, 0, 0, 1]
    assert all("Changed meanwhile by R" in text for one in answers for text in one["refused"].values())
    assert len(project.store.verdicts()) == 1


def test_ones_own_look_at_a_crop_counts_although_its_group_was_named_meanwhile(client, project, run_id):
    row = project.review_queue().rows.iloc[0]
    named = GivenDecision(
        decision_id="e" * 32, crop_id=row.crop_id, verdict=Decision.NORMAL, reviewer="Ben", given_to=MADE_UP
    )
    project.store.append_verdicts(make_verdicts([(row.to_dict(), named)]))

    assert send(client, project, run_id, [decision(row.crop_id, seen="")]).json()["saved"]


def test_a_verdict_given_in_an_earlier_run_is_replaced_and_holds_in_both(client, project, tmp_path):
    earlier = project.latest_run()
    project.save_verdict(project.review_queue(earlier).rows.iloc[0], "normal")
    later = add_run(project, tmp_path / "photos", n=12, n_flagged=6, name="later", shift_px=4.0)
    first = crop_ids(project, later)[0]

    for _ in range(2):
        assert send(client, project, later.run_id, [decision(first)]).status_code == 200

    assert (
        project.review_queue(earlier).rows["verdict"][0] == project.review_queue(later).rows["verdict"][0] == "anomaly"
    )
    assert len(project.store.verdicts()) == 3, "the second sending adds nothing"


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "sec-fetch-site": "cross-site"},
        {"content-type": "application/json", "sec-fetch-site": "same-site"},
    ],
)
def test_another_site_cannot_decide(client, project, run_id, headers):
    body = {"run": run_id, "pass": make_pass(project, reviewer="Eve"), "decisions": [decision(crop_ids(project)[0])]}

    answer = client.post("/api/verdicts", content=json.dumps(body), headers=headers)

    assert answer.status_code == 400
    assert project.store.verdicts().empty


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:-4],
        lambda text: "e30." + text.split(".")[1],
        lambda text: None,
        lambda text: "x" * 5000,
    ],
)
def test_a_pass_that_was_not_made_here_decides_nothing(client, project, run_id, spoil):
    body = {
        "run": run_id,
        "pass": spoil(make_pass(project, reviewer="Ada")),
        "decisions": [decision(crop_ids(project)[0])],
    }

    body["decisions"].append(decision(crop_ids(project)[1], number=2, **{"pass": make_pass(project, reviewer="Ada")}))

    answer = client.post("/api/verdicts", json=body).json()

    assert "Reload" in answer["held"][f"{1:032x}"], "the board keeps it, and says why"
    assert (answer["saved"], answer["refused"]) == ([f"{2:032x}"], {}), "another decision is saved all the same"
    assert project.store.verdicts()["crop_id"].tolist() == [crop_ids(project)[1]]


def test_a_pass_is_of_its_project_and_runs_out(project, tmp_path, monkeypatch):
    other = Project(tmp_path / "other")
    with pytest.raises(PassInvalid):
        read_pass(other, make_pass(project, reviewer="Ada"))
    text = make_pass(project, reviewer="Zoë")
    assert read_pass(Project(project.path), text) == "Zoë", "also after the dashboard was started again"
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 4e9)
    with pytest.raises(PassInvalid):
        read_pass(project, text)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"run": 1, "decisions": []}', b'{"run": "x"}', b'{"run": "x", "decisions": 3}', b"\xff\xfe"],
)
def test_what_is_no_list_of_decisions_is_refused(client, project, body):
    answer = client.post("/api/verdicts", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert "error" in answer.json()


def test_one_wrong_decision_does_not_keep_the_others(client, project, run_id):
    first, second, *_ = crop_ids(project)

    given = [decision(first, number=1), decision(second, "maybe", number=2), decision(MADE_UP, number=3)]
    answer = send(client, project, run_id, [*given, decision(second, number=4, rate=7)])

    assert answer.json()["saved"] == [f"{1:032x}"]
    assert set(answer.json()["refused"]) == {f"{n:032x}" for n in (2, 3, 4)}
    assert project.store.verdicts()["crop_id"].tolist() == [first]


@pytest.mark.parametrize(
    "address",
    [
        "/api/runs/{run}/crops/{made_up}",
        "/api/runs/{run}/crops/{made_up}/history",
        "/api/runs/{run}/crops/..%2f..",
        "/api/runs/{run}/crops/{made_up}/alike",
        "/api/runs/{run}/crops/" + "a" * 300,
        "/api/runs/../queue",
        "/api/runs/..%2f..%2fetc/queue",
        "/api/runs/no-such-run/queue",
        "/api/runs/{run}/queue?selection=../../x",
        "/api/runs/no-such-run/crops/{crop}",
        "/board/x/..%2f..%2fapp.py",
        "/board/x/style.css",
        "/board/x/../../app.py",
        "/board/x/state/../../../../app.py",
        "/board/x/state/..%2fstyle.css",
        "/board/x//etc/passwd",
    ],
)
def test_an_address_that_is_made_up_finds_nothing(client, project, run_id, address):
    answer = client.get(address.format(run=run_id, made_up=MADE_UP, crop=crop_ids(project)[0]))

    assert answer.status_code == 404


def test_a_decision_is_given_up_only_where_its_run_or_crop_is_known_to_be_gone(client, project, run_id):
    given = [decision(crop_ids(project)[0])]
    refused = send(client, project, run_id, [decision(MADE_UP)]).json()
    assert refused["refused"] == {f"{1:032x}": "This run has no such crop."}

    info = project.run(run_id).path / "run.json"
    content = info.read_bytes()
    for broken in (b"", b"{", None):
        info.unlink()
        if broken is not None:
            info.write_bytes(broken)
        answer = send(client, project, run_id, given)
        assert (answer.status_code, "refused" in answer.json()) == (503, False), broken
    info.write_bytes(content)
    for unknown in ("../x", "no-such-run"):
        assert send(client, project, unknown, given).status_code == 503, "perhaps the disk of the project is away"
    assert send(client, project, run_id, given).json()["saved"] == [f"{1:032x}"]

    shutil.rmtree(project.run(run_id).path)
    gone = send(client, project, run_id, [decision(MADE_UP, number=2)]).json()
    assert gone["refused"] == {f"{2:032x}": "Its run is gone from this project."}
    assert len(project.store.verdicts()) == 1


@pytest.mark.parametrize("where", ["note", "species", "crop", "verdict", "given_to"])
@pytest.mark.parametrize("half", ["\ud83d", "x\ud800y", "\udd0d\ud83d"])
def test_half_of_a_character_refuses_its_own_decision_only(client, project, run_id, where, half):
    first, second, *_ = crop_ids(project)
    body = {"run": run_id, "pass": make_pass(project, reviewer="Ada")}
    body["decisions"] = [decision(first, number=1) | {where: half}, decision(second, number=2, note="\U0001f50d \0 é")]

    answer = client.post(
        "/api/verdicts", content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["saved"]) == (200, [f"{2:032x}"])
    assert set(answer.json()["refused"]) == {f"{1:032x}"}
    assert project.store.verdicts()["note"].tolist() == ["\U0001f50d  é"]


@pytest.mark.parametrize(
    "query",
    [
        "from=-1",
        "n=100000",
        "from=x",
        "order=score;drop",
        "false_alarm_rate=9",
        "captured_from=soon",
        "score_from=high",
        "order=given",
    ],
)
def test_a_query_that_cannot_be_asked_is_refused(client, run_id, query):
    answer = client.get(f"/api/runs/{run_id}/queue?{query}")

    assert answer.status_code == 400


def test_a_store_that_is_held_is_said_and_nothing_is_called_saved(client, project, run_id, monkeypatch):
    def refuse(self, verdicts, **how):
        raise StoreBusy("Another program has the database open.")

    monkeypatch.setattr("core.store.database.Store.append_verdicts", refuse)

    answer = send(client, project, run_id, [decision(crop_ids(project)[0])])

    assert answer.status_code == 503
    assert answer.json() == {"error": "Another program has the database open."}


def test_a_crop_comes_with_its_event_its_likes_and_its_history(client, project, run_id):
    row = project.review_queue().rows.iloc[0]
    project.save_verdict(row, "normal", reviewer="Ada")
    project.save_verdict(row, "anomaly", reviewer="Ben", note="no")

    event = client.get(f"/api/runs/{run_id}/crops/{row.crop_id}").json()["event"]
    alike = client.get(f"/api/runs/{run_id}/crops/{row.crop_id}/alike").json()
    history = client.get(f"/api/runs/{run_id}/crops/{row.crop_id}/history").json()["history"]

    assert [photo["file"] for photo in event["photos"]] == ["north/photo-000.jpg", "south/photo-001.jpg"]
    assert row.crop_id not in [crop["crop"] for crop in alike["crops"]]
    assert {crop["flagged"] for crop in alike["crops"]} <= {False}
    assert alike["words"] == "There are too few normal deer to compare with."
    assert [(one["verdict"], one["reviewer"], one["note"]) for one in history] == [
        ("anomaly", "Ben", "no"),
        ("normal", "Ada", ""),
    ]


def test_filters_come_back_from_an_address_as_they_were():
    from datetime import UTC, date, datetime

    filters = QueueFilters(
        species="fox",
        camera="a&b",
        flagged_only=False,
        undecided_only=True,
        order="doubt",
        false_alarm_rate=0.01,
        captured_from=date(2026, 5, 1),
        score_to=2.5,
        decided_by="Zoë",
        decided_since=datetime(2026, 5, 1, 2, 3, 4, 567, tzinfo=UTC),
    )

    assert from_query({name: str(value) for name, value in to_query(filters).items()}) == filters
    assert to_query(QueueFilters()) == {}


def test_the_scripts_of_the_board_are_served(client):
    answer = client.get(f"{SCRIPTS.base}main.js")

    assert answer.headers["content-type"].startswith("text/javascript")
    assert SCRIPTS.base in SCRIPTS.make_loader()
    assert "mount" in answer.text
    assert "class Rows" in client.get(f"{SCRIPTS.base}state/rows.js").text


def test_threads_that_decide_at_once_lose_and_double_nothing(client, project, run_id):
    ids = crop_ids(project, flagged_only=False)

    def decide(n: int) -> int:
        number = n // 2  # everything is sent twice
        return send(client, project, run_id, [decision(ids[number % 12], number=number + 1)]).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(decide, range(80))) == {200}

    kept = project.store.verdicts()
    assert sorted(kept["verdict_id"]) == [f"{n:032x}" for n in range(1, 41)]
    assert kept["sequence"].tolist() == list(range(1, 41))


@pytest.mark.parametrize("bad", [None, "\ud83d"])
def test_one_thread_with_a_bad_verdict_does_not_spoil_those_written_with_it(tmp_path, bad):
    from tests.fakes.verdicts import make_verdict

    store = Store(tmp_path / "anomalure.duckdb")
    store.verdicts()
    store._turn.lock.acquire()
    outcomes: dict[int, object] = {}

    def append(n: int) -> None:
        try:
            outcomes[n] = store.append_verdicts([make_verdict(n, reviewer=bad if n == 2 else "R")])
        except Exception as error:
            outcomes[n] = error

    threads = [threading.Thread(target=append, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    store._turn.lock.release()
    for thread in threads:
        thread.join(60)

    assert sorted(store.verdicts()["verdict_id"]) == [f"verdict-{n}" for n in (0, 1, 3, 4)]
    assert isinstance(outcomes[2], Exception)
    assert not isinstance(outcomes[1], AnomalureError)


def test_where_a_frame_is_odd_is_told_in_shares_of_the_usual(client, project, run_id):
    rows = project.review_queue(limit=100, flagged_only=False).rows
    run, frames = project.run(run_id), rows[rows["kind"] == "frame"]["crop_id"].tolist()
    distances = np.array([[0.1, 0.2, 0.1], [0.1, 0.1, 0.4]], np.float16)
    add_heat_map(run, frames[0], HeatMap(distances, "bank", 0.2))

    answer = client.get(f"/api/runs/{run_id}/crops/{frames[0]}/heat").json()

    assert (answer["heat"]["height"], answer["heat"]["width"]) == (2, 3)
    assert answer["heat"]["shares"] == pytest.approx([0.5, 1, 0.5, 0.5, 0.5, 2], abs=0.01)
    assert answer["words"].startswith("Bright: unlike anything that was seen at this camera before.")
    other = client.get(f"/api/runs/{run_id}/crops/{frames[1]}/heat")
    assert (other.status_code, other.json()["heat"]) == (200, None)


def test_a_frame_that_is_not_odd_is_said_to_be_as_usual():
    said = to_heat(HeatMap(np.full((2, 2), 0.1, np.float16), "bank", 0.2))

    assert said["words"].startswith("Nothing here is odder than in usual frames")


@pytest.mark.parametrize("crop", [MADE_UP, "..%2F..%2Frun", "x"])
def test_a_made_up_crop_has_no_heat(client, run_id, crop):
    assert client.get(f"/api/runs/{run_id}/crops/{crop}/heat").status_code == 404
    assert client.get(f"/api/runs/no-such-run/crops/{crop}/heat").status_code == 404


@pytest.mark.parametrize(
    ("kind", "box", "cut"),
    [
        ("detection", (100, 50, 80, 40), [92, 42, 96, 56]),  # a tenth of the longer side on each side
        ("detection", (0, 0, 80, 40), [0, 0, 88, 48]),
        ("frame", (0, 0, 640, 480), [0, 0, 640, 480]),
        ("detection", (700, 500, 10, 10), [700, 500, 10, 10]),  # outside of its photo, in a damaged file
    ],
)
def test_a_crop_stands_in_for_its_part_of_the_photo_where_it_was_cut_out(kind, box, cut):
    run = SimpleNamespace(info=SimpleNamespace(settings={"crop_margin": 0.1}))
    row = dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"photo_width": 640, "photo_height": 480}

    assert list_cut(run, row | {"kind": kind}) == cut


def test_normal_crops_are_those_of_the_training_whose_pictures_there_are(client, project, monkeypatch, tmp_path):
    run = add_run(project, tmp_path / "more", n=12, name="by-bundle", bundle="first")
    row = project.review_queue(run, limit=100).rows.iloc[0]
    ids = [f"{n:020x}" for n in range(5)]
    described = [
        {"crop_id": one, "kind": row.kind, "species": row.species, "deployment": "west", "captured_at": pd.NaT}
        for one in ids
    ]
    rows = pd.DataFrame(described), np.eye(5, EMBEDDING_LENGTH, dtype=np.float16)
    monkeypatch.setattr("ui.board.trained_on._read", lambda folder: rows)
    for one in ids[:4]:
        save_crop_picture(project.crops_dir, one, b"a picture")

    alike = client.get(f"/api/runs/{run.run_id}/crops/{row.crop_id}/alike").json()

    assert sorted(crop["crop"] for crop in alike["crops"]) == ids[:4]
    assert {(crop["title"], crop["camera"], crop["time"]) for crop in alike["crops"]} == {
        ("deer", "west", "time unknown")
    }
    assert alike["words"] == "Normal deer, nearest first: from the training or confirmed by a person"
