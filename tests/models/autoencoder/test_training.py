"""An autoencoder puts together again what it was trained on, and can be killed, resumed and kept."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from core.errors import AnomalureError, FileFormatError
from core.settings.training import AUTOENCODERS, TrainingSettings
from core.work.meter import Cancelled
from models.autoencoder.pictures import SHEET, draw_sheet, to_image
from models.autoencoder.training import train_autoencoder
from models.contrastive.crops import EncoderCrops
from models.contrastive.training import BEST
from models.encoders.autoencoders import Autoencoder, load_autoencoder, map_errors, measure_errors, pack_autoencoder
from models.encoders.loading import load_encoder
from models.encoders.spec import EncoderSpec

SETTINGS = TrainingSettings(
    image_px=32, epochs=3, batch_crops=16, bottleneck=4, learning_rate=0.003, precision="f32", warmup_share=0.0
)
DENSE, CONVOLUTIONAL = AUTOENCODERS


@pytest.fixture(autouse=True)
def _no_power_cut(monkeypatch):
    monkeypatch.setattr("core.disk.files.os.fsync", lambda handle: None)  # a power cut is not what is tested


def draw_crops(n: int = 48, *, colour=(150, 110, 60), seed: int = 0, burst: int = 2) -> EncoderCrops:
    """A patch of a colour on green, somewhere."""
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(n):
        picture = np.full((40, 40, 3), (60, 110, 60), np.float64)
        x, y = rng.integers(4, 14, 2)
        picture[y : y + 20, x : x + 20] = colour
        pictures.append((picture + rng.normal(0, 4, picture.shape)).clip(0, 255).astype(np.uint8))
    return EncoderCrops.of(pictures, ["deer"] * n, [f"event {i // burst}" for i in range(n)], image_px=32)


def stop_after(steps: int):
    asked = iter(range(10_000))
    return lambda: next(asked) + 1 >= steps


def as_crops(crops: EncoderCrops) -> np.ndarray:
    return np.stack([np.asarray(Image.fromarray(one).resize((32, 32))) for one in crops.squares])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    told = []
    done = train_autoencoder(
        draw_crops(64),
        folder,
        method=CONVOLUTIONAL,
        settings=replace(SETTINGS, epochs=12, learning_rate=0.01),
        on_step=told.append,
    )
    return folder, done, told


def test_errors_are_those_of_a_slow_loop():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 2, 3, 32, 32)).astype(np.float32)
    whole, worst, cells = [], [], []
    for a, b in zip(first.astype(float), second.astype(float), strict=True):
        whole.append(255 * np.sqrt(((a - b) ** 2).mean()))
        parts = [((a - b)[:, y : y + 4, x : x + 4] ** 2).mean() for y in range(0, 29, 2) for x in range(0, 29, 2)]
        worst.append(255 * np.sqrt(max(parts)))
        cells.append(
            [
                [255 * np.sqrt(((a - b)[:, y : y + 2, x : x + 2] ** 2).mean()) for x in range(0, 32, 2)]
                for y in range(0, 32, 2)
            ]
        )

    first, second = torch.from_numpy(first), torch.from_numpy(second)
    np.testing.assert_allclose(measure_errors(first, second).numpy(), np.stack([whole, worst], 1), rtol=1e-5)
    np.testing.assert_allclose(map_errors(first, second).numpy(), cells, rtol=1e-5)


def test_a_crop_of_a_colour_that_it_never_saw_is_put_together_worse(trained):
    _, done, told = trained
    encoder = load_encoder(done.spec, engine="torch")
    usual, odd = (
        encoder.embed(as_crops(crops)) for crops in (draw_crops(seed=5), draw_crops(seed=6, colour=(20, 20, 250)))
    )

    assert encoder.sections == (4, 2)
    assert done.held_out_loss < done.first_held_out_loss / 2
    assert done.start == "random weights"
    for column in (-2, -1):
        assert np.median(odd[:, column]) > usual[:, column].max()
    assert [point.epoch for point in told[-1].curve if point.held_out is not None] == list(range(1, 13))


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_an_error_does_not_depend_on_the_engine_or_on_the_other_crops(trained, engine):
    _, done, _ = trained
    crops = as_crops(draw_crops(12, seed=5))
    network = load_autoencoder(trained[0] / BEST)
    with torch.inference_mode():
        expected = network(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255).numpy()

    encoder = load_encoder(done.spec, engine=engine)

    np.testing.assert_allclose(encoder.embed(crops), expected, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(encoder.embed(crops[3:4]), encoder.embed(crops)[3:4], rtol=2e-3, atol=2e-3)


def test_held_out_crops_are_shown_beside_what_is_put_together_again(trained):
    folder, _, _ = trained
    sheet = Image.open(folder / SHEET)

    assert sheet.width > 2 * sheet.height
    limit = load_autoencoder(folder / BEST).limit
    assert 0 < limit < 100


def test_where_crops_differ_stays_bright_and_the_rest_is_darkened():
    picture = np.full((1, 3, 32, 32), 0.8, np.float32)
    errors = np.zeros((1, 16, 16), np.float32)
    errors[0, 4:8, 4:8] = 50.0

    drawn = np.asarray(Image.open(io.BytesIO(draw_sheet(picture, picture, errors, limit=50.0))).convert("L"), float)

    side = to_image(picture[0]).width
    lit = drawn[2 * (side + 4) :]
    assert lit[side * 6 // 16, side * 6 // 16] > 190
    assert lit[side * 12 // 16, side * 12 // 16] < 60


@pytest.mark.parametrize("method", AUTOENCODERS)
def test_a_training_that_is_resumed_ends_as_if_it_had_not_stopped(tmp_path, method):
    crops = draw_crops()
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole = train_autoencoder(crops, tmp_path / "whole", method=method, settings=SETTINGS)
    with pytest.raises(Cancelled):
        train_autoencoder(crops, tmp_path / "stopped", method=method, settings=SETTINGS, should_stop=stop_after(4))
    rest = train_autoencoder(crops, tmp_path / "stopped", method=method, settings=SETTINGS)

    assert rest.held_out_loss == pytest.approx(whole.held_out_loss, rel=1e-4)
    assert rest.best_epoch == whole.best_epoch


@pytest.mark.parametrize(
    ("crops", "method", "changes", "said"),
    [
        (draw_crops(1), CONVOLUTIONAL, {}, "At least 8 crops of two events are needed to train an encoder, got 1 of 1"),
        (draw_crops(12, burst=12), DENSE, {}, "got 12 of 1"),
        (draw_crops(12), CONVOLUTIONAL, {"image_px": 50}, "a multiple of 16 px, got 50 px. Use 48 px"),
        (draw_crops(12), DENSE, {"image_px": 256}, "at most 128 px"),
        (draw_crops(12), "autoencoder", {}, "autoencoder_dense or autoencoder_conv, got 'autoencoder'"),
    ],
)
def test_what_cannot_be_trained_is_a_plain_sentence_and_leaves_nothing(tmp_path, crops, method, changes, said):
    with pytest.raises(AnomalureError, match=said):
        train_autoencoder(crops, tmp_path, method=method, settings=replace(SETTINGS, **changes))
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_no_number_says_what_to_do_and_keeps_no_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.nn.functional, "mse_loss", lambda rebuilt, pictures: rebuilt.sum() * float("nan"))
    with pytest.raises(AnomalureError, match=r"no longer a number in epoch 1. Start again with a lower learning rate"):
        train_autoencoder(draw_crops(), tmp_path, method=CONVOLUTIONAL, settings=SETTINGS)
    assert not (tmp_path / BEST).exists()


def _torn(path):
    path.write_bytes(b"torn")


def _of_another_network(path):
    save_file({"features.weight": torch.zeros(3)}, path)


def _with_other_sizes(path):
    network = Autoencoder(CONVOLUTIONAL, input_px=32, bottleneck=4)
    network.bottleneck = 5
    path.write_bytes(pack_autoencoder(network))


def _not_all_numbers(path):
    network = Autoencoder(CONVOLUTIONAL, input_px=32, bottleneck=4)
    next(network.parameters()).data.fill_(float("nan"))
    path.write_bytes(pack_autoencoder(network))


def _with_a_huge_size(path):
    network = Autoencoder(CONVOLUTIONAL, input_px=32, bottleneck=4)
    network.input_px = 2**40
    path.write_bytes(pack_autoencoder(network))


@pytest.mark.parametrize("spoil", [_torn, _of_another_network, _with_other_sizes, _not_all_numbers, _with_a_huge_size])
def test_a_foreign_file_is_refused_in_a_sentence(tmp_path, spoil):
    path = tmp_path / "some.safetensors"
    spoil(path)
    with pytest.raises(FileFormatError, match=r"some.safetensors cannot be used as an autoencoder \(.+\). Train it"):
        load_encoder(EncoderSpec(backbone=CONVOLUTIONAL, weights=str(path), input_px=32))


def test_an_autoencoder_of_another_size_or_a_missing_file_is_refused_in_a_sentence(tmp_path, trained):
    spec = trained[1].spec
    with pytest.raises(AnomalureError, match="for crops of 32 px; autoencoder_conv for 64 px was expected"):
        load_encoder(replace(spec, input_px=64))
    with pytest.raises(AnomalureError, match="There is no file"):
        load_encoder(replace(spec, weights=str(tmp_path / "gone.safetensors")))
