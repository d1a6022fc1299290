"""A bundle that judges whole frames by their patches, from labelled photos to a run, a retraining and a resume."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cli
from core.records import JudgedBy
from core.runs.catalogue import read_catalogue
from core.settings.run import RunSettings
from core.study.project import Project
from models.bundles.bundle import Bundle
from models.bundles.making import LEAST_FRAMES
from models.jobs.bundle import BundleRequest
from models.jobs.registry import do_at_once, resume_at_once
from models.jobs.run import RunRequest
from models.loop.retraining import retrain_bundle

CAMERA = "north"
N_TRAINED, N_RUN = LEAST_FRAMES + 8, 20
SIZE = (128, 96)
ODD_AT = (70, 20)  # pixels of the upper left corner of what is odd


def draw_scene(number: int, *, odd: bool = False) -> np.ndarray:
    """A fixed scene with noise; an odd one has a small striped thing in it."""
    scene = np.repeat(np.repeat(np.random.default_rng(0).integers(60, 160, (6, 8, 3)), 16, axis=0), 16, axis=1)
    pixels = scene + np.random.default_rng(number + 1).normal(0, 4, scene.shape)
    if odd:
        x, y = ODD_AT
        stripes = np.where(np.arange(20) // 4 % 2, 255, 0)
        pixels[y : y + 20, x : x + 20] = stripes[:, None]
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """With a bundle "patches" that was made by the command."""
    from PIL import Image

    home = tmp_path_factory.mktemp("patches")

    def write(place: str, pixels: np.ndarray) -> None:
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, "JPEG", quality=90)

    images, annotations = [], []
    for i in range(N_TRAINED + 6):
        is_frame = i < N_TRAINED
        name = f"{CAMERA if is_frame else 'crops'}/IMG_{i:03d}.jpg"
        write(f"photos/{name}", draw_scene(i, odd=not is_frame))
        images.append({"id": i, "file_name": name, "width": SIZE[0], "height": SIZE[1]})
        box = {} if is_frame else {"bbox": [*ODD_AT, 20, 20]}
        annotations.append({"id": i, "image_id": i, "category_id": 0 if is_frame else 1, **box})
    categories = [{"id": 0, "name": "empty"}, {"id": 1, "name": "deer"}]
    labels = {"images": images, "annotations": annotations, "categories": categories}
    (home / "labels.json").write_text(json.dumps(labels))
    for i in range(N_RUN):
        camera = CAMERA if i < N_RUN - 4 else "elsewhere"
        write(f"season/{camera}/IMG_{i:03d}.jpg", draw_scene(1_000 + i, odd=i == 3))
    detections = [{"file": f"{path.parent.name}/{path.name}", "detections": []} for path in home.rglob("season/*/*")]
    (home / "boxes.json").write_text(json.dumps({"images": detections, "detection_categories": {}}))
    made = Project(home / "project")
    options = [
        "--name",
        "patches",
        "--images",
        str(home / "photos"),
        "--coco",
        str(home / "labels.json"),
        "--backbone-weights",
        "bundled",
        "--detector",
        "bundled",
        "--frames",
        "patches",
    ]
    assert cli.main(["train", "--project", str(made.path), "--json", *options]) == 0
    return made


@pytest.fixture(scope="module")
def bundle(project) -> Bundle:
    return Bundle.load(project.bundles_dir / "patches")


def ask(project: Project, name: str) -> RunRequest:
    home = project.path.parent
    settings = RunSettings(shard_photos=4, batch_photos=2)
    return RunRequest(folder=home / "season", name=name, bundle="patches", boxes=home / "boxes.json", settings=settings)


@pytest.fixture(scope="module")
def run(project):
    do_at_once(project, ask(project, "season"))
    return project.run("season")


def read_rows(project: Project, run) -> pd.DataFrame:
    return project.review_queue(run, flagged_only=False, limit=100).rows


def find_heat_maps(run, rows: pd.DataFrame) -> list:
    shards = read_catalogue(run, ["crop_id", "shard"]).set_index("crop_id")["shard"]
    return [run.find_heat_map(crop_id, shard=int(shards[crop_id])) for crop_id in rows["crop_id"]]


def test_training_learns_the_patches_of_each_camera_with_enough_frames(project, bundle):
    judge = bundle.patch_judges[CAMERA]

    assert list(bundle.patch_judges) == list(bundle.camera_judges) == [CAMERA]
    assert len(judge.group.scores) == N_TRAINED
    assert len(judge.bank.patches) == min(N_TRAINED * 14 * 14, 10_000)  # 14 x 14 patches at 224 px
    assert project.training("patches").read_request(BundleRequest).frames == "patches"


def test_a_run_flags_the_frame_with_a_small_stranger_and_says_where_it_is(project, run):
    rows = read_rows(project, run)
    oddest = rows.iloc[0]

    assert oddest["file_name"] == f"{CAMERA}/IMG_003.jpg"
    assert oddest["flagged"]
    assert oddest["judged_against"] == f"whole frames of {CAMERA} (by their strangest patch)"
    (heat,) = find_heat_maps(run, rows.head(1))
    height, width = heat.distances.shape
    down, across = np.unravel_index(heat.distances.argmax(), heat.distances.shape)
    x, y = (side + 10 for side in ODD_AT)
    # The patch touches the thing, which is 20 px wide.
    assert abs((across + 0.5) / width - x / SIZE[0]) < 10 / SIZE[0] + 0.5 / width
    assert abs((down + 0.5) / height - y / SIZE[1]) < 10 / SIZE[1] + 0.5 / height
    assert heat.distances.max() > heat.limit


def test_frames_of_a_camera_that_it_does_not_know_are_judged_as_without_patches(project, run):
    rows = read_rows(project, run).set_index("file_name")

    away = rows[rows["deployment"] == "elsewhere"]
    assert set(away["judged_by"]) == {JudgedBy.OWN_FRAMES}
    assert find_heat_maps(run, away) == [None] * 4


def test_a_run_that_was_cut_short_ends_with_the_same_maps_and_scores(project, run):
    """Killed when its third shard's tables were on disk, but not the file that makes them count."""
    cut = project.runs_dir / "cut"
    cut.mkdir()
    for path in (*run.path.glob("*-0000[0-2].*"), run.path / "run.json", run.path / "listing.parquet"):
        if not path.name.startswith(("scores", "done-00002")):
            shutil.copy2(path, cut / path.name)
    assert project.run("cut").done_shards() == [0, 1]

    resume_at_once(project, "runs/cut")
    resumed = project.run("cut")

    assert resumed.n_shards == 5
    for name in ("heat_maps", "crops", "scores"):
        pd.testing.assert_frame_equal(resumed.read_table(name), run.read_table(name), rtol=1e-6)


def test_a_retraining_keeps_the_patches_as_they_were_trained_and_says_so(project, run, bundle):
    rows = read_rows(project, run)
    project.save_verdicts([row for _, row in rows[rows["deployment"] == CAMERA].iterrows()], "normal")

    report = retrain_bundle(project, name="later", made_from="patches")

    later = Bundle.load(project.bundles_dir / "later")
    ours, theirs = later.patch_judges[CAMERA], bundle.patch_judges[CAMERA]
    assert (ours.bank.bank_id, ours.units) == (theirs.bank.bank_id, theirs.units)
    np.testing.assert_array_equal(ours.group.scores, theirs.group.scores)
    said = f"Whole frames of {CAMERA} are scored by the patches of the bundle patches. Verdicts on them do not change"
    assert any(note.startswith(said) for note in report["notes"])
    assert said in (later.path / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--backbone", "vit_b_16"], "vit_b_16 has no map of a whole frame's patches."),
        (["--detector-features", "bundled"], "Patches are taken from a backbone, not from a detector."),
    ],
)
def test_an_encoder_without_patches_is_refused_before_any_work(project, capsys, options, said):
    home = project.path.parent
    words = [
        "train",
        "--project",
        str(project.path),
        "--json",
        "--name",
        "none",
        "--images",
        str(home / "photos"),
        "--coco",
        str(home / "labels.json"),
        "--frames",
        "patches",
        "--plain-encoder",
        *options,
    ]

    assert cli.main(words) == 1

    assert said in json.loads(capsys.readouterr().out)["error"]
    assert not Path(project.bundles_dir / "none").exists()
    assert not Path(project.trainings_dir / "none").exists()
