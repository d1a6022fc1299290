"""What a user notices of comparing encoders and one-class models on the Evaluate page."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.study.defaults import BundleDefaults, read_bundle_defaults, write_bundle_defaults
from core.study.project import Project
from models.encoders.spec import LITE2
from models.jobs.compare import CompareRequest
from models.jobs.registry import do_at_once
from tests.fakes.parts import MeanColourEncoder
from tests.fakes.three_coats import draw_three_coats
from ui.shared.state import Key

PAGES = Path(__file__).resolve().parents[2] / "pages"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    monkeypatch.setattr("models.encoders.loading.load_encoder", lambda specs, **more: MeanColourEncoder())
    return made


@pytest.fixture
def photos(tmp_path) -> Path:
    draw_three_coats(tmp_path / "photos")
    return tmp_path / "photos"


def open_page(name: str = "evaluate", **state) -> AppTest:
    page = AppTest.from_file(str(PAGES / f"{name}.py"), default_timeout=60)
    page.session_state[Key.EVALUATE_WHAT] = "Encoders and models"
    for key, value in state.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    kinds = (page.info, page.caption, page.markdown, page.error, page.toast)
    return " ".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def test_the_form_says_what_is_missing_and_how_long_it_takes(project, photos):
    assert "Choose the folder that holds the labelled photos" in said(open_page())

    page = open_page(train_folder=str(photos / "images"), train_labels=str(photos / "labels.json"))

    assert "pairs of encoder and one-class model on 48 boxes" in said(page)
    assert not page.button(key="start-comparison").disabled


def test_start_asks_for_what_was_chosen(project, photos, monkeypatch):
    asked: list[CompareRequest] = []
    monkeypatch.setattr("ui.forms.start_button.start", lambda project, request, **how: asked.append(request))
    page = open_page(train_folder=str(photos / "images"), train_labels=str(photos / "labels.json"))

    page.multiselect(key=Key.COMPARE_ONE_CLASS).set_value(["knn", "lof"]).run()
    page.button(key="start-comparison").click().run()

    (request,) = asked
    assert request.encoders == (LITE2,)
    assert request.one_class == ("knn", "lof")


def test_the_table_says_who_is_best_and_the_choice_is_filled_in_on_train(project, photos):
    request = CompareRequest(
        name="coats",
        images=photos / "images",
        labels=photos / "labels.json",
        encoders=(LITE2,),
        one_class=("knn", "mahalanobis"),
    )
    best = do_at_once(project, request)["best"]["one_class"]
    page = open_page(comparison_watched="coats")

    assert "is best: when a species is unknown" in said(page)
    assert "48 crops of 48 events" in said(page)
    assert page.dataframe[0].value["As good as the best"].iloc[0] == "best"
    assert page.dataframe[0].value["Size, MB"].iloc[0] == 24.7
    page.button(key="comparison-use-coats").click().run()
    assert read_bundle_defaults(project.path) == BundleDefaults(encoder=LITE2, one_class=best, comparison="coats")

    train = open_page("train")
    assert "chosen by the comparison coats" in said(train)
    assert train.selectbox(key=Key.TRAIN_ONE_CLASS).value == best


def test_the_choice_is_taken_back(project):
    write_bundle_defaults(project.path, BundleDefaults(encoder=LITE2, one_class="knn", comparison="coats"))
    page = open_page()

    page.button(key="comparison-no-default").click().run()

    assert read_bundle_defaults(project.path) is None
    assert "chosen by the comparison" not in said(page)


def test_a_choice_that_the_form_cannot_show_is_said(project):
    write_bundle_defaults(project.path, BundleDefaults(encoder=f"{LITE2}+detector:yolo.onnx", one_class="knn"))

    assert "This form cannot join the features of yolo.onnx" in said(open_page("train"))
