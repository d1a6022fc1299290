"""What a biologist notices on the Explore page, without a browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import ui.explore.follow
import ui.explore.page
import ui.scatter.groupings
from core.errors import AnomalureError
from core.maps.exploration import Exploration
from core.maps.making import make_pca
from core.maps.projection import Projection, ProjectionKind
from core.store.saved_views import list_views, save_view
from core.study.project import Project
from tests.fakes.maps import compute
from tests.fakes.project import add_run, make_project
from ui.explore.controls import read_perplexity
from ui.explore.run import read_run_points
from ui.explore.selection import read_selected_csv
from ui.scatter.view import View
from ui.shared.state import Key

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "explore.py")


@pytest.fixture(autouse=True)
def started(monkeypatch) -> list[Projection]:
    """Maps whose making was asked for; no process is started."""
    asked: list[Projection] = []
    monkeypatch.setattr(ui.scatter.groupings, "PATIENCE_S", 60)  # clusters are there, however slow this computer is
    monkeypatch.setattr(ui.explore.follow, "start_map", lambda _, run, projection: asked.append(projection))
    monkeypatch.setattr(ui.explore.page, "keep_ready_soon", lambda *_: None)
    return asked


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Project:
    """Fifteen photos of three species, with the map of principal components."""
    project = make_project(tmp_path_factory.mktemp("explore"), 15)
    exploration = Exploration(project.latest_run())
    exploration.folder.mkdir(parents=True)
    np.save(exploration.folder / "prepared.npy", np.random.default_rng(5).normal(size=(15, 6)).astype(np.float32))
    make_pca(exploration)
    return project


@pytest.fixture
def project(made, monkeypatch) -> Project:
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def open_page(**address: str | list[str]) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["reviewer"] = "Cy"
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def errors(page: AppTest) -> str:
    return " ".join(str(item.value) for item in page.error).replace("\\", "")


def keys(page: AppTest) -> set[str]:
    return {str(button.key) for button in page.button}


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


def test_the_run_that_was_seen_on_review_is_the_one_to_explore(tmp_path, monkeypatch):
    project = make_project(tmp_path, 12)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(project.path))
    seen = project.latest_run().run_id
    add_run(project, tmp_path / "more", n=4, name="newer")
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state[Key.RUN_SEEN] = seen
    page.query_params["map"] = "pca"

    page.run()

    assert not page.exception
    assert page.selectbox(key="explore-run-1").value == seen


def test_a_link_to_a_run_alone_opens_the_map_that_its_crops_allow(project, started):
    page = open_page(run=project.latest_run().run_id)
    assert not page.error
    assert address(page)["map"] == "tsne-4"
    assert started == [Projection(perplexity=4)]


def test_embeddings_that_somebody_deleted_are_said_in_a_sentence(tmp_path, monkeypatch):
    project = make_project(tmp_path, 8)
    project.latest_run().tables("embeddings")[0].unlink()
    monkeypatch.setenv("ANOMALURE_PROJECT", str(project.path))
    page = open_page(run=project.latest_run().run_id)
    assert "cannot be read" in errors(page)
    press(page, "explore-compare")
    assert "Put its files back" in errors(page)


def test_a_map_that_is_not_there_is_made_aside_and_another_is_shown_meanwhile(project, started):
    page = open_page(map="tsne-3")
    assert started == [Projection(perplexity=3)]
    assert not page.error


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"map": "tsne-30"}, "choose 4 or less"),
        ({"map": "umap-20-0.1-0"}, "fewer than the 15 crops"),
        ({"map": "pca", "eps": "0"}, "distance above 0"),
        ({"map": "pca", "eps": "-1"}, "distance above 0"),
        ({"map": "pca", "min": "0"}, "at least 1 crop"),
        ({"map": "pca", "method": "hdbscan", "size": "1"}, "at least 2 crops"),
    ],
)
def test_a_bad_parameter_is_said_in_a_sentence(project, started, asked, said):
    assert said in errors(open_page(**asked))
    assert started == []


@pytest.mark.parametrize(("method", "size"), [("dbscan", {"min": "3"}), ("hdbscan", {"size": "4"})])
def test_many_crops_are_grouped_by_their_look_in_a_process_of_its_own(project, monkeypatch, method, size):
    exploration = Exploration(project.latest_run())
    asked: list[int] = []
    monkeypatch.setattr(ui.scatter.groupings, "MOST_CROPS_HERE", 10)
    monkeypatch.setattr(ui.explore.follow, "start_tree", lambda _, run, min_samples: asked.append(min_samples))
    page = open_page(map="pca", by="look", method=method, **size)
    (wanted,) = asked
    assert not page.error
    assert page.button(key=f"explore-stop-tree-embeddings-{wanted}")

    compute(exploration, min_samples=wanted)
    page = open_page(map="pca", by="look", method=method, **size)
    assert asked == [wanted]
    assert re.fullmatch(r"Noise \(\d+\)", page.button(key="explore-pick-noise").label)


def test_a_run_that_is_gone_is_named_and_the_latest_is_shown(project):
    page = open_page(run="winter", map="pca")
    assert "winter" in str(page.warning[0].value)
    assert page.selectbox(key="explore-run-1").value == project.latest_run().run_id


def said(page: AppTest) -> str:
    """Everything that stands on the page in words."""
    kinds = (page.markdown, page.caption, page.info, page.success)
    return " ".join(str(item.value) for kind in kinds for item in kind).replace("\\", "")


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


def cards(page: AppTest) -> list[str]:
    return [item.proto.body for item in page.get("html") if item.proto.body.startswith('<div class="crop-card')]


def test_noise_can_be_selected_and_the_address_says_so(project):
    page = open_page(map="pca", eps="0.001", min="2")
    press(page, "explore-pick-noise")
    assert "15 crops of noise" in said(page)
    assert address(page)["pick"] == "1:noise:"
    assert len(cards(page)) == 12


def test_one_species_is_shown_as_a_gallery_the_oddest_first(project):
    page = open_page(map="pca", pick="1:species:fox")
    assert "5 crops of fox" in said(page)
    assert "fox 5" in said(page)
    rows = project.review_queue(flagged_only=False, species="fox").rows
    assert f"mean score {rows['score'].mean():.2f}" in said(page)
    assert [crop_id in card for crop_id, card in zip(rows["crop_id"], cards(page), strict=True)] == [True] * 5


def test_an_outline_selects_what_lies_inside_it(project):
    points = Exploration(project.latest_run()).points(Projection(kind=ProjectionKind.PCA))
    x0, x1 = points[:, 0].min() - 1, float(sorted(points[:, 0])[4]) + 1e-4
    page = open_page(map="pca", pick=f"1:outline:{x0},-9;{x1},-9;{x1},9;{x0},9")
    assert "5 crops drawn around" in said(page)


def test_people_are_in_the_gallery_only_when_asked_for(project):
    person = project.review_queue(flagged_only=False, species="fox").rows.iloc[0]
    project.save_verdict(person, "normal", species="person")
    page = open_page(map="pca", pick="1:species:fox")
    assert "4 crops of fox" in said(page)
    assert not any(person["crop_id"] in card for card in cards(page))

    page.checkbox(Key.EXPLORE_WITH_PEOPLE).check().run()
    assert "5 crops of fox" in said(page)
    assert any(person["crop_id"] in card for card in cards(page))
    project.undo_verdict(person)


def test_a_flagged_person_that_was_rejected_is_no_anomaly_in_hours_and_days(project):
    page = open_page(map="pca")
    page.segmented_control(key="explore_below").set_value("Hours and days").run()
    assert "Anomalies: 5 crops flagged and not rejected" in said(page)

    flagged = project.review_queue().rows.iloc[0]
    project.save_verdict(flagged, "normal", species="person")
    page.run()
    assert "Anomalies: 4 crops flagged and not rejected" in said(page)
    project.undo_verdict(flagged)


def test_people_that_were_asked_for_are_in_the_csv_and_on_review(project, monkeypatch):
    gone: list[dict] = []
    monkeypatch.setattr("ui.explore.selection.st.switch_page", lambda page, query_params: gone.append(query_params))
    foxes = project.review_queue(flagged_only=False, species="fox").rows
    project.save_verdicts([row for _, row in foxes.head(3).iterrows()], "normal", species="person")
    page = open_page(map="pca", pick="1:species:fox")
    page.checkbox(Key.EXPLORE_WITH_PEOPLE).check().run()
    assert "5 crops of fox" in said(page)

    lines = read_selected_csv(project, project.latest_run(), foxes["crop_id"].tolist()).decode("utf-8").splitlines()
    assert len(lines) == 1 + 5
    press(page, "explore-review")
    assert page.session_state[Key.WITH_PEOPLE], "Review would leave them out of the five crops that it was asked for"
    for _, row in foxes.head(3).iterrows():
        project.undo_verdict(row)


def test_what_was_drawn_around_stays_selected_when_another_map_is_shown(project):
    points = Exploration(project.latest_run()).points(Projection(kind=ProjectionKind.PCA))
    order = np.sort(points[:, 0])
    boxes = [(order[0] - 1, order[2] + 1e-4), (order[12] - 1e-4, order[-1] + 1)]
    outlines = "/".join(f"{x0},-9;{x1},-9;{x1},9;{x0},9" for x0, x1 in boxes)
    page = open_page(map="pca", pick=f"1:outline:pca/{outlines}")
    assert "6 crops drawn around" in said(page)
    before = cards(page)

    page = open_page(map="tsne-3", pick=f"1:outline:pca/{outlines}")
    assert "6 crops drawn around" in said(page)
    assert cards(page) == before


def test_a_verdict_is_given_to_the_whole_selection_and_taken_back(project):
    species = project.review_queue(flagged_only=False, species="badger").rows
    project.save_verdict(species.iloc[0], "unsure", reviewer="Ada", note="blurred")
    page = open_page(map="pca", pick="1:species:badger")

    press(page, "explore-decide-normal")
    assert "4 crops decided: Normal" in said(page)
    held = project.verdicts().set_index("crop_id")["verdict"]
    assert held[species["crop_id"]].tolist() == ["unsure", "normal", "normal", "normal", "normal"]

    press(page, "explore-undo")
    assert project.verdicts()["verdict"].tolist() == ["unsure"]
    project.undo_verdict(species.iloc[0])


def test_a_reload_leaves_the_undo_of_a_decision(project):
    page = open_page(map="pca", pick="1:species:badger")
    press(page, "explore-decide-normal")
    assert len(project.verdicts()) == 5

    press(open_page(map="pca", pick="1:species:badger"), "explore-undo")

    assert project.verdicts().empty
    press(page, "explore-undo")  # the first tab still shows it: it is not taken back twice
    assert project.verdicts().empty
    assert "explore-undo" not in keys(page)


def test_an_undo_leaves_what_was_decided_since_then(project):
    rows = project.review_queue(flagged_only=False, species="badger").rows
    page = open_page(map="pca", pick="1:species:badger")
    press(page, "explore-decide-normal")
    project.save_verdict(rows.iloc[0], "anomaly", reviewer="Ada")
    project.save_verdict(rows.iloc[1], "normal", reviewer="Cy", note="looked twice")

    press(page, "explore-undo")

    held = project.verdicts().set_index("crop_id")
    assert held["verdict"].to_dict() == {rows["crop_id"][0]: "anomaly", rows["crop_id"][1]: "normal"}
    assert "2 crops got another decision since then, and kept it." in errors(page)
    project.undo_verdicts([row for _, row in rows.head(2).iterrows()])


def test_somebody_elses_decision_is_not_offered_for_undo(project):
    press(open_page(map="pca", pick="1:species:badger"), "explore-decide-normal")
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["reviewer"] = "Ada"
    page.run()
    assert "explore-undo" not in keys(page)
    press(open_page(), "explore-undo")


def test_a_selection_goes_to_the_review_as_a_queue(project, monkeypatch):
    gone: list[dict] = []
    monkeypatch.setattr("ui.explore.selection.st.switch_page", lambda page, query_params: gone.append(query_params))
    page = open_page(map="pca", pick="1:species:deer")
    press(page, "explore-review")

    kept = project.selection(gone[0]["selection"])
    assert kept.run_id == project.latest_run().run_id
    assert kept.crop_ids() == project.review_queue(flagged_only=False, species="deer").rows["crop_id"].tolist()
    assert kept.name == "5 crops of deer"


def test_a_selection_comes_down_as_csv(project):
    rows = project.review_queue(flagged_only=False, species="deer").rows
    lines = read_selected_csv(project, project.latest_run(), rows["crop_id"].tolist()[:2]).decode("utf-8").splitlines()
    assert len(lines) == 3
    assert rows["crop_id"][0] in lines[1]


@pytest.mark.parametrize(
    ("below", "words"),
    [
        ("Scores by species", "spread of one species"),
        ("Flags and noise", "Two independent signs"),
        ("Hours and days", "flagged and not rejected"),
    ],
)
def test_figures_stand_under_the_plot(project, below, words):
    page = open_page(map="pca")
    page.segmented_control(key="explore_below").set_value(below).run()
    assert not page.exception
    assert words in said(page)


def test_what_flag_and_noise_agree_on_can_be_looked_at(project):
    page = open_page(map="pca", eps="0.001", min="2")
    page.segmented_control(key="explore_below").set_value("Flags and noise").run()
    press(page, "explore-agree-flag+noise")
    assert "5 crops, flagged and noise" in said(page)


def test_a_view_is_kept_under_a_name_and_comes_back(project):
    page = open_page(map="pca", colour="score", off=["fox"], pick="1:noise:")
    view = page.session_state["explore_view"]
    save_view(project.store, "lonely ones", view.to_address())

    other = open_page(map="pca")
    (saved,) = list_views(project.store)
    other.session_state["explore_view"] = View.from_address(saved.address)
    other.run()

    assert address(other)["colour"] == "score"
    assert address(other)["off"] == "fox"


def test_two_plots_stand_side_by_side_with_the_selection_linked(project):
    page = open_page(map="pca", pick="1:species:deer")
    press(page, "explore-compare")
    assert page.session_state["explore_view"].is_comparing
    assert address(page)["run2"] == project.latest_run().run_id
    assert page.session_state["explore_view"].sides[0] != page.session_state["explore_view"].sides[1]
    press(page, "explore-single")
    assert not page.session_state["explore_view"].is_comparing


def test_a_comparison_begins_with_two_different_maps_and_all_of_both(project, started):
    page = open_page(view="-1,1,-1,1")
    assert page.session_state["explore_view"].sides[0].view is not None

    press(page, "explore-compare")

    one, other = page.session_state["explore_view"].sides
    assert one.projection != other.projection
    assert one.view is other.view is None, "both are drawn equally large"


def test_a_click_on_a_point_opens_the_photo_of_its_crop(project):
    page = open_page(map="pca")
    page.session_state["explore_opened"] = (0, 2)
    page.run()

    assert not page.exception
    crop_id = read_run_points(project.latest_run()).facts["crop_id"][2]
    assert any(crop_id in item.proto.body for item in page.get("html") if "facts" in item.proto.body)
    assert "explore_opened" not in page.session_state, "it opens once"


def test_colours_are_remembered_when_the_run_is_looked_at_again(project):
    page = open_page(map="pca")
    page.selectbox(key="explore-colour-1").set_value("camera").run()
    assert address(page)["colour"] == "camera"
    assert page.session_state["explore_by_run"][project.latest_run().run_id].colour == "camera"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("many", "number such as 30"),
        ("", "number such as 30"),
        ("99", "choose 4 or less"),
        ("0", "at least 1"),
        ("nan", "at least 1"),
        ("-5", "at least 1"),
    ],
)
def test_a_perplexity_that_cannot_be_is_said_in_a_sentence(text, words):
    with pytest.raises(AnomalureError, match=words):
        read_perplexity(text, n_crops=15)


def test_a_perplexity_may_be_any_number():
    assert read_perplexity(" 3,5 ", n_crops=15) == 3.5
