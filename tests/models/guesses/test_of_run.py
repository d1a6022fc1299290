"""Which runs have guesses, and in which words."""

import pytest

from core.runs.guesses import read_guesses
from models.encoders.spec import LITE2, EncoderSpec, bundled_encoder
from models.guesses.of_run import find_class_scores, find_index_names, keep_run_guesses
from tests.fakes.project import ABACUS, RED_FOX, SECTIONS_WITH_CLASSES, add_run, make_project


def open_guesses(run):
    return read_guesses(run) if keep_run_guesses(run) else None


def test_a_run_of_the_bundled_encoder_has_guesses(tmp_path):
    run = make_project(tmp_path, 6, looks=(RED_FOX, ABACUS)).latest_run()
    first = open_guesses(run).take(range(6))[0][:, 0]
    assert set(first) == {"red fox", "no animal"}


def test_a_run_of_another_encoder_has_none(tmp_path):
    run = make_project(tmp_path, 6).latest_run()
    assert find_class_scores(run) is None
    assert open_guesses(run) is None
    assert list(run.path.glob("*guesses*")) == []


@pytest.mark.parametrize(
    ("encoders", "sections"),
    [
        ([EncoderSpec(backbone=LITE2, weights="/mine/trained.safetensors").to_values()], SECTIONS_WITH_CLASSES),
        ([bundled_encoder().to_values()], ()),
        ([bundled_encoder().to_values()], (8, 1004)),
        ([{"backbone": LITE2, "weights": "bundled", "of_the_future": 1}], SECTIONS_WITH_CLASSES),
        ([EncoderSpec(detector="yolov8n").to_values()], (8,)),
        ([], SECTIONS_WITH_CLASSES),
    ],
)
def test_a_trained_network_and_a_run_of_another_version_have_none(tmp_path, encoders, sections):
    project = make_project(tmp_path, 2)
    run = project.new_run_folder("r", folder=tmp_path, file_names=["a.jpg"], encoders=encoders, sections=sections)
    assert open_guesses(run) is None


def test_class_scores_are_found_beside_the_features_of_a_detector(tmp_path):
    project = make_project(tmp_path, 2)
    specs = [EncoderSpec(detector="yolov8n").to_values(), bundled_encoder().to_values()]
    run = project.new_run_folder("r", folder=tmp_path, file_names=["a.jpg"], encoders=specs, sections=(7, 5, 1000, 3))
    assert find_class_scores(run) == slice(12, 1012)


def test_a_species_that_a_reviewer_named_is_spelled_as_the_reviewer_did(tmp_path):
    project = make_project(tmp_path, 6, looks=(RED_FOX,))
    run = project.latest_run()
    assert find_index_names(project.review_index(run)).get("red fox") is None

    project.save_verdict(project.review_queue().rows.iloc[0], "anomaly", species="Vulpes vulpes")

    assert find_index_names(project.review_index(run))["red fox"] == "Vulpes vulpes"
    add_run(project, tmp_path / "photos", n=6, name="later", looks=(RED_FOX,))
    assert find_index_names(project.review_index("later"))["red fox"] == "Vulpes vulpes"
