"""Suggestions for a run: which labels count, what is listed, and what a decision does."""

import csv
import json

import pytest

import cli
from core.errors import AnomalureError
from core.records import Decision
from core.study.project import Project
from models.suggestions.of_run import (
    FILE,
    FOLDER,
    SUGGESTION_EXPORT,
    find_suggestions,
    list_suggestion_rows,
    read_suggestions,
    relabel,
    write_suggestions,
)
from tests.fakes.labelled_run import WRONG, add_labelled_run, find_crop_of, give_to_group
from tests.fakes.project import add_run


@pytest.fixture
def project(tmp_path) -> Project:
    made = Project(tmp_path / "project")
    add_labelled_run(made, tmp_path / "photos")
    return made


def listed(project):
    found = find_suggestions(project, project.latest_run())
    return [(one.crop_id, one.label, one.label_from, one.suggested) for one in found.found]


def test_the_wrong_label_of_the_file_is_listed_and_whole_frames_are_not_labels(project):
    wrong = find_crop_of(project.latest_run(), WRONG)

    assert listed(project) == [(wrong, "coyote", "file", "fox")]
    found = find_suggestions(project, project.latest_run())
    assert (found.n_labelled, found.n_looked_at, found.n_alone) == (20, 0, 0)


def test_what_a_detector_took_a_crop_for_is_no_label(tmp_path):
    project = Project(tmp_path / "project")
    add_run(project, tmp_path / "photos", n=24, looks=(272, 277), classes=("bear", "bird"))

    found = find_suggestions(project, project.latest_run())

    assert (found.n_labelled, found.found) == (0, ())


@pytest.mark.parametrize("name", ["animal", "person", "vehicle", "Animal", "unknown"])
def test_names_that_are_no_species_are_no_labels(tmp_path, name):
    project = Project(tmp_path / "project")
    add_labelled_run(project, tmp_path / "photos", classes=(name,))

    assert find_suggestions(project, project.latest_run()).n_labelled == 0


def test_a_label_that_a_person_looked_at_is_compared_with_but_not_listed(project):
    wrong = find_crop_of(project.latest_run(), WRONG)
    project.save_verdict(wrong, Decision.NORMAL, species="coyote", reviewer="Ada")

    assert listed(project) == []
    assert find_suggestions(project, project.latest_run()).n_looked_at == 1


def test_a_label_that_was_given_to_a_group_is_listed(project):
    right = find_crop_of(project.latest_run(), WRONG + 4)
    give_to_group(project, [right], species="coyote")

    assert (right, "coyote", "group", "fox") in listed(project)


def test_an_unsure_crop_and_an_odd_one_without_a_name_are_no_labels(project):
    run = project.latest_run()
    project.save_verdict(find_crop_of(run, WRONG), Decision.UNSURE)
    project.save_verdict(find_crop_of(run, WRONG + 4), Decision.ANOMALY)

    assert listed(project) == []
    assert find_suggestions(project, run).n_labelled == 18


def test_a_mended_label_is_a_verdict_of_a_person_and_an_odd_crop_stays_odd(project):
    run = project.latest_run()
    wrong = find_crop_of(run, WRONG)
    odd = find_crop_of(run, WRONG + 4)
    give_to_group(project, [odd], species="coyote", verdict=Decision.ANOMALY)

    relabel(project, run, {wrong: "", odd: ""}, species="fox", reviewer="Ada")

    held = project.verdicts().set_index("crop_id")
    assert held.loc[wrong, ["verdict", "species", "reviewer", "given_to"]].tolist() == ["normal", "fox", "Ada", ""]
    assert held.loc[odd, ["verdict", "species"]].tolist() == ["anomaly", "fox"]
    relabel(project, run, {odd: ""}, species="nothing", reviewer="Ada")
    assert project.verdicts().set_index("crop_id").loc[odd, ["verdict", "species"]].tolist() == ["normal", "nothing"]


def test_what_another_person_decided_meanwhile_is_kept_until_it_was_seen(project):
    run = project.latest_run()
    wrong = find_crop_of(run, WRONG)
    theirs = project.save_verdict(wrong, Decision.ANOMALY, species="jackal", reviewer="Ben")

    (kept,) = relabel(project, run, {wrong: ""}, species="fox", reviewer="Ada")

    assert (kept["crop_id"], kept["reviewer"]) == (wrong, "Ben")
    assert project.verdicts().set_index("crop_id").loc[wrong, "species"] == "jackal"
    assert relabel(project, run, {wrong: theirs.verdict_id}, species="fox", reviewer="Ada") == []
    assert project.verdicts().set_index("crop_id").loc[wrong, ["species", "reviewer"]].tolist() == ["fox", "Ada"]


def test_what_was_found_is_kept_with_the_run_and_rows_say_what_was_decided_since(project):
    run = project.latest_run()
    assert read_suggestions(project, run) is None
    (run.path / FOLDER).mkdir()
    found = find_suggestions(project, run)
    write_suggestions(run.path / FOLDER, found)

    assert read_suggestions(project, run) == found
    (row,) = list_suggestion_rows(project, run, found)
    assert set(row) == {*SUGGESTION_EXPORT, "verdict_id"}
    assert (row["label"], row["suggested"], row["verdict"]) == ("coyote", "fox", "")
    relabel(project, run, {row["crop_id"]: row["verdict_id"]}, species="fox", reviewer="Ada")
    (row,) = list_suggestion_rows(project, run, found)
    assert (row["verdict"], row["verdict_species"], row["reviewer"]) == ("normal", "fox", "Ada")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": 3}', "null", "\x00"])
def test_a_damaged_file_of_suggestions_is_said_in_a_sentence(project, content):
    run = project.latest_run()
    (run.path / FOLDER).mkdir()
    (run.path / FOLDER / FILE).write_text(content)

    with pytest.raises(AnomalureError, match=r"The suggestions of the run .* Look for them again"):
        read_suggestions(project, run)


def test_the_command_lists_the_doubtful_labels_and_writes_them_as_a_table(project, tmp_path, capsys):
    table = tmp_path / "doubtful.csv"

    code = cli.main(["suggestions", "--project", str(project.path), "--json", "--out", str(table)])

    said = json.loads(capsys.readouterr().out)
    assert (code, said["labelled"], said["suggestions"]) == (0, 20, 1)
    assert said["pairs"] == [{"label": "coyote", "suggested": "fox", "crops": 1}]
    with table.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["crop_id"], row["suggested"]) == (find_crop_of(project.latest_run(), WRONG), "fox")
