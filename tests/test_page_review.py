"""What a reviewer notices on the Review page."""

import re
from pathlib import Path

import pandas as pd
import pytest
from fake_project import add_run, make_project
from streamlit.testing.v1 import AppTest

from core.errors import StoreBusy
from core.project import Project
from core.records import Box, Decision, JudgedBy
from core.runs import Phase, Progress
from ui.cards import build_card, build_facts, build_photo
from ui.review_board import is_best_fit
from ui.state import rate_key
from ui.words import say_score

PAGE = str(Path(__file__).resolve().parent.parent / "pages" / "review.py")
HOSTILE = '"><img src=x onerror=alert(1)><b>'


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


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    return page


def crop_ids(project: Project, **filters) -> list[str]:
    """The crops of the newest run, most anomalous first."""
    return project.review_queue(limit=1000, **filters).rows["crop_id"].tolist()


def shown(page: AppTest) -> list[str]:
    """The crops whose cards are on the page, in their order."""
    return [button.key.removeprefix("photo-") for button in page.button if (button.key or "").startswith("photo-")]


def cards(page: AppTest) -> list[str]:
    """The markup of the cards, in their order."""
    return [item.proto.body for item in page.get("html") if item.proto.body.startswith('<div class="crop-card')]


def texts(page: AppTest) -> str:
    """Everything that is said in messages and captions."""
    return " ".join(str(item.value) for kind in (page.info, page.success, page.warning, page.error, page.caption)
                    for item in kind)  # fmt: skip


def tally(page: AppTest) -> str:
    return page.get("progress")[0].proto.text


def has_button(page: AppTest, key: str) -> bool:
    return any(button.key == key for button in page.button)


def test_the_most_anomalous_crop_stands_first(project):
    page = open_page()

    assert shown(page) == crop_ids(project)
    assert len(shown(page)) == 6
    assert tally(page) == "**0 of 6 flagged decided** · 6 to go"


@pytest.mark.parametrize(("action", "verdict"), [("accept", "anomaly"), ("reject", "normal"), ("unsure", "unsure")])
def test_a_decision_is_stored_and_the_next_card_is_up(project, action, verdict):
    first, second, *_ = crop_ids(project)
    page = open_page()

    page.button(key=f"{action}-{first}").click().run()

    assert not page.exception
    stored = project.verdicts()[["crop_id", "verdict"]].to_dict("records")
    assert stored == [{"crop_id": first, "verdict": verdict}]
    assert tally(page).startswith("**1 of 6 flagged decided**")
    assert page.button(key=f"accept-{second}").proto.shortcut.lower() == "a"


def test_a_decided_card_stays_in_its_place_and_shows_the_decision(project):
    before = crop_ids(project)
    page = open_page()

    page.button(key=f"accept-{before[2]}").click().run()

    assert shown(page) == before
    assert not has_button(page, f"accept-{before[2]}")
    assert has_button(page, f"undo-{before[2]}")
    assert ['<span class="decided anomaly">Anomaly' in card for card in cards(page)[:4]] == [False, False, True, False]


def test_undo_takes_the_decision_back(project):
    first = crop_ids(project)[0]
    page = open_page()
    page.button(key=f"reject-{first}").click().run()

    page.button(key=f"undo-{first}").click().run()

    assert project.verdicts().empty
    assert has_button(page, f"accept-{first}")
    assert len(project.store.verdicts()) == 2, "both rows are kept"


def test_a_crop_can_be_decided_again_after_undo(project):
    first = crop_ids(project)[0]
    page = open_page()
    for key in (f"reject-{first}", f"undo-{first}", f"accept-{first}"):
        page.button(key=key).click().run()

    assert project.verdicts()["verdict"].tolist() == ["anomaly"]


def test_a_second_key_in_haste_does_not_change_the_first_decision(project, monkeypatch):
    first = crop_ids(project)[0]
    page = open_page()
    page.button(key=f"accept-{first}").click()
    page.button(key=f"reject-{first}").click().run()

    assert project.store.verdicts()["verdict"].tolist() == ["anomaly"]


def test_a_verdict_is_there_after_a_reload_and_its_card_has_left(project):
    first = crop_ids(project)[0]
    open_page().button(key=f"accept-{first}").click().run()

    page = open_page()

    assert first not in shown(page)
    assert tally(page).startswith("**1 of 6 flagged decided**")
    page.segmented_control(key="show").set_value("All").run()
    assert shown(page)[0] == first


def test_put_away_moves_the_next_cards_up(project):
    first = crop_ids(project)[0]
    page = open_page()
    page.button(key=f"accept-{first}").click().run()

    page.button(key="tidy").click().run()

    assert shown(page) == crop_ids(project, undecided_only=True)
    assert first not in shown(page)


def test_the_reviewers_name_goes_with_the_verdict(project):
    project.store.set_setting("reviewer", "Ada")
    first = crop_ids(project)[0]
    page = open_page()

    page.button(key=f"unsure-{first}").click().run()

    assert project.verdicts()["reviewer"].tolist() == ["Ada"]


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
    assert sum('class="flag"' in card for card in cards(page)) == 6


def test_a_smaller_false_alarm_rate_flags_fewer(project):
    page = open_page()

    page.select_slider(key=rate_key(project.latest_run().run_id)).set_value(0.005).run()

    assert shown(page) == []
    assert "Nothing is flagged" in texts(page)


def test_a_page_costs_what_its_cards_cost_however_long_the_run(tmp_path, monkeypatch):
    made = make_project(tmp_path, 40, n_flagged=30, shard_photos=20)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    page = open_page()
    page.selectbox(key="page_size").set_value(12).run()
    first = shown(page)

    page.pagination(key="page").set_value(2).run()

    assert len(first) == len(shown(page)) == 12
    assert first + shown(page) == crop_ids(made)[:24]
    assert "13 to 24 of 30" in texts(page)


def test_changing_a_filter_goes_back_to_the_first_page(tmp_path, monkeypatch):
    made = make_project(tmp_path, 40, n_flagged=30, shard_photos=20)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    page = open_page()
    page.selectbox(key="page_size").set_value(12).run()
    page.pagination(key="page").set_value(2).run()

    page.selectbox(key="camera").set_value("south").run()

    assert shown(page) == crop_ids(made, camera="south")[:12], "there is a second page, but it is not shown"


def test_the_cards_of_another_run_can_be_chosen(project, tmp_path):
    add_run(project, tmp_path / "more", n=4, name="second", n_flagged=1)
    page = open_page()
    assert len(shown(page)) == 1, "the newest run comes first"

    page.selectbox(key="species").set_value("deer").run()

    page.selectbox(key="run").set_value(project.runs()[1].run_id).run()

    assert len(shown(page)) == 6, "of every species again"


def test_the_photo_opens_with_its_box_and_facts(project):
    row = project.review_queue().rows.iloc[0]
    page = open_page()

    page.button(key=f"photo-{row.crop_id}").click().run()

    markup = " ".join(item.proto.body for item in page.get("html"))
    assert f"/photos/{row.run}/{row.photo_id}?width=" in markup
    assert "left:31.250%;top:31.250%;width:41.667%;height:46.875%" in markup
    assert row.file_name in markup
    assert has_button(page, f"shown-accept-{row.crop_id}")


def test_a_photo_that_is_gone_is_said_to_be_gone(project, tmp_path):
    row = project.review_queue().rows.iloc[0]
    (tmp_path / "photos" / row.file_name).unlink()
    page = open_page()

    page.button(key=f"photo-{row.crop_id}").click().run()

    assert "no longer where the run found it" in texts(page)


def test_a_decision_that_could_not_be_kept_is_said(project, monkeypatch):
    first = crop_ids(project)[0]
    page = open_page()

    def refuse(self, verdicts):
        raise StoreBusy("Another program has the database open.")

    monkeypatch.setattr("core.store.Store.append_verdicts", refuse)
    page.button(key=f"accept-{first}").click().run()

    assert "was not kept" in texts(page)
    assert has_button(page, f"accept-{first}"), "it can be tried again"


def test_an_empty_project_says_what_to_do(empty_project):
    page = open_page()

    assert "Nothing to review yet" in texts(page)
    assert page.button(key="to-run").label == "Choose a folder"


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
    assert "1 of 2 photos · 4.0 photos/s · 1 min 5 s left" in tally(page)


def test_a_run_that_was_cut_short_says_to_resume_it(empty_project, tmp_path):
    empty_project.new_run_folder("then", folder=tmp_path, file_names=["a.jpg"])

    assert "Resume it on the Run page" in texts(open_page())


def test_when_all_is_decided_the_page_says_so(project):
    project.save_verdicts(crop_ids(project), Decision.NORMAL)

    page = open_page()

    assert shown(page) == []
    assert "All 6 crops decided" in texts(page)


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
    from ui.csv_download import read_csv

    first, second, *_ = crop_ids(project)
    project.save_verdict(first, Decision.ANOMALY, reviewer="Ada", note='a, "b"\nc')
    project.save_verdict(second, Decision.NORMAL)
    file = tmp_path / "out.csv"
    file.write_bytes(read_csv(project, project.latest_run(), anomalies_only=True))

    table = pd.read_csv(file)

    assert table["crop_id"].tolist() == [first]
    assert table["note"].tolist() == ['a, "b"\nc']
    assert len(read_csv(project, project.latest_run(), anomalies_only=False).splitlines()) > 12


def test_text_of_foreign_files_never_becomes_markup():
    card = build_card(picture=HOSTILE, rank=1, species=HOSTILE, flagged=True, why=HOSTILE, camera=HOSTILE,
                      captured_at=None, decision=Decision.ANOMALY, reviewer=HOSTILE)  # fmt: skip
    photo = build_photo(picture=HOSTILE, width_px=10, height_px=10, box=Box(1, 1, 2, 2))
    facts = build_facts({HOSTILE: HOSTILE})

    for markup in (card, photo, facts):
        assert "<img src=x" not in markup
        assert "<b>" not in markup
        assert not re.search(r'"[^"<>=]*">\s*<img src=x', markup)


def test_the_best_fitting_species_is_not_said_to_be_the_animals_own(project):
    run = project.latest_run()
    row = {**project.review_queue().rows.iloc[0], "judged_by": str(JudgedBy.SPECIES_MODEL)}

    assert is_best_fit(run, row)
    assert not is_best_fit(run, {**row, "verdict_species": "raccoon"}), "a reviewer knows"
    assert not is_best_fit(run, {**row, "judged_by": str(JudgedBy.FIRST_LOOK)}), "nothing was fitted"
    card = {"picture": "", "rank": 1, "flagged": True, "why": "", "camera": "", "captured_at": None, "decision": None}
    assert "most like</span> deer" in build_card(species="deer", is_guess=True, **card)
    assert "most like" not in build_card(species="deer", **card)


@pytest.mark.parametrize(
    ("judged_by", "against", "p_value", "said"),
    [
        (JudgedBy.SPECIES_MODEL, "deer", 0.004, "p = 0.004: about 1 in 250 normal crops of deer looks this odd."),
        (JudgedBy.SPECIES_MODEL, "deer", 0.00001, "p < 0.001: about 1 in 100,000 normal crops of deer looks this odd."),
        (JudgedBy.SPECIES_MODEL, "deer", 0.68, "p = 0.68: about 7 in 10 normal crops of deer look this odd."),
        (JudgedBy.SPECIES_MODEL, "deer", 1.0, "p = 1: about 10 in 10 normal crops of deer look this odd."),
        (JudgedBy.UNSEEN_SPECIES, "no model of lynx", 0.0, "The bundle has no model of lynx: an unseen species."),
        (JudgedBy.CAMERA_MODEL, "whole frames of north", 0.02,
         "p = 0.02: about 1 in 50 normal whole frames of north looks this odd."),
        (JudgedBy.OWN_FRAMES, "whole frames of north", 0.02,
         "p = 0.02: about 1 in 50 whole frames of north in this run looks this odd."),
        (JudgedBy.FIRST_LOOK, "crops of north: 3 crops, too few to judge", 1.0,
         "Crops of north: 3 crops, too few to judge."),
        (JudgedBy.SPECIES_MODEL, "deer", float("nan"), "Not judged yet."),
        ("something new", "others", 0.02, "p = 0.02: about 1 in 50 others looks this odd."),
    ],
)  # fmt: skip
def test_a_score_is_said_in_plain_words(judged_by, against, p_value, said):
    assert say_score(p_value=p_value, judged_by=judged_by, judged_against=against) == said
