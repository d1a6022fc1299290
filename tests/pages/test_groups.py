"""What a person notices on the Groups page."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.groups.tree import find_tree
from core.runs.folder import Phase, Progress
from core.study.project import Project
from tests.fakes.groups import add_groups
from tests.fakes.project import make_project
from ui.groups.learning import Learnable, read_learnable, say_learnable

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "groups.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Sixty crops in one run, without groups."""
    made = make_project(tmp_path, 60)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def empty_project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "empty")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def started(monkeypatch) -> list:
    """The requests of work that the page starts; nothing is done."""
    requests: list = []
    monkeypatch.setattr("ui.work.start.start", lambda project, request, **_: requests.append(request))
    return requests


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    return page


def board(page: AppTest) -> dict:
    """What the cards are told: empty when there are none on the page."""
    found = page.get("bidi_component")
    return json.loads(found[0].proto.json)["state"] if found else {}


def crop_ids(project: Project) -> list[str]:
    return project.review_queue(limit=100, flagged_only=False).rows["crop_id"].tolist()


def texts(page: AppTest) -> str:
    kinds = (page.info, page.success, page.warning, page.error, page.caption, page.markdown)
    return " ".join(str(item.value) for kind in kinds for item in kind)


def test_without_a_run_the_page_leads_to_one(empty_project):
    page = open_page()

    assert "There is no run yet" in texts(page)
    assert page.button(key="to-run")


def test_a_run_that_is_not_finished_is_waited_for(project, started):
    run = project.latest_run()
    for path in run.tables("scores"):
        path.unlink()
    run.write_progress(Progress(phase=Phase.CANCELLED, done=3, total=60))

    page = open_page()

    assert "ended before its crops were scored" in texts(page)
    assert started == []
    assert not board(page)


def test_groups_that_are_not_there_yet_are_made_by_themselves(project, started):
    page = open_page()

    assert [(one.kind, one.run) for one in started] == [("groups", project.latest_run().run_id)]
    assert "being grouped" in texts(page)
    assert not board(page)


def test_a_damaged_tree_is_made_again(project, started):
    place = find_tree(project.latest_run())
    place.parent.mkdir()
    place.write_bytes(b"this is no tree")

    open_page()

    assert len(started) == 1


def test_the_groups_are_shown_small_ones_first(project, started):
    tree = add_groups(project.latest_run())

    page = open_page()

    state = board(page)
    sizes = [group["n"] for group in state["groups"]]
    assert sizes == sorted(sizes)
    assert sum(sizes) == 60
    assert state["k"] == state["suggested"] == tree.suggested
    assert started == []


def test_one_group_only_is_shown(tmp_path, monkeypatch, started):
    project = make_project(tmp_path, 1)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(project.path))
    add_groups(project.latest_run())

    state = board(open_page())

    assert (len(state["groups"]), state["most"], state["groups"][0]["n"]) == (1, 1, 1)


def test_too_little_is_named_to_learn_and_the_page_says_why(project, started):
    add_groups(project.latest_run())

    page = open_page()
    assert page.button(key="learn-these").disabled
    assert "Name some usual groups first" in texts(page)

    project.save_verdicts(
        project.review_queue(limit=3, flagged_only=False).rows["crop_id"].tolist(), "normal", species="fox"
    )
    page = open_page()
    assert page.button(key="learn-these").disabled
    assert "a species needs 10 crops of 3 events" in texts(page)


def test_normal_crops_without_a_species_are_learned_as_what_the_run_takes_them_for(project):
    add_groups(project.latest_run())
    queue = project.review_queue(flagged_only=False, limit=40).rows
    project.save_verdicts(queue["crop_id"].tolist(), "normal")

    learnable = read_learnable(project.review_index(project.latest_run()))

    boxes = queue[queue["kind"] != "frame"]
    assert learnable.named == boxes["species"].replace("", "animal").value_counts().to_dict()
    nameless = Learnable({"animal": (20, 5)}, {}, {"animal": 25}, n_undecided=0, is_begun=True)
    assert say_learnable(nameless) == "Enough to learn: animal, without a species (25 crops)."


def test_what_is_named_becomes_a_bundle_by_one_button(project, started):
    add_groups(project.latest_run())
    crops = crop_ids(project)
    project.save_verdicts(crops[:40], "normal", species="fox")
    project.save_verdicts(crops[40:44], "normal", species="nothing")

    page = open_page()
    assert "Enough to learn: fox (40 crops)." in texts(page).replace("\\", ""), "all of them, also those held out"
    assert "nothing (" not in texts(page).replace("\\", "")
    page.button(key="learn-these").click().run()

    (request,) = started
    assert (request.kind, request.made_from, request.activate) == ("retrain", "", True)


def test_what_no_group_holds_is_reviewed_next(project, started):
    add_groups(project.latest_run())
    crops = crop_ids(project)
    project.save_verdicts(crops[:40], "normal", species="fox")

    page = open_page()

    assert page.button(key="review-rest").label == "Review the other 20 crops"
    project.save_verdicts(crops[40:], "unsure")
    assert open_page().button(key="review-rest").label == "No crop is left to review"
