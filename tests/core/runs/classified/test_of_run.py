"""What a classifier's file does to a run: species, guesses, people, suggestions, export."""

import csv
import io

import pytest

import cli
from core.errors import AnomalureError
from core.records import NO_ANIMAL, CropKind
from core.runs.account import describe_account
from core.runs.classified.table import FILE, read_classified
from core.study.project import Project
from models.guesses.of_run import keep_run_guesses
from models.suggestions.of_run import find_suggestions
from tests.fakes.classifications import BLANK, COYOTE, DEEPFAUNE, FOX, HUMAN, LYNX, classify, predict, speciesnet, write
from tests.fakes.labelled_run import LOOKS, WRONG, find_crop_of
from tests.fakes.project import CAMERAS, add_run
from ui.board.rows import list_rows


def name(i: int) -> str:
    return f"{CAMERAS[i % 2]}/photo-{i:03d}.jpg"


@pytest.fixture
def project(tmp_path) -> Project:
    made = Project(tmp_path / "project")
    add_run(made, tmp_path / "photos", n=24, looks=LOOKS)
    return made


def said_of(i: int) -> str:
    """Coyotes and foxes in turn, as they look, but for one."""
    return COYOTE if i % 2 == 0 or i == WRONG else FOX


def classified(project, tmp_path, changed=None, **how):
    entries = {i: predict(name(i), (said_of(i), 0.91), (LYNX, 0.05)) for i in range(24)} | (changed or {})
    content = speciesnet(*(one for one in entries.values() if one))
    return classify(project.latest_run(), write(tmp_path, content), **how)


def rows_of(project, run):
    index = project.review_index(run)
    rows = index.rows(range(len(index.catalogue)))
    return {row["crop"]: row for row in list_rows(index, rows)}


def test_the_names_are_the_species_and_the_guesses_with_score_and_source(project, tmp_path):
    run = classified(project, tmp_path)

    row = rows_of(project, run)[find_crop_of(run, 1)]

    assert row["species"] == "Vulpes vulpes"
    assert row["guesses"] == [
        {"name": "Vulpes vulpes", "share": 0.91, "isSpecies": True, "source": "SpeciesNet"},
        {"name": "Lynx lynx", "share": 0.05, "isSpecies": True, "source": "SpeciesNet"},
    ]
    assert row["detector"] == "animal (90% sure)"


def test_photos_without_a_row_keep_the_encoders_guesses_and_are_counted_and_named(project, tmp_path):
    other = predict("elsewhere/x.jpg", (FOX, 0.9))
    run = classified(project, tmp_path, {3: None, 30: other})

    assert keep_run_guesses(run)
    assert [(one["name"], one["source"]) for one in rows_of(project, run)[find_crop_of(run, 3)]["guesses"]] == [
        *(("Vulpes vulpes", ""), ("Canis latrans", ""))  # the encoder, in the words of the run
    ]
    (account,) = describe_account(run)["classifications"]
    assert (account["n_not_in_folder"], account["not_in_folder"]) == (1, ["elsewhere/x.jpg"])
    assert name(3) in account["without_row"]
    assert account["matched"] == {
        "crops that have the class of their photo": 23,
        "crops of photos without a row in the file": 1,
    }


def test_levels_and_low_scores_are_counted(project, tmp_path):
    low = {1: predict(name(1), (FOX, 0.3), (COYOTE, 0.3)), 3: predict(name(3), (FOX, 0.1))}
    run = classified(project, tmp_path, low)

    assert describe_account(run)["classifications"][0]["decided"] == {
        "crops with a name at the chosen level": 22,
        "crops rolled up to the family, because finer scores are too low": 1,
        "crops left unknown animals": 1,
    }
    shown = rows_of(project, run)
    assert shown[find_crop_of(run, 1)]["species"] == "Canidae"
    assert shown[find_crop_of(run, 3)]["species"] == "animal"


def test_the_projects_own_name_and_level_hold(project, tmp_path):
    run = classified(project, tmp_path, own_names={"vulpes vulpes": "Fuchs"})
    assert rows_of(project, run)[find_crop_of(run, 1)]["species"] == "Fuchs"

    run = classified(project, tmp_path, classifier_level="family")
    assert rows_of(project, run)[find_crop_of(run, 1)]["species"] == "Canidae"


def test_whom_the_classifier_calls_human_is_kept_out_like_people_of_a_detector(project, tmp_path):
    run = classified(project, tmp_path, {1: predict(name(1), (HUMAN, 0.95))})

    assert project.review_index(run).list_people() == [find_crop_of(run, 1)]


def test_an_empty_photo_is_the_guess_no_animal_and_no_species(project, tmp_path):
    run = classified(project, tmp_path, {1: predict(name(1), (BLANK, 0.95))})

    row = rows_of(project, run)[find_crop_of(run, 1)]

    assert (row["guesses"][0]["name"], row["species"]) == (NO_ANIMAL, "animal")


def test_the_queue_can_be_filtered_by_a_classifiers_name(project, tmp_path):
    run = classified(project, tmp_path)

    queue = project.review_queue(run, guess="Vulpes vulpes", flagged_only=False)

    assert queue.n_selected == 11


def test_a_label_that_disagrees_with_its_look_alikes_is_suggested(project, tmp_path):
    run = classified(project, tmp_path)

    found = find_suggestions(project, run)

    assert [(one.crop_id, one.label, one.label_from, one.suggested) for one in found.found] == [
        (find_crop_of(run, WRONG), "Canis latrans", "classifier", "Vulpes vulpes")
    ]
    assert (found.n_labelled, found.n_coarse) == (20, 0)


def test_names_that_were_rolled_up_further_are_not_compared_and_said(project, tmp_path):
    run = classified(project, tmp_path, {1: predict(name(1), (FOX, 0.3), (COYOTE, 0.3))})

    found = find_suggestions(project, run)

    assert (found.n_labelled, found.n_coarse) == (19, 1)


def test_the_export_keeps_what_a_person_said_apart_and_names_the_source(project, tmp_path, capsys):
    run = classified(project, tmp_path)
    crop = find_crop_of(run, 1)
    project.save_verdict(crop, "normal", species="coyote", reviewer="Ada")
    out = tmp_path / "out.csv"

    cli.main(["export", "--project", str(project.path), "--format", "csv", "--all", "--out", str(out)])

    (row,) = (one for one in csv.DictReader(io.StringIO(out.read_text("utf-8"))) if one["crop_id"] == crop)
    assert [row[column] for column in ("species", "verdict_species", "most_like", "guess", "guess_share")] == [
        *("coyote", "coyote", "Vulpes vulpes", "Vulpes vulpes", "0.91")
    ]
    assert row["guess_from"] == "SpeciesNet"


def test_deepfaunes_names_are_those_of_the_photos(project, tmp_path):
    table = DEEPFAUNE + "".join(f"{name(i)},,1,fox,0.8,red deer,0.9,1\n" for i in range(24))

    run = classify(project.latest_run(), write(tmp_path, table, "deepfaune.csv"))

    row = rows_of(project, run)[find_crop_of(run, 1)]
    assert (row["species"], row["guesses"][0]["source"]) == ("red deer", "DeepFaune")


def test_other_classes_of_the_detector_are_left_to_the_bundle(project, tmp_path):
    run = classified(project, tmp_path, {1: None}, drop=True)

    catalogue = project.review_index(run).catalogue.table.to_pandas().set_index("crop_id")

    assert catalogue.loc[find_crop_of(run, 1), "species"] == ""
    assert catalogue.loc[find_crop_of(run, 3), "species"] == "Vulpes vulpes"
    assert set(catalogue.loc[catalogue["kind"] == CropKind.DETECTION, "detector_class"]) == {"animal"}


def test_a_damaged_table_is_a_sentence_that_says_what_to_do(project, tmp_path):
    run = classified(project, tmp_path)
    (run.path / FILE).write_bytes(b"no table")

    with pytest.raises(AnomalureError, match="resume the run"):
        read_classified(run)
