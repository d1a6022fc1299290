"""The events of a run: which crops count as what, what is found in them, and what Review says of it."""

import pytest

from core.records import NOTHING, Decision
from core.scenes.history import read_history
from core.scenes.remarks import FILE, read_remarks, say_remark
from models.scenes.of_run import FINDING_EXPORT, find_in_run, keep_found, list_run_rows
from tests.fakes.project import SPECIES, make_project
from tests.fakes.scenes import keep_company_model
from ui.board.rows import list_rows


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    project = make_project(tmp_path_factory.mktemp("made"), 24)
    trained = keep_company_model(project)
    run = project.latest_run()
    return project, run, trained, find_in_run(project, run, trained, rate=0.05, model="company")


def species_of(file):
    return sorted({label.species for photo in file.photos for label in photo.labels})


def test_the_history_is_the_verdicts_and_what_was_not_flagged(tmp_path):
    project = make_project(tmp_path, 12, n_flagged=4)
    rows = project.review_queue(flagged_only=False).rows
    boxed = rows[rows["kind"] == "detection"]

    undecided = {photo.file_name for photo in read_history(project).photos}
    assert undecided == set(boxed.loc[~boxed["flagged"], "file_name"])

    flagged = boxed[boxed["flagged"]]
    named, odd, nothing = (flagged.iloc[i] for i in range(3))
    project.save_verdict(named, Decision.ANOMALY, species="raccoon")
    project.save_verdict(odd, Decision.ANOMALY)
    project.save_verdict(nothing, Decision.NORMAL, species=NOTHING)
    unsure = boxed[~boxed["flagged"]].iloc[0]
    project.save_verdict(unsure, Decision.UNSURE)
    history = read_history(project)

    assert "raccoon" in species_of(history)
    assert {photo.file_name for photo in history.photos} == (undecided | {named["file_name"]}) - {unsure["file_name"]}


def test_a_photo_of_two_runs_counts_once(tmp_path):
    from tests.fakes.project import add_run

    project = make_project(tmp_path, 12)
    before = len(read_history(project, with_flagged=True).photos)
    add_run(project, tmp_path / "photos", n=12, name="again", shift_px=3)

    assert len(read_history(project, with_flagged=True).photos) == before


def test_a_species_that_was_never_seen_is_unexpected_and_a_companion_is_missing(found):
    project, run, _, findings = found

    rows = list_run_rows(project, findings)

    said = {(row["class"], row["kind"]) for row in rows}
    assert ("fox", "unexpected") in said
    assert ("owl", "missing") in said
    assert all(set(FINDING_EXPORT) <= set(row) for row in rows)
    fox = next(row for row in rows if row["class"] == "fox")
    assert fox["crop_ids"]
    assert fox["run"] == run.run_id


def test_the_card_of_a_crop_says_that_its_species_is_unexpected_here(found):
    project, run, trained, findings = found
    keep_found(run, findings, trained)
    index = project.review_index(run)

    cards = list_rows(index, index.rows(range(len(index.catalogue))))

    for card in cards:
        is_fox = card["species"] == "fox" and card["kind"] == "detection"
        assert card["unusual"].startswith("Unexpected at this camera at this hour: no event") == is_fox
    assert "fox" in SPECIES


def test_a_crop_that_was_corrected_has_no_remark_any_more(found):
    _, run, trained, findings = found
    keep_found(run, findings, trained)
    remarks = read_remarks(run)
    crop_id = next(iter(remarks))

    assert say_remark(remarks, crop_id=crop_id, species="fox")
    assert say_remark(remarks, crop_id=crop_id, species="badger") == ""


def test_a_damaged_file_of_remarks_is_none(found):
    _, run, _, _ = found
    (run.path / FILE).write_text("{half")

    assert read_remarks(run) == {}


def test_a_run_without_a_known_species_has_no_scenes(tmp_path, monkeypatch):
    project = make_project(tmp_path, 4)
    trained = keep_company_model(project)
    monkeypatch.setattr("core.scenes.history.name_shown", lambda row, with_flagged: "")

    assert find_in_run(project, project.latest_run(), trained, rate=0.05) is None


def test_looking_at_another_rate_does_not_change_what_review_says(found):
    project, run, trained, findings = found
    keep_found(run, findings, trained)
    usual = read_remarks(run)

    for rate in (0.01, 0.9):
        keep_found(run, find_in_run(project, run, trained, rate=rate), trained)

        assert read_remarks(run) == usual
