"""A project that was moved or copied, as a folder, works where it is now."""

import json
import shutil

import pytest

from core.study.moved_projects import find_again
from core.study.project import Project
from models.bundles.bundle import MANIFEST, Bundle
from models.loop.retraining import retrain_bundle
from tests.fakes.season import add_season, decide, make_base_bundle


@pytest.fixture
def project(tmp_path):
    (tmp_path / "now" / "bundles" / "spring").mkdir(parents=True)
    (tmp_path / "now" / "bundles" / "spring" / "encoder-0.safetensors").write_bytes(b"")
    (tmp_path / "now" / "detectors" / "ours" / "model").mkdir(parents=True)
    return tmp_path / "now"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("/home/ines/study/bundles/spring/encoder-0.safetensors", "bundles/spring/encoder-0.safetensors"),
        (r"C:\studies\bundles\spring\encoder-0.safetensors", "bundles/spring/encoder-0.safetensors"),
        ("/mnt/bundles/study/detectors/ours/model", "detectors/ours/model"),
    ],
)
def test_what_the_project_holds_is_found_where_it_is_now(project, written, found):
    assert find_again(written, project) == str(project / found)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "default",
        "bundled",
        "yolov8n",
        "auto",
        "/weights/mine.onnx",
        "/old/bundles/autumn/encoder-0.safetensors",
        "/old/bundles/../../../etc/passwd",
    ],
)
def test_names_and_what_it_does_not_hold_stay_as_they_are(project, written):
    assert find_again(written, project) == written


def test_a_path_that_is_still_there_is_not_replaced(project, tmp_path):
    old = tmp_path / "old" / "bundles" / "spring" / "encoder-0.safetensors"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"")
    assert find_again(str(old), project) == str(old)


def test_verdicts_teach_the_next_bundle_after_the_project_was_moved(tmp_path):
    old = Project(tmp_path / "laptop")
    run = add_season(old, "season", bundle=make_base_bundle(old, n=30), n_usual=40, n_odd=6)
    decide(old, old.review_queue(run, flagged_only=False, limit=100).rows)
    # The bundle has a file of weights inside, and the run noted where it was.
    bundle = old.bundles_dir / "first"
    (bundle / "encoder-0.safetensors").write_bytes(b"weights")
    for path, weights in (
        (bundle / MANIFEST, "encoder-0.safetensors"),
        (run.path / "run.json", str(bundle / "encoder-0.safetensors")),
    ):
        values = json.loads(path.read_text())
        values["encoders"][0]["weights"] = weights
        path.write_text(json.dumps(values))
    shutil.move(old.path, tmp_path / "server")
    moved = Project(tmp_path / "server")

    report = retrain_bundle(moved, name="second", made_from="first")

    assert report["account"]["not_found"] == 0
    assert report["account"]["taught_normal"] > 0
    assert Bundle.load(moved.bundles_dir / "second").name == "second"
