"""What an open plot is told by the server between two drawings of its page."""

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.maps.pictures import Picture
from core.maps.projection import Projection
from tests.fakes.project import add_run, make_project
from ui.explore.run import describe_point, link_crops, read_run_points
from ui.scatter.addresses import EXPLORE_ROUTES
from ui.scatter.memory import offer_draft, offer_facts


@pytest.fixture(scope="module")
def client():
    return TestClient(Starlette(routes=EXPLORE_ROUTES))


def test_a_plot_is_given_only_pictures_that_are_newer_than_its_own(client):
    points = np.arange(6, dtype=np.float32).reshape(3, 2)
    now: list[Picture | None] = [None]
    address = offer_draft(lambda: now[0], key="a run/tsne-42")
    assert client.get(address).status_code == 204, "nothing is drawn yet"

    now[0] = Picture(projection=Projection(perplexity=42), points=points, iteration=20, iterations=250, is_final=False)
    first = client.get(address)
    assert np.array_equal(np.frombuffer(first.content, "<f4").reshape(-1, 2), points)
    assert (first.headers["picture-step"], first.headers["picture-steps"]) == ("20", "250")
    assert client.get(f"{address}?after=20").status_code == 204
    assert client.get(f"{address}?after=10").status_code == 200
    assert client.get(f"{address}?after=x").status_code == 200, "an address may be typed by hand"


def test_a_map_that_nobody_looks_at_any_more_is_said_to_be_gone(client):
    answer = client.get("/explore-data/drafts/" + "0" * 24)
    assert (answer.status_code, answer.text) == (404, "This is no longer available. Reload the page.")


def test_the_card_of_a_crop_says_its_verdict_as_soon_as_it_is_given(client, tmp_path):
    project = make_project(tmp_path, n=6)
    points = read_run_points(project.latest_run())
    address = offer_facts(lambda place: describe_point(project, points, place), key="cards")
    before = client.get(f"{address}/0").json()
    assert not any("Ada" in line for line in before["lines"])

    row = project.review_queue(flagged_only=False, crop_ids=(before["crop_id"],)).rows.iloc[0]
    project.save_verdict(row, "anomaly", reviewer="Ada", species="lynx")
    assert client.get(f"{address}/0").json()["lines"][-1] == "Anomaly · lynx, by Ada"

    project.undo_verdict(row)
    assert client.get(f"{address}/0").json() == before
    assert client.get(f"{address}/6").status_code == 404


def test_crops_of_two_runs_are_linked_by_their_box_where_another_detector_drew_another(tmp_path):
    project = make_project(tmp_path, n=6)
    runs = (project.latest_run(), add_run(project, tmp_path / "photos", n=6, name="shifted", shift_px=2))
    one, other = map(read_run_points, runs)
    links = link_crops(one, other)

    assert set(one.facts["crop_id"]) != set(other.facts["crop_id"])
    assert (links >= 0).all()
    assert one.facts["photo_id"].tolist() == other.facts["photo_id"][links].tolist()
    assert link_crops(one, one).tolist() == list(range(6))
