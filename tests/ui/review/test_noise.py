"""What DBSCAN leaves over can be reviewed without going through Explore again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from streamlit.testing.v1 import AppTest

from core.errors import AnomalureError
from core.maps.exploration import Exploration
from core.maps.making import make_pca
from core.maps.projection import Projection, ProjectionKind
from core.store.saved_views import save_view
from core.study.project import Project
from tests.fakes.project import make_project
from ui.review.noise import find_noise, select_noise
from ui.scatter.view import Method, Side, View

PAGE = str(Path(__file__).resolve().parents[3] / "pages" / "review.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Fifteen crops with the map of principal components."""
    made = make_project(tmp_path, 15)
    exploration = Exploration(made.latest_run())
    exploration.folder.mkdir(parents=True)
    np.save(exploration.folder / "prepared.npy", np.random.default_rng(5).normal(size=(15, 6)).astype(np.float32))
    make_pca(exploration)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def side(project) -> Side:
    return Side(run=project.latest_run().run_id, projection=Projection(kind=ProjectionKind.PCA), eps=0.9, min_samples=3)


def expected_noise(project: Project, side: Side) -> list[str]:
    exploration = Exploration(project.latest_run())
    points = exploration.points(side.projection)
    labels = DBSCAN(eps=side.eps, min_samples=side.min_samples).fit_predict(points)
    return [crop_id for crop_id, label in zip(exploration.crop_ids, labels, strict=True) if label == -1]


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["more_filters"] = True  # the menu More is open
    page.run()
    assert not page.exception
    return page


def shown(page: AppTest) -> list[str]:
    return [row["crop"] for row in json.loads(page.get("bidi_component")[0].proto.json)["rows"]]


def test_the_noise_is_that_of_dbscan(project, side):
    noise, eps = find_noise(Exploration(project.latest_run()), side)

    assert 0 < len(noise) < 15
    assert (noise, eps) == (expected_noise(project, side), 0.9)


def test_a_saved_view_offers_its_noise_as_a_list_to_review(project, side):
    save_view(project.store, "early spring", View(sides=(side,)).to_address())
    page = open_page()

    menu = page.selectbox(key="selection")
    assert menu.options == ["DBSCAN noise of early spring"]
    menu.set_value(menu.options[0]).run()

    assert not page.exception
    by_score = project.review_queue(flagged_only=False, limit=100).rows["crop_id"].tolist()
    assert shown(page) == [one for one in by_score if one in expected_noise(project, side)], "the oddest first"
    assert [(one.name, one.n_crops) for one in project.selections()] == [
        ("DBSCAN noise of early spring", len(expected_noise(project, side)))
    ]


def test_the_same_noise_is_one_selection_however_often_it_is_asked_for(project, side):
    run = project.latest_run()

    first, second = (select_noise(project, run, "DBSCAN noise", side) for _ in range(2))
    other = select_noise(project, run, "DBSCAN noise", replace(side, eps=0.5))

    assert first == second
    assert other.selection_id != first.selection_id
    assert first.source == "noise of DBSCAN, eps 0.9, on PCA"


def test_views_of_other_runs_and_other_methods_are_not_offered(project, side):
    save_view(project.store, "other run", View(sides=(replace(side, run="elsewhere"),)).to_address())
    save_view(project.store, "other method", View(sides=(replace(side, method=Method.HDBSCAN),)).to_address())

    assert not [one for one in open_page().selectbox if one.key == "selection"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"projection": Projection()}, "not computed yet. Open it on Explore once."),
        ({"eps": 100.0}, "No crop is noise at eps 100"),
        ({"eps": -1.0}, "eps is a distance above 0"),
    ],
)
def test_what_cannot_be_is_a_plain_sentence(project, side, changes, said):
    with pytest.raises(AnomalureError, match=said):
        select_noise(project, project.latest_run(), "DBSCAN noise", replace(side, **changes))


def test_the_page_says_it_and_goes_on(project, side):
    save_view(project.store, "too wide", View(sides=(replace(side, eps=100.0),)).to_address())
    page = open_page()
    before = shown(page)

    menu = page.selectbox(key="selection")
    menu.set_value(menu.options[0]).run()

    assert "Choose a smaller eps on Explore" in page.error[0].value
    assert shown(page) == before
