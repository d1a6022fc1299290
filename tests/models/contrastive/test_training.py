"""An encoder is trained on crops, can be killed and resumed, and never has a burst on both sides of its split."""

import math
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from core.errors import AnomalureError, FileFormatError
from core.settings.training import TRAINING_SETTINGS, TrainingSettings
from core.work.meter import Cancelled
from models.contrastive.checkpoints import CHECKPOINT
from models.contrastive.crops import EncoderCrops, hold_out_events
from models.contrastive.training import BEST, compute_learning_rate, train_encoder
from models.encoders.loading import load_encoder
from models.encoders.spec import EncoderSpec
from tests.fakes.tiny_networks import build_tiny_backbone, use_tiny_backbone

START = EncoderSpec(backbone="mobilenet_v2", weights="none")
SETTINGS = TrainingSettings(
    image_px=32, epochs=2, batch_crops=12, projection_hidden=8, projection_size=8, learning_rate=0.01, precision="f32"
)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    use_tiny_backbone(monkeypatch)
    monkeypatch.setattr("core.disk.files.os.fsync", lambda handle: None)  # a power cut is not what is tested


def draw_crops(n: int = 48, kinds: tuple[str, ...] = ("deer", "fox", "hare"), *, burst: int = 2) -> EncoderCrops:
    rng = np.random.default_rng(0)
    species = [kinds[i // burst % len(kinds)] for i in range(n)]
    pictures = [
        (rng.integers(0, 60, (30, 40, 3)) + np.array([70 * kinds.index(name) + 30, 90, 60])).astype(np.uint8)
        for name in species
    ]
    return EncoderCrops.of(pictures, species, [f"event {i // burst}" for i in range(n)], image_px=32)


def stop_after(steps: int):
    asked = iter(range(10_000))
    return lambda: next(asked) + 1 >= steps


@pytest.mark.parametrize("method", ["simclr", "triplet"])
def test_the_loss_falls_and_the_result_is_an_encoder(tmp_path, method):
    settings = replace(SETTINGS, epochs=6)
    told = []
    trained = train_encoder(draw_crops(), tmp_path, start=START, method=method, settings=settings, on_step=told.append)

    assert trained.held_out_loss < trained.first_held_out_loss
    assert (trained.n_learnt, trained.n_held_out) == (42, 6)
    assert told[-1].done == told[-1].total
    assert [point.epoch for point in told[-1].curve if point.held_out is not None] == [1, 2, 3, 4, 5, 6]
    assert trained.held_out_loss == min(point.held_out for point in told[-1].curve if point.held_out is not None)
    encoder = load_encoder(trained.spec, engine="torch")
    assert encoder.input_px == 32
    assert encoder.embed(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 12)


@pytest.mark.parametrize("steps", [1, 4, 6])
def test_a_training_that_is_gone_on_with_ends_as_if_it_had_not_stopped(tmp_path, steps):
    crops, settings = draw_crops(), replace(SETTINGS, epochs=3)
    for name in ("whole", "broken off"):
        (tmp_path / name).mkdir()
    whole = train_encoder(crops, tmp_path / "whole", start=START, method="simclr", settings=settings)
    with pytest.raises(Cancelled):
        train_encoder(
            crops,
            tmp_path / "broken off",
            start=START,
            method="simclr",
            settings=settings,
            should_stop=stop_after(steps),
        )
    told = []
    rest = train_encoder(
        crops, tmp_path / "broken off", start=START, method="simclr", settings=settings, on_step=told.append
    )

    assert rest.held_out_loss == pytest.approx(whole.held_out_loss, rel=1e-4)
    assert rest.best_epoch == whole.best_epoch
    assert told[0].done > steps * 12 - 1
    epochs = [point.epoch for point in told[-1].curve]
    assert epochs == sorted(set(epochs))


def test_other_settings_do_not_go_on_with_it(tmp_path):
    with pytest.raises(Cancelled):
        train_encoder(
            draw_crops(), tmp_path, start=START, method="simclr", settings=SETTINGS, should_stop=stop_after(1)
        )
    with pytest.raises(AnomalureError, match="has other settings"):
        train_encoder(draw_crops(), tmp_path, start=START, method="simclr", settings=replace(SETTINGS, epochs=9))


def test_a_damaged_checkpoint_is_a_plain_error(tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(b"torn")
    with pytest.raises(FileFormatError, match="cannot be resumed from"):
        train_encoder(draw_crops(), tmp_path, start=START, method="simclr", settings=SETTINGS)


def test_a_full_disk_leaves_the_last_checkpoint_and_no_torn_file(tmp_path, monkeypatch):
    settings = replace(SETTINGS, epochs=3)
    with pytest.raises(Cancelled):
        train_encoder(
            draw_crops(), tmp_path, start=START, method="simclr", settings=settings, should_stop=stop_after(5)
        )
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fill(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.disk.files.os.fsync", fill)
    with pytest.raises(OSError, match="No space left"):
        train_encoder(draw_crops(), tmp_path, start=START, method="simclr", settings=settings)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_anything_held_out_the_last_epoch_is_kept(tmp_path):
    trained = train_encoder(
        draw_crops(), tmp_path, start=START, method="simclr", settings=replace(SETTINGS, held_out_share=0.0)
    )
    assert (trained.best_epoch, trained.held_out_loss, trained.n_held_out) == (2, None, 0)
    assert (tmp_path / BEST).is_file()


@pytest.mark.parametrize(
    ("crops", "method", "said"),
    [
        (draw_crops(6), "simclr", "At least 8 crops of two events are needed to train an encoder, got 6 of 3"),
        (draw_crops(12, burst=12), "simclr", "got 12 of 1"),
        (draw_crops(12, ("deer",)), "triplet", "Triplets compare species, so two are needed, got deer: 12"),
        (draw_crops(12), "magic", "trained with simclr or triplet, got 'magic'"),
    ],
)
def test_too_little_to_learn_from_is_a_plain_error(tmp_path, crops, method, said):
    with pytest.raises(AnomalureError, match=said):
        train_encoder(crops, tmp_path, start=START, method=method, settings=SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_species_with_one_crop_is_learnt_too(tmp_path):
    crops = draw_crops(24)
    lone = replace(crops, species=("stoat", *crops.species[1:]))
    for method in ("simclr", "triplet"):
        (tmp_path / method).mkdir()
        trained = train_encoder(lone, tmp_path / method, start=START, method=method, settings=SETTINGS)
        assert trained.epochs == 2


def test_a_loss_that_is_no_number_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("models.contrastive.training.compute_nt_xent", lambda vectors, **_: vectors.sum() * math.nan)
    with pytest.raises(AnomalureError, match=r"no longer a number in epoch 1. Start again with a lower learning rate"):
        train_encoder(draw_crops(), tmp_path, start=START, method="simclr", settings=SETTINGS)


def test_the_frames_of_an_event_are_never_on_both_sides():
    rng = np.random.default_rng(0)
    events = [f"event {i}" for i in rng.integers(0, 60, 300)]
    kind_of = {event: "deer" if rng.random() < 0.7 else "fox" for event in events}
    species = [kind_of[event] for event in events]
    held = hold_out_events(species, events, share=0.2, seed=1)

    assert not {event for event, out in zip(events, held, strict=True) if out} & {
        event for event, out in zip(events, held, strict=True) if not out
    }
    for name in ("deer", "fox"):
        own = np.array(species) == name
        assert held[own].mean() == pytest.approx(0.2, abs=0.06)


def test_a_species_with_two_events_keeps_both_to_learn_from():
    held = hold_out_events(["deer"] * 40 + ["fox"] * 2, [f"{i}" for i in range(42)], share=0.5, seed=0)
    assert held[:40].sum() == 20
    assert not held[40:].any()


def test_the_learning_rate_rises_and_falls_as_scheduled():
    settings = replace(SETTINGS, warmup_share=0.1, learning_rate=1.0)
    rates = [compute_learning_rate(at, 100, settings=settings) for at in range(100)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001
    constant = replace(settings, schedule="constant", warmup_share=0.0)
    assert {compute_learning_rate(at, 100, settings=constant) for at in range(100)} == {1.0}


@pytest.mark.parametrize("setting", TRAINING_SETTINGS, ids=lambda setting: setting.name)
def test_every_training_setting_is_explained(setting):
    assert setting.label
    assert setting.help.endswith(".")
    assert setting.group


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("epochs", 0, "between 1"),
        ("batch_crops", 1, "between 2"),
        ("schedule", "step", "one of cosine, constant"),
        ("temperature", 0.0, "between 0.01"),
        ("image_px", 31, "between 32"),
        ("magic", 1, "Unknown setting magic"),
    ],
)
def test_a_wrong_training_setting_is_refused_by_name(name, value, complaint):
    with pytest.raises(AnomalureError, match=complaint):
        TrainingSettings.from_values({name: value})


def test_weights_that_are_started_from_keep_their_statistics_and_those_from_scratch_do_not(tmp_path):
    network = build_tiny_backbone("mobilenet_v2", weights="none")
    network[1].running_mean.fill_(0.5)
    network[1].running_var.fill_(3.0)
    save_file(network.state_dict(), tmp_path / "start.safetensors")
    kept = {}
    for name, weights in (("started", str(tmp_path / "start.safetensors")), ("scratch", "none")):
        (tmp_path / name).mkdir()
        start = EncoderSpec(backbone="mobilenet_v2", weights=weights)
        train_encoder(draw_crops(), tmp_path / name, start=start, method="simclr", settings=SETTINGS)
        kept[name] = load_file(tmp_path / name / BEST)
    assert kept["started"]["1.running_var"].tolist() == [3.0] * 6
    assert not np.allclose(kept["started"]["0.weight"], network.state_dict()["0.weight"])
    assert kept["scratch"]["1.running_var"].tolist() != [1.0] * 6
