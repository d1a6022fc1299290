"""Frames of a camera are scored by their most unusual patch, with valid p-values, also in a bundle."""

from dataclasses import replace

import numpy as np
import pytest

from core.records import CropKind, JudgedBy
from core.settings.run import RunSettings
from models.bundles.bundle import Bundle
from models.bundles.card import write_card
from models.bundles.scorer import BundleScorer
from models.judging.calibration import assign_folds
from models.judging.patch_distance import PatchBank
from models.judging.patch_judge import PatchJudge, fit_patch_judge
from tests.fakes.scored_crops import Shards, draw_species, make_crops
from tests.models.bundles.test_bundle import make_bundle, rewrite
from tests.models.judging.test_patch_distance import draw_maps


def groups_of(n: int, *, burst: int = 1) -> list[str]:
    """One event for each ``burst`` frames."""
    return [f"event-{i // burst}" for i in range(n)]


@pytest.fixture(scope="module")
def judge() -> PatchJudge:
    return fit_patch_judge(draw_maps(99, seed=1), groups_of(99, burst=3), camera="north")


def test_held_out_frames_are_measured_to_a_bank_of_the_other_folds_as_a_slow_loop_does(judge):
    maps, groups = draw_maps(99, seed=1), groups_of(99, burst=3)
    folds = assign_folds(["north"] * 99, groups)

    slow = [PatchBank.fit(maps[folds != fold]).score_maps(maps[[i]])[0] for i, fold in enumerate(folds)]

    median, high = np.quantile(slow, [0.5, 0.95])
    assert (judge.units.median, judge.units.high) == pytest.approx((median, high))
    np.testing.assert_allclose(judge.group.scores, np.sort((np.array(slow) - median) / (high - median)))
    assert judge.group.least_p_value == 0.01


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_usual_frames_are_flagged_at_no_more_than_the_rate(judge, rate):
    usual = draw_maps(400, seed=7)

    _, p_values = judge.judge(judge.bank.score_maps(usual))

    assert (p_values <= rate).mean() <= rate + 2 * np.sqrt(rate * (1 - rate) / 99)
    assert (p_values <= rate).mean() > 0


def test_a_frame_with_a_stranger_is_flagged_and_mapped(judge):
    frames = draw_maps(2, seed=8)
    frames[1, 0, 4] = np.random.default_rng(9).normal(size=8)

    scores, p_values = judge.judge(judge.bank.score_maps(frames))
    usual, odd = judge.map_frames(frames)

    assert p_values[1] == judge.group.least_p_value < p_values[0]
    assert scores[1] > 1 > scores[0]
    assert np.unravel_index(odd.distances.argmax(), odd.distances.shape) == (0, 4)
    assert odd.distances.max() > odd.limit >= usual.distances.max()
    assert odd.bank_id == usual.bank_id == judge.bank.bank_id


def test_frames_of_one_event_never_stand_on_both_sides():
    """Two bursts of the same picture: left out frame by frame, each would be found in the bank as it is."""
    one, other = draw_maps(1, seed=1), np.flip(draw_maps(1, seed=2), axis=3)
    maps = np.concatenate([np.repeat(one, 20, axis=0), np.repeat(other, 20, axis=0)])

    judge = fit_patch_judge(maps, groups_of(40, burst=20), camera="north")

    assert judge.units.median > 0.1


# In a bundle


@pytest.fixture(scope="module")
def written(tmp_path_factory, judge) -> Bundle:
    bundle = replace(make_bundle(), patch_judges={"north": judge, "Teich/лес": judge})
    return bundle.write(tmp_path_factory.mktemp("bundles"), card=write_card(bundle, method="none", source="labels"))


def test_judges_of_patches_come_back_from_a_bundle_as_they_were(written, judge):
    again = Bundle.load(written.path).patch_judges["Teich/лес"]

    np.testing.assert_array_equal(again.bank.patches, judge.bank.patches)
    np.testing.assert_array_equal(again.group.scores, judge.group.scores)
    assert (again.units, again.group.name) == (judge.units, judge.group.name)
    assert written.to_values()["cameras_by_patches"] == ["Teich/лес", "north"]
    assert {path.suffix for path in written.path.iterdir()} <= {".json", ".md", ".safetensors", ".skops"}


def test_the_card_says_what_frames_are_scored_by(written):
    card = (written.path / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert (
        "- north: 99 frames, by their most unusual patch: its distance to the nearest of 1,980 normal patches" in card
    )


def test_a_bundle_from_before_patches_is_read(tmp_path):
    made = make_bundle().write(tmp_path, card="")

    def make_old(manifest):
        manifest["format"] = 2
        del manifest["patches"]

    rewrite(made.path, make_old)

    assert Bundle.load(made.path).patch_judges == {}


def score_frames(bundle: Bundle, **columns):
    crops, rows = make_crops(draw_species(20, 40, seed=60), kind=CropKind.FRAME, deployment="north")
    (table,) = BundleScorer(bundle, RunSettings()).score(Shards([(crops.assign(**columns), rows)]))
    return table


def test_mapped_frames_are_judged_by_their_patches_and_the_others_by_their_look(written, judge):
    distances = np.where(np.arange(40) < 20, judge.units.high + 0.1, np.nan)
    banks = np.where(np.arange(40) < 20, judge.bank.bank_id, None)

    table, by_look = score_frames(written, patch_distance=distances, bank_id=banks), score_frames(written)

    assert set(table["judged_by"]) == {JudgedBy.CAMERA_MODEL}
    assert set(table["judged_against"][:20]) == {"whole frames of north (by their strangest patch)"}
    assert table["flagged"][:20].all()
    assert table[20:].equals(by_look[20:])


def test_maps_that_were_measured_to_other_patches_are_not_used(written):
    table = score_frames(written, patch_distance=9.0, bank_id="0123456789abcdef")

    assert table.equals(score_frames(written))


def test_a_camera_that_is_known_by_patches_alone_needs_no_other_model(written, judge):
    bundle = replace(written, camera_judges={})

    table = score_frames(bundle, patch_distance=judge.units.median, bank_id=judge.bank.bank_id)

    assert set(table["judged_by"]) == {JudgedBy.CAMERA_MODEL}
    np.testing.assert_allclose(table["score"], 0)


def test_too_few_frames_for_a_rate_are_said_of_the_patches(written):
    bundle = replace(written, patch_judges={"north": written.patch_judges["north"]})
    scorer = BundleScorer(bundle, RunSettings(false_alarm_rate=0.005))

    (said,) = [note for note in scorer.notes if "north" in note]
    assert said.startswith("whole frames of north (by their strangest patch): the bundle held out 99")
