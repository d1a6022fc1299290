"""A strange patch makes a whole frame strange, and the heat map says where it is."""

import numpy as np
import pytest

from core.errors import AnomalureError
from models.encoders.patch_maps import check_patch_map, load_patch_encoder
from models.encoders.sources.source import NETWORKS
from models.encoders.spec import EncoderSpec
from models.judging.patch_distance import PatchBank


def draw_maps(n: int, *, seed: int) -> np.ndarray:
    """Frames of one camera: each place has its look, the same in all frames but for noise."""
    look = np.random.default_rng(0).normal(size=(4, 5, 8))
    return (look + np.random.default_rng(seed).normal(size=(n, 4, 5, 8)) * 0.05).astype(np.float32)


def test_a_frame_with_one_strange_patch_is_the_oddest_and_the_heat_map_points_at_it():
    bank = PatchBank.fit(draw_maps(20, seed=1))
    frames = draw_maps(6, seed=2)
    frames[3, 2, 1] = np.random.default_rng(9).normal(size=8)

    scores, heat = bank.score_maps(frames), bank.measure_distances(frames)

    assert scores.argmax() == 3
    assert heat.dtype == np.float16
    assert heat.shape == (6, 4, 5)
    assert np.unravel_index(heat[3].argmax(), heat[3].shape) == (2, 1)
    np.testing.assert_allclose(scores, heat.reshape(6, -1).max(axis=1))


def test_distances_are_those_of_a_slow_search():
    learnt, asked = draw_maps(3, seed=1), draw_maps(2, seed=5)
    heat = PatchBank.fit(learnt).measure_distances(asked)

    bank = learnt.reshape(-1, 8)
    for place in np.ndindex(2, 4, 5):
        one = asked[place]
        cosines = [one @ other / np.linalg.norm(one) / np.linalg.norm(other) for other in bank]
        assert heat[place] == pytest.approx(1 - max(cosines), abs=2e-3)  # the bank is kept in half precision


def test_a_bank_comes_back_from_its_file_and_keeps_to_its_size():
    bank = PatchBank.fit(draw_maps(20, seed=1), most=50)

    again = PatchBank.from_bytes(bank.to_bytes())

    assert len(bank.patches) == 50
    np.testing.assert_array_equal(again.score_maps(draw_maps(2, seed=3)), bank.score_maps(draw_maps(2, seed=3)))
    with pytest.raises(ValueError, match="not a model file"):
        PatchBank.from_bytes(b"no")


@pytest.mark.parametrize("maps", [np.ones((4, 5, 8)), np.ones((0, 4, 5, 8))])
def test_maps_of_another_shape_are_refused(maps):
    with pytest.raises(ValueError, match="must have shape"):
        PatchBank.fit(maps)
    with pytest.raises(ValueError, match="must have shape"):
        PatchBank.fit(draw_maps(2, seed=0)).score_maps(np.ones((1, 4, 5, 7)))


def test_a_bank_is_known_by_its_content():
    bank, other = PatchBank.fit(draw_maps(20, seed=1)), PatchBank.fit(draw_maps(20, seed=2))

    assert PatchBank.from_bytes(bank.to_bytes()).bank_id == bank.bank_id
    assert bank.bank_id != other.bank_id


def test_learning_and_measuring_leave_the_maps_as_they_are():
    maps = draw_maps(3, seed=1)
    before = maps.copy()

    PatchBank.fit(maps).measure_distances(maps)

    np.testing.assert_array_equal(maps, before)


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "resnet18"])
def test_a_patch_is_sixteen_pixels_wide_and_moves_with_what_it_shows(backbone):
    encoder = load_patch_encoder(EncoderSpec(backbone=backbone, weights="none", input_px=64))
    frames = np.zeros((2, 64, 64, 3), np.uint8)
    frames[1, 48:, 48:] = 255

    maps = encoder.embed_maps(frames)

    assert encoder.shape == maps.shape[1:]
    assert maps.shape[1:3] == (4, 4)
    changed = np.abs(maps[1] - maps[0]).sum(axis=2)
    assert changed[3, 3] > changed[0, 0]


def test_the_map_of_a_frame_does_not_depend_on_the_others():
    encoder = load_patch_encoder(EncoderSpec(backbone="resnet18", weights="none", input_px=64))
    frames = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)

    np.testing.assert_array_equal(encoder.embed_maps(frames)[2], encoder.embed_maps(frames[2:])[0])
    assert encoder.embed_maps(frames[:0]).shape == (0, *encoder.shape)


@pytest.mark.parametrize("input_px", [32, 96, 100, 224])
@pytest.mark.parametrize("backbone", NETWORKS)
def test_every_network_that_the_train_page_offers_has_a_map(backbone, input_px):
    check_patch_map(EncoderSpec(backbone=backbone, input_px=input_px))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (EncoderSpec(detector="yolov8n"), "from a backbone, not from a detector. Choose a network such as"),
        (EncoderSpec(backbone="vit_b_16", weights="none"), "vit_b_16 has no map of a whole frame's patches. Choose"),
        (EncoderSpec(backbone="swin_t", weights="none"), "swin_t has no map with a patch for every 16 px. Choose"),
        (EncoderSpec(backbone="mobilenet"), "torchvision has no backbone 'mobilenet'"),
    ],
)
def test_what_gives_no_patches_is_said_in_a_sentence(spec, said):
    with pytest.raises(AnomalureError, match=said):
        check_patch_map(spec)
    with pytest.raises(AnomalureError, match=said):
        load_patch_encoder(spec)
