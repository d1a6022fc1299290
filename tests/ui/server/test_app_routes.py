"""The routes of photos and crops: only what a run has read, only by id."""

import io
import json

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.photos import decoding
from core.records import hash_content
from core.study.project import Project
from core.study.reviewers import name_account
from tests.fakes.project import make_project
from ui.entry.signing_in import Rules
from ui.server.previews import WIDTHS_PX, choose_width, render_preview
from ui.shared.project_place import ROOT

MADE_UP = "0123456789abcdef" * 2


@pytest.fixture
def client(project, routes) -> TestClient:
    return TestClient(Starlette(routes=routes))


@pytest.fixture
def row(project):
    return project.review_queue().rows.iloc[0]


def open_picture(answer) -> Image.Image:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    return Image.open(io.BytesIO(answer.content))


def test_a_photo_of_a_run_is_served_and_may_be_kept_for_ever(client, row):
    answer = client.get(f"/photos/{row.run}/{row.photo_id}")

    assert open_picture(answer).size == (row.photo_width, row.photo_height)
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin", "other sites may not embed it"


def preview(path, width_px: int) -> Image.Image:
    picture = Image.open(io.BytesIO(render_preview(path, hash_content(path.read_bytes()), width_px=width_px)))
    assert picture.format == "JPEG"
    return picture


def test_a_photo_is_scaled_down_but_never_up(tmp_path):
    Image.new("RGB", (1000, 500), "olive").save(tmp_path / "large.jpg")

    assert preview(tmp_path / "large.jpg", 320).size == (320, 160)
    assert preview(tmp_path / "large.jpg", 3072).size == (1000, 500)


def test_the_full_photo_is_its_own_file_while_a_browser_can_take_it(tmp_path, write_jpeg, monkeypatch):
    photo = write_jpeg(tmp_path / "large.jpg", size=(3200, 1800))
    turned = write_jpeg(tmp_path / "turned.jpg", size=(3200, 1800), orientation=6)

    def render(path):
        return render_preview(path, hash_content(path.read_bytes()), width_px=3072)

    assert render(photo) == photo.read_bytes()
    assert Image.open(io.BytesIO(render(turned))).size == (1800, 3200)
    monkeypatch.setattr("ui.server.previews.MOST_AS_IT_IS", 5_000_000)
    assert Image.open(io.BytesIO(render(photo))).size == (3072, 1728)
    assert preview(photo, 2048).size == (2048, 1152)


def test_a_photo_that_can_be_reduced_to_nearly_the_width_is_not_decoded_larger(tmp_path, write_jpeg):
    asked = write_jpeg(tmp_path / "large.jpg", size=(4608, 2592))

    assert preview(asked, 1280).size == (1152, 648)
    assert preview(asked, 640).size == (576, 324)
    assert preview(asked, 960).size == (960, 540)


def test_a_photo_is_served_upright(tmp_path, write_jpeg):
    write_jpeg(tmp_path / "turned.jpg", size=(64, 48), orientation=6)

    assert preview(tmp_path / "turned.jpg", 640).size == (48, 64)


def test_a_tiff_is_served_as_a_jpeg(tmp_path):
    Image.new("I;16", (40, 30), 40_000).save(tmp_path / "a.tif", "TIFF")

    assert preview(tmp_path / "a.tif", 640).size == (40, 30)


def swap(one, other):
    one.write_bytes(other.read_bytes())


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda photo: swap(photo, photo.parents[1] / "south" / "photo-001.jpg"), "another picture"),
        (lambda photo: photo.write_bytes(photo.read_bytes() + b"\0"), "another picture"),
        (lambda photo: photo.write_bytes(b""), "another picture"),
        (lambda photo: photo.unlink(), "no longer where the run found it"),
        (lambda photo: photo.rename(photo.with_name("renamed.jpg")), "no longer where the run found it"),
        (lambda photo: photo.parent.rename(photo.parents[1] / "south-west"), "no longer where the run found it"),
    ],
    ids=["another photo", "written by a program", "emptied", "removed", "renamed", "folder renamed"],
)
def test_a_photo_that_was_changed_or_removed_after_the_run_is_never_served_as_the_old_one(
    client, row, tmp_path, happens, said
):
    happens(tmp_path / "photos" / row.file_name)

    answer = client.get(f"/photos/{row.run}/{row.photo_id}?width=640")

    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    assert said in answer.text


def test_the_picture_of_a_crop_is_served(client, row):
    answer = client.get(f"/crops/{row.crop_id}.jpg?run={row.run}")

    assert open_picture(answer).size == (row.width, row.height)
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "address",
    [
        "/photos/{run}/{made_up}",
        "/photos/no-such-run/{photo}",
        "/photos/../{photo}",
        "/photos/{run}/../../../../etc/passwd",
        "/photos/{run}/..%2f..%2f..%2fsecret.txt",
        "/photos/..%2f..%2fsecret/{photo}",
        "/photos/%2e%2e/{photo}",
        "/photos/{run}/%2fetc%2fpasswd",
        "/photos/{run}/{photo}%00",
        "/photos/{run}/{photo}.jpg",
        "/photos/{run}/{upper}",
        "/photos/{run}/",
        "/photos/con/{photo}",
        "/photos/{run}/{photo}?width=0",
        "/photos/{run}/{photo}?width=-5",
        "/photos/{run}/{photo}?width=wide",
        "/photos/{run}/{photo}?width=1e3",
        "/photos/{run}/{photo}?width=99999999999999999999",
        "/crops/{crop_made_up}.jpg",
        "/crops/../anomalure.duckdb",
        "/crops/..%2f..%2fsecret.txt",
        "/crops/..%2fsecret.jpg",
        "/crops/{crop}",
        "/crops/{crop}.png",
        "/crops/.jpg",
        "/crops/{crop}%00.jpg",
    ],
)
def test_an_address_that_is_made_up_finds_nothing(client, row, tmp_path, address):
    for place in (tmp_path, tmp_path / "project", tmp_path / "project" / "crops", tmp_path / "project" / "runs"):
        (place / "secret.txt").write_text("secret")
        (place / "secret.jpg").write_text("secret")
    filled = address.format(
        run=row.run,
        photo=row.photo_id,
        made_up=MADE_UP,
        upper=row.photo_id.upper(),
        crop=row.crop_id,
        crop_made_up=MADE_UP[:20],
    )

    answer = client.get(filled)

    assert answer.status_code == 404
    assert "secret" not in answer.text
    assert "immutable" not in answer.headers.get("cache-control", ""), "it may be there later"


def test_a_photo_that_is_gone_is_not_found(client, row, tmp_path):
    (tmp_path / "photos" / row.file_name).unlink()

    assert client.get(f"/photos/{row.run}/{row.photo_id}").status_code == 404


def test_a_photo_that_became_something_else_is_not_found(client, row, tmp_path):
    (tmp_path / "photos" / row.file_name).write_text("not a picture any more")

    assert client.get(f"/photos/{row.run}/{row.photo_id}").status_code == 404


def test_a_file_that_the_run_failed_on_is_not_served(client, project, row):
    from core.records import hash_content

    failed = hash_content(b"this is no picture")

    assert client.get(f"/photos/{row.run}/{failed}").status_code == 404


def test_a_project_that_cannot_be_opened_serves_nothing(client, row, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(tmp_path / "file"))

    assert client.get(f"/photos/{row.run}/{row.photo_id}").status_code == 404
    assert client.get(f"/crops/{row.crop_id}.jpg").status_code == 404


def test_scripts_can_ask_whether_it_answers(client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize(
    ("asked", "width"),
    [
        (None, WIDTHS_PX[-1]),
        ("1", 320),
        ("320", 320),
        ("321", 640),
        ("1600", 1600),
        ("9999", WIDTHS_PX[-1]),
        ("", None),
        ("0", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("٣", None),
        ("12345678", None),
    ],
)
def test_widths_come_in_few_steps(asked, width):
    assert choose_width(asked) == width


@pytest.mark.parametrize(("n_photos", "page"), [(3, "Groups"), (0, "Run")])
def test_the_bare_address_leads_to_what_can_be_done_next(tmp_path, monkeypatch, n_photos, page):
    from streamlit.testing.v1 import AppTest

    made = make_project(tmp_path, n_photos) if n_photos else Project(tmp_path / "empty")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))

    screen = AppTest.from_file(str(ROOT / "ui" / "frame.py"), default_timeout=30).run()

    assert not screen.exception
    assert [title.value for title in screen.title] == [page]
    said = [caption.value for caption in screen.sidebar.caption]
    assert said[0] == ("1 run · 5 photos" if n_photos else "0 runs · 0 photos")


def test_the_reviewers_name_is_asked_in_the_sidebar_and_kept_in_this_browser_only(project):
    from streamlit.testing.v1 import AppTest

    project.store.set_setting("reviewer", "Eve")  # as earlier versions kept the last name
    project.save_verdict(project.review_queue().rows.iloc[0], "normal", reviewer="Zoë Lovelace")

    def find_cookie(screen: AppTest) -> str:
        return next(
            json.loads(one.proto.json)["name"] for one in screen.get("bidi_component") if "name" in one.proto.json
        )

    screen = AppTest.from_file(str(ROOT / "ui" / "frame.py"), default_timeout=30).run()
    assert screen.text_input(key="reviewer_edit").value == "", "never the name of somebody else"

    screen.text_input(key="reviewer_edit").set_value("  zoe\u0308   LOVELACE ").run()
    assert find_cookie(screen) == "Zoë Lovelace", "in the spelling that the project has"


def sign_in(monkeypatch, **claims):
    """What Streamlit says of somebody who has signed in; without claims, of somebody who has not."""
    user = {"is_logged_in": bool(claims), **claims}
    monkeypatch.setattr("streamlit.user_info._get_user_info", lambda: dict(user))
    monkeypatch.setattr(
        "ui.shared.acting.read_rules", lambda: Rules(asks=True, allowed=("ada@uni.example", "@b.example"))
    )


def test_nobody_sees_anything_of_the_project_before_signing_in(project, monkeypatch):
    from streamlit.testing.v1 import AppTest

    def fail(*_):
        raise AssertionError("the project was read")

    monkeypatch.setattr("ui.shared.project_place.open_project_at", fail)
    for claims in ({}, {"email": "eve@evil.example", "sub": "9"}, {"sub": "9"}):
        sign_in(monkeypatch, **claims)
        screen = AppTest.from_file(str(ROOT / "ui" / "frame.py"), default_timeout=30)
        screen.run()

        assert not screen.exception
        assert [title.value for title in screen.title] == ["Anomalure"]
        assert [button.label for button in screen.button] == ["Sign out" if claims else "Sign in"]
        assert not screen.sidebar.caption
        assert len(screen.error) == bool(claims)


def test_two_people_of_one_name_are_two_reviewers_and_one_person_of_two_names_is_one(project):
    ada = name_account(project, "1", name="Ada Smith", email="ada@uni.example")
    other = name_account(project, "2", name="ADA  smith", email="a.smith@b.example")
    third = name_account(project, "3", name="Ada Smith", email="a.smith@c.example")
    assert (ada, other, third) == ("Ada Smith", "ADA smith (a.smith)", "Ada Smith (2)")
    assert name_account(project, "1", name="Ada King", email="king@uni.example") == "Ada Smith"
    assert name_account(project, "4", name="x" * 100) != name_account(project, "5", name="x" * 100)


@pytest.mark.parametrize("name", ["review", "run", "explore", "train"])
def test_the_address_of_a_page_tells_the_browser_at_once_where_the_server_is(client, name):
    answer = client.get(f"/{name}")

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    head = answer.text.split("</head>")[0]
    assert 0 < head.index("BACKEND_BASE_URL") < head.index('type="module"'), "before Streamlit's scripts look for it"


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_preview_of_a_large_photo_is_unpacked_no_larger_than_needed(tmp_path, write_jpeg, monkeypatch, orientation):
    write_jpeg(tmp_path / "large.jpg", size=(4000, 2000), orientation=orientation)
    unpacked = []
    hold = decoding.UNPACKED_AT_ONCE.hold
    monkeypatch.setattr(decoding.UNPACKED_AT_ONCE, "hold", lambda pixels: unpacked.append(pixels) or hold(pixels))

    with preview(tmp_path / "large.jpg", 640) as picture:
        assert picture.size == ((640, 320) if orientation == 1 else (640, 1280))
    assert unpacked == [1000 * 500 if orientation == 1 else 2000 * 1000]
