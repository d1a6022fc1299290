"""A bundle that was trained on empty whole frames alone: what it is good for, and what it says of the rest."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import BundleError
from core.records import Box, Crop, CropKind, JudgedBy, hash_content, name_crops
from core.settings.run import RunSettings
from core.study.project import Project
from models.bundles.bundle import Bundle
from models.bundles.making import make_bundle
from models.bundles.rows import TrainingRows, as_training_table, describe_crop
from models.bundles.scorer import BundleScorer
from models.encoders.spec import EncoderSpec
from models.loop.retraining import retrain_bundle
from tests.fakes.season import SECTIONS, add_season, decide

CAMERA = "north"
FRAME, BOX = Box(0, 0, 64, 64), Box(8, 8, 40, 40)
rng = np.random.default_rng(0)
USUAL = rng.normal(size=sum(SECTIONS))


def draw_rows(n: int, *, seed: int, odd: bool = False) -> np.ndarray:
    shift = np.random.default_rng(99).normal(size=sum(SECTIONS)) * 4 if odd else 0
    drawn = np.random.default_rng(seed).normal(size=(n, sum(SECTIONS)))
    return (USUAL * 3 + shift + drawn).astype(np.float32)


def describe(i: int, kind: CropKind, what: str) -> Crop:
    photo_id = hash_content(f"{what} {i}".encode())
    box = FRAME if kind is CropKind.FRAME else BOX
    crop_id = name_crops(photo_id, [box])[0] if kind is CropKind.DETECTION else f"{photo_id}"[:20]
    return Crop(crop_id, photo_id, kind, box)


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def bundle(project) -> Bundle:
    table = as_training_table(
        [
            describe_crop(
                describe(i, CropKind.FRAME, "empty"),
                file_name=f"{CAMERA}/{i}.jpg",
                species="",
                deployment=CAMERA,
                captured_at=datetime(2026, 1, 1) + timedelta(hours=i),
                group=f"{CAMERA}/{i // 2}",
            )
            for i in range(60)
        ]
    )
    rows = TrainingRows(table, draw_rows(60, seed=1).astype(np.float16))
    made = make_bundle(
        rows,
        name="frames",
        encoders=(EncoderSpec(weights="none"),),
        sections=SECTIONS,
        settings=RunSettings(),
        out_dir=project.bundles_dir,
        threshold="p90",
    )
    project.store.register_bundle("frames")
    return made


def make_shard() -> tuple[pd.DataFrame, np.ndarray]:
    """20 usual frames, an odd one, a frame of another camera five times, and 10 boxes of which the last is odd."""
    kinds = [CropKind.FRAME] * 26 + [CropKind.DETECTION] * 10
    crops = [describe(i, kind, "run") for i, kind in enumerate(kinds)]
    table = pd.DataFrame(
        {
            "crop_id": [crop.crop_id for crop in crops],
            "photo_id": [crop.photo_id for crop in crops],
            "kind": [str(crop.kind) for crop in crops],
            "deployment": [CAMERA] * 21 + ["south"] * 5 + [CAMERA] * 10,
            "detector_class": [""] * 26 + ["animal"] * 10,
            "detector_confidence": [np.nan] * 26 + [0.9] * 10,
        }
    )
    rows = np.concatenate(
        [
            draw_rows(20, seed=2),
            draw_rows(1, seed=3, odd=True),
            draw_rows(5, seed=4),
            draw_rows(9, seed=5),
            draw_rows(1, seed=6, odd=True),
        ]
    )
    return table, rows


def test_it_comes_back_from_the_disk_and_its_card_says_what_it_knows(bundle):
    again = Bundle.load(bundle.path)

    assert again.species_judge is None
    assert again.species == ()
    assert again.to_values()["cameras"] == [CAMERA]
    np.testing.assert_array_equal(
        again.camera_judges[CAMERA].judge(draw_rows(3, seed=8)).p_values,
        bundle.camera_judges[CAMERA].judge(draw_rows(3, seed=8)).p_values,
    )
    card = (bundle.path / "MODEL_CARD.md").read_text()
    assert "trained on whole frames alone and knows no species" in card
    assert "## Species" not in card
    assert "p90" in card, "a threshold is taken among the whole frames"


def test_frames_are_scored_by_their_camera_and_boxes_against_each_other(bundle):
    crops, rows = make_shard()
    scorer = BundleScorer(bundle, RunSettings())

    (scores,) = scorer.score([(crops, rows)])

    assert len(scores) == len(crops), "nothing is left out"
    judged_by = scores["judged_by"].tolist()
    assert set(judged_by[:21]) == {JudgedBy.CAMERA_MODEL}
    assert set(judged_by[21:26]) == {JudgedBy.OWN_FRAMES}
    assert set(judged_by[26:]) == {JudgedBy.FIRST_LOOK}
    assert scores["score"][:21].idxmax() == 20
    assert scores["flagged"][20]
    assert scores["score"][26:].idxmax() == 35
    assert "crops of boxes are scored against each other" in " ".join(scorer.notes)


def test_the_next_bundle_learns_species_from_verdicts(project, bundle):
    run = add_season(project, "spring", bundle=bundle, n_usual=40, n_odd=4)
    rows = project.review_queue(flagged_only=False, run=run).rows
    decide(project, rows.head(60))
    for _, row in rows.head(60).iterrows():
        if int(row["file_name"][6:9]) < 40:
            project.save_verdicts([row], "normal", reviewer="ana", species="fox")

    retrain_bundle(project, name="next", made_from="frames")

    after = Bundle.load(project.bundles_dir / "next")
    assert after.species == ("fox",)
    assert list(after.camera_judges) == [CAMERA]


def test_an_older_version_is_told_to_update_and_a_bundle_with_neither_is_damaged(bundle):
    place = bundle.path / "bundle.json"
    manifest = json.loads(place.read_text())
    assert manifest["format"] == 6, "a version that needs a model of species must refuse it"

    place.write_text(json.dumps({**manifest, "cameras": {}}))
    with pytest.raises(BundleError, match="damaged"):
        Bundle.load(Path(bundle.path))
