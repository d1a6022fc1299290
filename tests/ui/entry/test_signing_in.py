"""Who is let in, what is behind the door, and under which names the dashboard answers."""

import asyncio
import json
import random
from contextlib import suppress

import pytest
from itsdangerous import URLSafeTimedSerializer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from core.study.project import Project
from core.team.members import Team
from core.team.roles import Role
from ui.entry.signing_in import COOKIE, ENDED, Rules, find_person, read_claims, refuse_entry, to_person
from ui.server.door import Door, is_own_name
from ui.server.reviewer_pass import make_pass

SECRET = "a long random text for this test"
ALLOWED = ("ada@uni.example", "@park.example")
ADA = {"iss": "https://id.example", "sub": "1", "email": "ada@uni.example", "name": "Ada", "nonce": "n1"}
STREAM = "ws://localhost/_stcore/stream"
NAMES = frozenset({"localhost", "traps.example", "*.park.example"})


def sign(claims: dict, *, secret: str = SECRET) -> dict[str, str]:
    """The cookies of somebody who has signed in, as Streamlit writes them."""
    text = json.dumps({**claims, "origin": "http://localhost", "is_logged_in": True, "provider": "default"})
    return {COOKIE: str(URLSafeTimedSerializer(secret, salt=COOKIE).dumps(text))}


@pytest.fixture
def rules() -> dict:
    return {"asks": True, "secret": SECRET, "allowed": ALLOWED, "hosts": NAMES}


async def connect(socket) -> None:
    await socket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_text(await socket.receive_text())


async def answer_all(request) -> PlainTextResponse:
    return PlainTextResponse("the page")


def make_client(routes, rules, *, cookies: dict[str, str] | None = None, base_url: str = "http://localhost"):
    door = Middleware(Door, read_rules=lambda: Rules(**rules), pages=frozenset({"/review", "/explore"}))
    every = [
        *routes,
        WebSocketRoute("/_stcore/stream", connect),
        Mount("/", routes=[Route("/{rest:path}", answer_all)]),
    ]
    return TestClient(Starlette(routes=every, middleware=[door]), base_url=base_url, cookies=cookies)


def list_addresses(project: Project) -> list[str]:
    run, row = project.latest_run(), project.review_queue().rows.iloc[0]
    return [
        f"/photos/{run.run_id}/{row.photo_id}",
        f"/crops/{row.crop_id}.jpg",
        "/exports/x",
        f"/api/runs/{run.run_id}/queue",
        f"/api/runs/{run.run_id}/crops/{row.crop_id}",
        f"/api/runs/{run.run_id}/crops/{row.crop_id}/history",
        f"/api/runs/{run.run_id}/groups",
        "/board/x/main.js",
        "/media/abc.csv",
        "/_stcore/metrics",
        "/_stcore/upload_file/a/b",
        "/_stcore/agent/interact",
        "/anything-that-is-added-later",
        "//crops/x.jpg",
        "/crops/../crops/x.jpg",
    ]


@pytest.mark.parametrize(
    ("cookies", "status"),
    [
        ({}, 401),
        ({COOKIE: "made up"}, 401),
        (sign(ADA, secret="another secret"), 401),
        ({COOKIE: sign(ADA)[COOKIE][:-3]}, 401),
        (sign({**ADA, "email": "eve@evil.example"}), 403),
        (sign({**ADA, "email": ""}), 403),
        (sign({**ADA, "email_verified": False}), 403),
        (sign({**ADA, "email": "ada@uni.example@park.example"}), 403),
        (sign({**ADA, "email": "x@notpark.example"}), 403),
    ],
)
def test_who_is_not_let_in_sees_nothing_and_decides_nothing(project, routes, rules, cookies, status):
    client = make_client(routes, rules, cookies=cookies)

    for address in list_addresses(project):
        answer = client.get(address)
        assert (answer.status_code, "error" in answer.json()) == (status, True), address
    run_id, crop = project.latest_run().run_id, project.review_queue().rows["crop_id"][0]
    given = {"id": "1" * 32, "crop": crop, "verdict": "anomaly"}
    body = {"run": run_id, "pass": make_pass(project, reviewer="Ada"), "decisions": [given]}
    assert client.post("/api/verdicts", json=body).status_code == status
    assert project.store.verdicts().empty


def test_who_is_not_signed_in_can_sign_in(project, routes, rules):
    client = make_client(routes, rules)

    for address in ("/", "/review", "/explore", "/auth/login", "/oauth2callback", "/static/js/x.js", "/healthz"):
        assert client.get(address).status_code == 200, address
    with client.websocket_connect(STREAM) as socket:
        socket.send_text("the page tells how to sign in")
        assert socket.receive_text()


@pytest.mark.parametrize("email", ["ada@uni.example", "ADA@Uni.Example", "new@park.example"])
def test_who_is_on_the_list_sees_photos_and_decides_as_long_as_signed_in(project, routes, rules, email):
    claims = {**ADA, "email": email, "nonce": email}
    cookies = sign(claims)
    claims = read_claims(cookies, secret=SECRET)
    client = make_client(routes, rules, cookies=cookies)
    picture, crop = list_addresses(project)[1], project.review_queue().rows["crop_id"][0]
    assert client.get(picture).status_code == 200

    def decide(number: int, pass_: str, **how) -> dict:
        given = [{"id": f"{number:032x}", "crop": crop, "verdict": "anomaly"}]
        body = {"run": project.latest_run().run_id, "pass": pass_, "decisions": given}
        return client.post("/api/verdicts", json=body, **how).json()

    own = make_pass(project, reviewer="Ada", who=to_person(claims))
    assert decide(1, own)["saved"]
    others = [
        make_pass(project, reviewer="Ada"),
        make_pass(project, reviewer="Ada", who=to_person({**claims, "sub": "2"})),
        make_pass(project, reviewer="Ada", who=to_person({**claims, "nonce": "an earlier sign-in"})),
    ]
    assert [bool(decide(2, other)["held"]) for other in others] == [True] * 3, "a pass ends with its sign-in"

    left = client.get("/auth/logout")
    assert left.headers["clear-site-data"] == '"cache"'
    client.cookies.update(cookies)  # somebody has kept a copy
    assert client.get(picture).status_code == 401
    assert "Sign in" in decide(3, own)["error"]
    assert len(project.store.verdicts()) == 1


def test_a_page_in_another_tab_ends_when_its_reader_signs_out(project, routes, rules):
    client = make_client(routes, rules, cookies=sign({**ADA, "nonce": "two tabs"}))
    with client.websocket_connect(STREAM) as socket:
        socket.send_text("first")
        assert socket.receive_text() == "first"
        client.get("/auth/logout")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


@pytest.mark.parametrize(
    ("host", "own"),
    [
        *(
            (name, True)
            for name in ("localhost", "localhost:8501", "LOCALHOST:8501", "traps.example", "traps.example.")
        ),
        *(
            (name, True)
            for name in ("127.0.0.1:8501", "192.168.1.7", "[::1]:8501", "[fe80::1%25eth0]", "a.park.example")
        ),
        *((name, False) for name in ("evil.example", "evil.example:8501", "localhost.evil.example", "xlocalhost", "")),
        *((name, False) for name in ("localhost@evil.example", "evil.example/localhost", "127.0.0.1.evil.example")),
        *((name, False) for name in ("park.example", "localhost:x", "localhost:99999", "a b", "[::1", "localhost#")),
    ],
)
def test_the_dashboard_answers_only_to_its_names(host, own):
    assert is_own_name(host, NAMES) is own


@pytest.mark.parametrize("asks", [True, False])
def test_a_site_whose_name_was_made_to_lead_here_reaches_neither_pages_nor_decisions(project, routes, rules, asks):
    client = make_client(routes, {**rules, "asks": asks}, base_url="http://evil.example:8501")

    for address in ("/", "/review", "/healthz", *list_addresses(project)):
        answer = client.get(address)
        assert (answer.status_code, "allowedHosts" in answer.text) == (421, True), address
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://evil.example/_stcore/stream"):
        pass
    client.headers["host"] = "localhost"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://localhost:8501", "localhost:8501", True),
        ("http://LOCALHOST:8501", "localhost:8501", True),
        ("http://localhost", "localhost", True),
        ("https://traps.example", "traps.example", True),  # a proxy that speaks https and keeps the name
        ("https://traps.example", "traps.example:443", True),
        ("http://[::1]:8501", "[::1]:8501", True),
        ("https://lab.example", "localhost:8501", True),  # a proxy that does not keep the name, but is listed
        ("http://localhost:3000", "localhost:8501", False),
        ("http://localhost", "localhost:8501", False),
        ("http://127.0.0.1:8501", "localhost:8501", False),
        ("http://localhost:8501.evil.example", "localhost:8501", False),
        ("http://evil.example:8501", "localhost:8501", False),
        ("https://lab.example:8443", "localhost:8501", False),
        ("null", "localhost:8501", False),
        ("", "localhost:8501", False),
        ("file://", "localhost", False),
        ("http://localhost:x", "localhost:8501", False),
    ],
)
def test_only_pages_of_the_dashboard_itself_connect_and_send(project, routes, rules, origin, host, own):
    client = make_client(routes, {**rules, "asks": False, "origins": frozenset({"https://lab.example"})})
    headers = {"origin": origin, "host": host}

    if own:
        with client.websocket_connect(STREAM, headers=headers) as socket:
            socket.send_text("a page")
            assert socket.receive_text() == "a page"
    else:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers=headers):
            pass
    sent = client.post("/api/verdicts", json={}, headers=headers)
    assert ("another site" in sent.text) is not own
    assert client.get("/healthz", headers=headers).status_code == 200


def test_other_sites_cannot_frame_the_dashboard(project, routes, rules):
    for asks, address in ((False, "/review"), (False, list_addresses(project)[1]), (True, list_addresses(project)[1])):
        headers = make_client(routes, {**rules, "asks": asks}).get(address).headers
        assert headers["content-security-policy"] == "frame-ancestors 'self'"
        assert headers["x-frame-options"] == "SAMEORIGIN"


def test_without_a_list_nobody_comes_in_and_a_star_lets_everybody_in():
    assert "allowed =" in refuse_entry(ADA, Rules())
    assert refuse_entry({"email": "x@y.example"}, Rules(allowed=("*",))) == ""
    assert isinstance(find_person(sign(ADA), Rules(asks=True, secret="", allowed=("*",))), str)


def test_a_person_is_an_account_and_not_a_name():
    same = [ADA, {**ADA, "name": "Ada King", "email": "king@uni.example", "nonce": "n2"}]
    assert len({to_person(one).person for one in same}) == 1
    assert len({to_person(one).sign_in for one in same}) == 2
    others = [ADA, {**ADA, "sub": "2"}, {**ADA, "iss": "https://other.example"}, {"email": "ada@uni.example"}]
    assert len({to_person(one).person for one in others}) == 4
    assert to_person({"email": "ADA@uni.example"}).person == to_person({"email": "ada@uni.example"}).person


def test_the_cookie_is_read_as_streamlit_writes_it(monkeypatch):
    from starlette.responses import Response
    from streamlit.web.server.starlette import starlette_auth_routes as theirs
    from streamlit.web.server.starlette.starlette_websocket import _parse_decoded_user_cookie

    monkeypatch.setattr(theirs, "get_cookie_secret", lambda: SECRET)
    for name in ("Zoë", random.Random(1).randbytes(3000).hex()):
        claims = {**ADA, "name": name, "origin": "http://localhost", "is_logged_in": True}
        response = Response()
        asyncio.run(theirs._set_auth_cookie(response, claims, {}))
        written = [value.split(";")[0].split("=", 1) for key, value in response.headers.items() if key == "set-cookie"]
        cookies = {key: value.strip('"') for key, value in written}
        assert read_claims(cookies, secret=SECRET) == claims, "in one cookie, and in several"
        on_page = _parse_decoded_user_cookie(json.dumps(claims).encode(), "http://localhost")
        assert to_person({**on_page, "tokens": {"id": "x"}}) == to_person(claims), "the page knows the same person"
        cookies.pop(f"{COOKIE}_2", None)
        assert (read_claims(cookies, secret=SECRET) is None) == (len(name) > 100)


def test_a_sign_in_that_cannot_be_told_from_the_next_is_not_ended_for_ever():
    plain = to_person({"iss": "https://id.example", "sub": "1", "email": "ada@uni.example"})
    ENDED.add(plain)
    assert plain not in ENDED


def test_a_role_in_the_team_counts_for_requests_too(project, routes, rules, monkeypatch):
    from ui.shared.acting import find_actor

    monkeypatch.setattr("core.team.acting._find_actor", find_actor)
    team = Team(project.path)
    team.give_role("lead@park.example", Role.LEAD, by="test")
    team.give_role("view@park.example", Role.VIEWER, by="test")
    mine = {**rules, "members": team.members()}
    run_id, crop = project.latest_run().run_id, project.review_queue().rows["crop_id"][0]

    def ask(email: str) -> tuple[int, dict]:
        claims = {**ADA, "email": email, "sub": email, "nonce": email}
        client = make_client(routes, mine, cookies=sign(claims))
        own = make_pass(project, reviewer="X", who=to_person({**claims, "is_logged_in": True, "provider": "default"}))
        given = {"id": "1" * 32, "crop": crop, "verdict": "anomaly"}
        answer = client.post("/api/verdicts", json={"run": run_id, "pass": own, "decisions": [given]})
        assert (client.get(f"/crops/{crop}.jpg").status_code == 200) == (answer.status_code == 200)
        return answer.status_code, answer.json()

    assert ask("ada@uni.example")[0] == 403, "on the server's list, and not in the project's team"
    assert ask("view@park.example")[1]["refused"]["1" * 32].startswith("As a viewer of this project you may not decide")
    assert project.store.verdicts().empty
    assert ask("lead@park.example")[1]["saved"] == ["1" * 32]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"members": {"ADA@uni.example": Role.VIEWER}}, ""),
        ({"members": {"bo@uni.example": Role.LEAD}}, "not on the list"),
        ({"members": {}}, "not on the list"),
        ({"members": {"bo@uni.example": Role.LEAD}, "allowed": ("*",)}, "not in the team"),
        ({"members": {"ada@uni.example": Role.VIEWER}, "allowed": ("bo@uni.example",)}, "not on the list"),
        ({"members": {}, "problem": "Line 1 is damaged."}, "damaged"),
    ],
)
def test_the_team_of_the_project_says_who_may_come_in(more, why):
    assert why in refuse_entry(ADA, Rules(**more))
    assert bool(refuse_entry(ADA, Rules(**more))) == bool(why)
