"""What a biologist notices on the Explore page, without a browser."""

from pathlib import Path

import pytest
from fake_project import make_project
from streamlit.testing.v1 import AppTest

import ui.explore_page
from core.explorations import Exploration
from core.project import Project
from core.projection import Projection, ProjectionKind

PAGE = str(Path(__file__).resolve().parent.parent / "pages" / "explore.py")


@pytest.fixture(autouse=True)
def started(monkeypatch) -> list[Projection]:
    """Maps whose making was asked for; no process is started."""
    asked: list[Projection] = []
    monkeypatch.setattr(ui.explore_page, "start_projection", lambda _, projection: asked.append(projection) or True)
    return asked


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Project:
    """Fifteen photos of three species, with the map of principal components."""
    project = make_project(tmp_path_factory.mktemp("explore"), 15)
    Exploration.of(project.latest_run()).compute(Projection(kind=ProjectionKind.PCA))
    return project


@pytest.fixture
def project(made, monkeypatch) -> Project:
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def open_page(**address: str | list[str]) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def errors(page: AppTest) -> str:
    return " ".join(str(item.value) for item in page.error).replace("\\", "")


def address(page: AppTest) -> dict[str, str | list[str]]:
    return dict(page.query_params)


def test_a_project_without_a_run_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_PROJECT", str(Project(tmp_path / "empty").path))
    page = open_page()
    assert any("folder of photos" in str(item.value) for item in page.info)


def test_the_page_opens_on_the_latest_run_and_its_address_says_so(project):
    page = open_page(map="pca")
    assert page.selectbox(key="explore-run-1").value == project.latest_run().run_id
    assert address(page) == {"run": project.latest_run().run_id, "map": "pca"}


def test_a_map_that_is_not_there_is_made_aside_and_another_is_shown_meanwhile(project, started):
    page = open_page(map="tsne-3")
    assert started == [Projection(perplexity=3)]
    assert not page.error


@pytest.mark.parametrize(("asked", "said"), [
    ({"map": "tsne-30"}, "choose 4 or less"), ({"map": "umap-20-0.1-0"}, "fewer than the 15 crops"),
    ({"map": "pca", "eps": "0"}, "distance above 0"), ({"map": "pca", "eps": "-1"}, "distance above 0"),
    ({"map": "pca", "min": "0"}, "at least 1 crop")])  # fmt: skip
def test_a_bad_parameter_is_said_in_a_sentence(project, started, asked, said):
    assert said in errors(open_page(**asked))
    assert started == []


def test_a_run_that_is_gone_is_named_and_the_latest_is_shown(project):
    page = open_page(run="winter", map="pca")
    assert "winter" in str(page.warning[0].value)
    assert page.selectbox(key="explore-run-1").value == project.latest_run().run_id
