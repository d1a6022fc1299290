"""What a reviewer notices on the Review page."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.records import Decision, JudgedBy
from core.review.rankings import RankingInfo, write_ranking
from core.review.stopping import LEAST_DECIDED, Remaining
from core.runs.folder import Phase, Progress
from core.study.project import Project
from tests.fakes.project import add_run, make_project
from ui.board.rows import is_best_fit
from ui.server.reviewer_pass import read_pass
from ui.shared.state import rate_key
from ui.shared.words import say_score

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "review.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """Twelve photos of three species at two cameras; the first six are flagged."""
    made = make_project(tmp_path, 12, n_flagged=6)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def empty_project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "empty")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def open_page(reviewer: str = "") -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["reviewer"] = reviewer
    page.run()
    assert not page.exception
    return page


def crop_ids(project: Project, **filters) -> list[str]:
    """The crops of the newest run, most anomalous first."""
    return project.review_queue(limit=1000, **filters).rows["crop_id"].tolist()


def board(page: AppTest) -> dict:
    """What the board is told: empty when there is none on the page."""
    found = page.get("bidi_component")
    return json.loads(found[0].proto.json) if found else {}


def shown(page: AppTest) -> list[str]:
    """The crops that the board is given first, in their order."""
    return [row["crop"] for row in board(page).get("rows", [])]


def decided(page: AppTest) -> tuple[int, int]:
    """How many are decided, of how many."""
    return board(page)["decided"], board(page)["selected"]


def texts(page: AppTest) -> str:
    """Everything that is said in messages and captions."""
    return " ".join(
        str(item.value) for kind in (page.info, page.success, page.warning, page.error, page.caption) for item in kind
    )


def bar_text(page: AppTest) -> str:
    return page.get("progress")[0].proto.text


def test_the_most_anomalous_crop_stands_first(project):
    page = open_page()

    assert shown(page) == crop_ids(project)
    assert len(shown(page)) == 6
    assert decided(page) == (0, 6)


def test_a_decided_crop_has_left_those_to_decide(project):
    first = crop_ids(project)[0]
    project.save_verdict(first, Decision.ANOMALY)

    page = open_page()

    assert first not in shown(page)
    assert decided(page) == (1, 6)
    page.segmented_control(key="show").set_value("All").run()
    assert shown(page)[0] == first
    assert board(page)["rows"][0]["verdict"] == "anomaly"


def test_what_is_decided_while_the_page_is_open_keeps_its_place(project):
    page = open_page()
    before = shown(page)
    project.save_verdict(before[2], Decision.ANOMALY)

    page.run()

    assert shown(page) == before
    page.selectbox(key="order").set_value("file").run()
    assert before[2] not in shown(page), "another order is a new list"


def test_the_board_goes_on_as_it_is_until_the_list_differs(project):
    page = open_page()
    token = board(page)["token"]

    assert board(page.run())["token"] == token
    page.selectbox(key="species").set_value("fox").run()
    assert board(page)["token"] != token


def test_the_reviewers_name_is_in_the_pass_that_goes_with_each_decision(project):
    given = board(open_page("Ada"))

    assert given["reviewer"] == "Ada"
    assert read_pass(project, given["pass"]) == "Ada"


def test_the_last_decisions_and_those_of_today_are_told(project):
    first, second, third, *_ = crop_ids(project)
    project.save_verdict(first, Decision.NORMAL, reviewer="Ada")
    project.save_verdict(first, Decision.ANOMALY, reviewer="Ada", species="stoat")
    project.save_verdict(second, Decision.UNSURE, reviewer="Ada")
    project.save_verdict(third, Decision.UNSURE, reviewer="Ben")
    project.undo_verdict(second, reviewer="Ada")

    given = board(open_page("Ada"))

    (last,) = given["last"]
    assert (last["crop"], last["verdict"], last["species"], last["before"]["verdict"]) == (
        first,
        "anomaly",
        "stoat",
        "normal",
    )
    assert given["today"]["n"] == 2
    assert "stoat" in given["species"], "a name that a reviewer gave is offered to the next"


@pytest.mark.parametrize(("key", "value", "column"), [("species", "fox", "species"), ("camera", "south", "camera")])
def test_a_filter_leaves_only_what_fits(project, key, value, column):
    page = open_page()

    page.selectbox(key=key).set_value(value).run()

    assert shown(page) == crop_ids(project, **{column: value})
    assert 0 < len(shown(page)) < 6


def test_every_crop_can_be_looked_at_and_flagged_ones_are_marked(project):
    page = open_page()

    page.segmented_control(key="flagged_only").set_value("Every crop").run()

    assert len(shown(page)) == 12
    assert sum(row["flagged"] for row in board(page)["rows"]) == 6
    assert not board(page)["flaggedOnly"]


def test_a_smaller_false_alarm_rate_flags_fewer(project):
    page = open_page()

    page.select_slider(key=rate_key(project.latest_run().run_id)).set_value(0.005).run()

    assert shown(page) == []
    assert "Nothing is flagged" in texts(page)


@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        (lambda page: page.slider(key="score_range").set_range(4.0, 9.0), [3, 4, 5, 6, 7, 8]),
        (lambda page: page.number_input(key="p_value_to").set_value(0.01), [0, 1, 2, 3, 4, 5]),
        (lambda page: page.number_input(key="p_value_from").set_value(0.02), [6, 7, 8, 9, 10, 11]),
        (lambda page: page.selectbox(key="decided_as").set_value("normal"), [7]),
        (lambda page: page.selectbox(key="decided_by").set_value("Ada"), [7, 9]),
    ],
)
def test_the_list_can_be_narrowed(project, change, numbers):
    ids = crop_ids(project, flagged_only=False)
    project.save_verdict(ids[7], Decision.NORMAL, reviewer="Ada")
    project.save_verdict(ids[9], Decision.ANOMALY, reviewer="Ada")
    page = open_page()
    page.segmented_control(key="flagged_only").set_value("Every crop").run()
    page.segmented_control(key="show").set_value("All").run()

    change(page).run()

    assert not page.exception
    assert shown(page) == [ids[n] for n in numbers]


def test_a_selection_is_a_list_to_review_in_its_own_order(project):
    ids = crop_ids(project, flagged_only=False)
    chosen = [ids[9], ids[1], ids[4]]
    selection = project.save_selection("odd ones", project.latest_run().run_id, chosen, source="by hand")
    page = open_page()

    page.selectbox(key="selection").set_value(selection.selection_id).run()

    assert shown(page) == chosen, "also those that are not flagged"
    assert board(page)["query"]["selection"] == selection.selection_id
    assert "Only the crops that were selected on Explore: **odd ones**." in texts(page)
    page.button(key="leave-selection").click().run()
    assert shown(page) == crop_ids(project), "the flagged ones again"


def test_an_address_with_a_selection_opens_its_run(project, tmp_path):
    run = project.latest_run()
    ids = crop_ids(project)
    selection = project.save_selection("two", run.run_id, ids[:2], source="by hand")
    add_run(project, tmp_path / "more", n=4, name="second", n_flagged=1)
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.query_params["selection"] = selection.selection_id

    page.run()

    assert not page.exception
    assert page.selectbox(key="run").value == run.run_id
    assert shown(page) == ids[:2]


def test_a_selection_stays_in_the_address_so_that_a_reload_shows_it_again(project):
    ids = crop_ids(project)
    run_id = project.latest_run().run_id
    selection = project.save_selection("two", run_id, ids[:2], source="by hand")
    first = open_page()
    first.selectbox(key="selection").set_value(selection.selection_id).run()
    assert selection.selection_id in first.query_params["selection"]

    again = AppTest.from_file(PAGE, default_timeout=30)
    again.query_params["run"], again.query_params["selection"] = run_id, selection.selection_id
    again.run()

    assert shown(again) == ids[:2]
    again.selectbox(key="selection").set_value(None).run()
    assert "selection" not in again.query_params


def test_the_crops_of_another_run_can_be_chosen(project, tmp_path):
    add_run(project, tmp_path / "more", n=4, name="second", n_flagged=1)
    page = open_page()
    assert len(shown(page)) == 1, "the newest run comes first"

    page.selectbox(key="species").set_value("deer").run()

    page.selectbox(key="run").set_value(project.runs()[1].run_id).run()

    assert len(shown(page)) == 6, "of every species again"


def test_an_empty_project_says_what_to_do(empty_project):
    page = open_page()

    assert "There is no run yet" in texts(page)
    assert page.button(key="to-run").label == "Choose a folder"


def test_a_run_whose_folder_was_taken_away_is_named_and_not_called_none_yet(project):
    crop = crop_ids(project)[0]
    run = project.latest_run()
    project.save_verdict(crop, Decision.NORMAL, reviewer="Ada")
    run.path.rename(project.path / "elsewhere")

    said = texts(open_page()).replace("\\", "")

    assert f"This project had 1 run: {run.run_id}. Its folder is no longer in" in said
    assert "decisions are kept" in said
    assert "yet" not in said


def test_a_project_that_cannot_be_opened_is_a_plain_sentence(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(file))

    assert "A project is a folder" in texts(open_page())


def test_a_run_under_way_says_how_far_it_is(empty_project, tmp_path):
    run = empty_project.new_run_folder("now", folder=tmp_path, file_names=["a.jpg", "b.jpg"])
    run.write_progress(Progress(phase=Phase.PHOTOS, done=1, total=2, photos_per_s=4.0, seconds_left=65))

    page = open_page()

    assert "under way" in texts(page)
    assert "1 of 2 photos · 4.0 photos/s · 1 min 5 s left" in bar_text(page)


def test_a_run_that_was_cut_short_says_to_resume_it(empty_project, tmp_path):
    empty_project.new_run_folder("then", folder=tmp_path, file_names=["a.jpg"])

    assert "Resume it on the Run page" in texts(open_page())


def test_when_all_is_decided_the_page_says_so(project):
    project.save_verdicts(crop_ids(project), Decision.NORMAL)

    page = open_page()

    assert shown(page) == []
    assert "All 6 flagged crops decided" in texts(page)


def lines(page: AppTest) -> str:
    """What is said in lines over the board."""
    return " ".join(str(item.value) for item in page.markdown)


def test_when_every_flagged_crop_is_decided_one_press_leads_on_to_the_others(project):
    flagged = crop_ids(project)
    project.save_verdicts(flagged, Decision.ANOMALY)
    page = open_page()
    assert "Every flagged crop is decided. 6 other crops are not." in lines(page)

    page.button(key="look-on").click().run()

    assert not page.exception
    assert shown(page) == [crop for crop in crop_ids(project, flagged_only=False) if crop not in flagged]
    assert page.selectbox(key="order").value == "likely"
    assert "Every flagged crop" not in lines(page)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "Every flagged crop is decided. 6 other crops are not."),
        ({"flagged_only": "Every crop"}, "Every crop is decided."),
    ],
)
def test_after_the_last_decision_the_page_leads_on_to_export_and_retrain(project, change, said):
    project.save_verdicts(crop_ids(project, flagged_only=not change), Decision.NORMAL)
    page = AppTest.from_file(PAGE, default_timeout=30)
    for key, value in change.items():
        page.session_state[key] = value
    page.run()

    assert said in lines(page)
    assert {"end-export", "end-retrain"} <= {button.key for button in page.button}


def test_a_crop_whose_species_was_corrected_is_found_under_its_name_and_no_longer_under_the_other(project):
    first, *_ = crop_ids(project)
    project.save_verdict(first, Decision.NORMAL, species="marten")
    page = open_page()
    page.segmented_control(key="show").set_value("All").run()

    page.selectbox(key="species").set_value("marten").run()
    assert shown(page) == [first]

    page.selectbox(key="species").set_value("deer").run()
    assert first not in shown(page)


def test_a_species_that_is_corrected_while_the_page_is_open_keeps_its_place(project):
    page = open_page()
    page.selectbox(key="species").set_value("deer").run()
    before = shown(page)

    project.save_verdict(before[0], Decision.NORMAL, species="marten")
    page.run()

    assert shown(page) == before


def test_whole_frames_can_be_chosen_as_a_species(project):
    page = open_page()
    page.segmented_control(key="flagged_only").set_value("Every crop").run()

    page.selectbox(key="species").set_value("whole frames").run()

    assert {row["kind"] for row in board(page)["rows"]} == {"frame"}
    assert board(page)["query"]["kind"] == "frame"


def test_who_comes_to_review_a_selection_sees_its_crops_though_all_are_decided(project):
    run = project.latest_run().run_id
    chosen = crop_ids(project)[:2]
    kept = project.save_selection("two", run, chosen, source="a lasso")
    project.save_verdicts(chosen, Decision.NORMAL)
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["only_apart"] = (run, "people")
    page.query_params["selection"] = kept.selection_id
    page.run()

    assert not page.exception
    assert shown(page) == chosen


def test_filters_are_in_the_address_so_that_a_reload_keeps_them(project):
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.query_params["species"] = "deer"
    page.query_params["flagged_only"] = "Every crop"
    page.query_params["show"] = "Decided too"
    page.query_params["order"] = "Oldest first"
    page.query_params["score_range"] = ["3.0", "12.0"]
    page.run()

    assert not page.exception
    assert page.selectbox(key="species").value == "deer"
    assert page.segmented_control(key="flagged_only").value == "Every crop"
    assert page.segmented_control(key="show").value == "All"
    assert page.selectbox(key="order").value == "time"
    assert page.slider(key="score_range").value == (3.0, 12.0)


def test_nobody_is_led_on_while_flagged_crops_are_left_or_filters_hide_some(project):
    *most, last = crop_ids(project)
    project.save_verdicts(most, Decision.NORMAL)
    page = open_page()
    assert "Every flagged crop" not in lines(page)

    project.save_verdict(last, Decision.NORMAL)
    page.selectbox(key="species").set_value("deer").run()

    assert "Every flagged crop" not in lines(page)


def test_nobody_is_led_on_when_the_estimate_says_to_stop(project):
    project.save_verdicts(crop_ids(project), Decision.NORMAL)
    said = Remaining(found=0, decided=LEAST_DECIDED, undecided=6, expected=0.1, at_most=0)
    run = project.latest_run()
    write_ranking(
        run,
        RankingInfo(run.run_id, 30, 0, 30, said),
        crop_ids=[],
        likelihoods=np.empty(0),
        likely_places=np.empty(0),
        learn_places=np.empty(0),
    )

    page = open_page()

    assert "You can stop here" in lines(page)
    assert "Every flagged crop" not in lines(page)


def open_download(page: AppTest) -> AppTest:
    page.session_state["csv_open"] = True
    return page.run()


def test_the_download_says_how_many_rows_before(project):
    first, second, *_ = crop_ids(project)
    project.save_verdict(first, Decision.ANOMALY)
    project.save_verdict(second, Decision.NORMAL)
    page = open_download(open_page())

    assert page.download_button[0].label == "Download 1 row"
    page.segmented_control(key="csv_scope").set_value("All crops").run()
    assert page.download_button[0].label == "Download 12 rows"


def test_the_file_holds_the_reviewed_anomalies(project, tmp_path):
    from ui.shared.csv_download import read_csv

    first, second, *_ = crop_ids(project)
    project.save_verdict(first, Decision.ANOMALY, reviewer="Ada", note='a, "b"\nc')
    project.save_verdict(second, Decision.NORMAL)
    file = tmp_path / "out.csv"
    file.write_bytes(read_csv(project, project.latest_run(), anomalies_only=True))

    table = pd.read_csv(file)

    assert table["crop_id"].tolist() == [first]
    assert table["note"].tolist() == ['a, "b"\nc']
    assert len(read_csv(project, project.latest_run(), anomalies_only=False).splitlines()) > 12


def test_the_best_fitting_species_is_not_said_to_be_the_animals_own(project):
    run = project.latest_run()
    row = {**project.review_queue().rows.iloc[0], "judged_by": str(JudgedBy.SPECIES_MODEL)}

    assert is_best_fit(run, row)
    assert not is_best_fit(run, {**row, "verdict_species": "raccoon"}), "a reviewer knows"
    assert not is_best_fit(run, {**row, "judged_by": str(JudgedBy.FIRST_LOOK)}), "nothing was fitted"


@pytest.mark.parametrize(
    ("judged_by", "against", "p_value", "said"),
    [
        (JudgedBy.SPECIES_MODEL, "deer", 0.004, "Only about 1 in 250 normal deer looks this unusual (p = 0.004)."),
        (
            JudgedBy.SPECIES_MODEL,
            "deer",
            0.00001,
            "Only about 1 in 100,000 normal deer looks this unusual (p < 0.001).",
        ),
        (JudgedBy.SPECIES_MODEL, "fox", 0.02, "Only about 1 in 50 normal foxes looks this unusual (p = 0.02)."),
        (
            JudgedBy.SPECIES_MODEL,
            "Vulpes vulpes",
            0.02,
            "Only about 1 in 50 normal crops of Vulpes vulpes looks this unusual (p = 0.02).",
        ),
        (
            JudgedBy.SPECIES_MODEL,
            "deer",
            0.68,
            "Not unusual: about 7 in 10 normal deer look at least as unusual (p = 0.68).",
        ),
        (JudgedBy.SPECIES_MODEL, "deer", 1.0, "Not unusual (p = 1)."),
        (
            JudgedBy.UNSEEN_SPECIES,
            "no model of lynx",
            0.0,
            "The bundle has no model of lynx, so each one is flagged (an unseen species).",
        ),
        (
            JudgedBy.CAMERA_MODEL,
            "whole frames of north",
            0.02,
            "Only about 1 in 50 normal whole frames of north looks this unusual (p = 0.02).",
        ),
        (
            JudgedBy.OWN_FRAMES,
            "whole frames of north",
            0.02,
            "Only about 1 in 50 whole frames of north in this run looks this unusual (p = 0.02).",
        ),
        (
            JudgedBy.FIRST_LOOK,
            "crops of north: 3 crops, too few to judge",
            1.0,
            "Crops of north: 3 crops, too few to score.",
        ),
        (JudgedBy.SPECIES_MODEL, "deer", float("nan"), "Not scored yet."),
        ("something new", "others", 0.02, "Only about 1 in 50 others looks this unusual (p = 0.02)."),
    ],
)
def test_a_score_is_said_in_plain_words(judged_by, against, p_value, said):
    assert say_score(p_value=p_value, judged_by=judged_by, judged_against=against) == said


@pytest.fixture
def apart(project) -> Project:
    """The third and fourth crop are probably nothing."""
    run = project.runs()[0]
    scores = run.read_table("scores").sort_values("score", ascending=False, ignore_index=True)
    scores.loc[[2, 3], ["species", "judged_by", "flagged"]] = ["nothing", str(JudgedBy.BACKGROUND_MODEL), False]
    scores.loc[[2, 3], "p_value"] = 1.0
    parts = [crops[["crop_id"]].merge(scores, on="crop_id") for crops, _ in run.embedded_shards()]
    run.write_all_scores(iter(parts))
    for kept in run.path.glob("catalogue-*"):
        kept.unlink()
    return project


def test_what_is_probably_nothing_is_counted_under_the_gallery_and_one_click_shows_it(apart):
    page = open_page()
    assert any("2 crops are probably nothing" in one.value for one in page.caption)
    before = shown(page)

    page.button(key="show-nothing").click().run()

    assert not page.exception
    assert len(shown(page)) == 2
    assert {row["species"] for row in board(page)["rows"]} == {"nothing"}
    page.button(key="leave-apart").click().run()
    assert shown(page) == [crop for crop in before if crop in shown(page)]


def test_where_nothing_is_kept_apart_nothing_is_said(project):
    page = open_page()

    assert not any("probably nothing" in one.value for one in page.caption)
    assert not [button for button in page.button if button.key in ("show-nothing", "show-people", "leave-apart")]
