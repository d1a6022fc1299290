"""A heat-map model finds brightened squares in other photos, goes on after a stop, and refuses what it cannot do."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import AnomalureError, PhotoUnreadable
from core.settings.localize import LocalizeSettings
from core.squares.square import Square, brighten
from core.squares.table import write_squares
from models.localize import training
from models.localize.comparing import cross_validate, find_with, measure_carried, measure_made, split_folds
from models.localize.drawing import draw_found
from models.localize.heat_map import HeatMapModel
from models.localize.photos import find_photo_set, scale_photo
from models.localize.training import Training, train_heat_map
from tests.fakes.meadows import as_jpeg, draw_meadow, write_meadows

SHORT = LocalizeSettings(side_steps=5, place_steps=2, most_r=50)
QUICK = LocalizeSettings(side_steps=24, place_steps=12, most_r=50, least_ratio=1.15, most_ratio=1.3)


@pytest.fixture(scope="module", autouse=True)
def _threads():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return find_photo_set(write_meadows(tmp_path_factory.mktemp("meadows"), 15))


@pytest.fixture(scope="module")
def model(photos):
    return train_heat_map(photos, QUICK)


def carry(number, row, column, r=30, ratio=1.2):
    square = Square(f"{number}.png", row, column, r, ratio)
    return brighten(draw_meadow(number), square), square


def test_squares_in_other_photos_are_found_and_the_heat_is_over_them(model):
    n_exact = 0
    for number in range(8):
        image, square = carry(100 + number, 40 + 9 * number, 150 - 10 * number)
        found = model.look(image)
        assert found.heat.shape == (20, 25)
        assert (found.heat >= 0).all()
        assert (found.heat <= 1).all()
        if (found.row, found.column, found.r) == (square.row, square.column, square.r):
            n_exact += 1
            inside = found.heat[(square.row - 20) // 8 : (square.row + 20) // 8, (square.column - 20) // 8 :][:, :5]
            assert inside.mean() > 3 * found.heat.mean()
    assert n_exact >= 7, "to the pixel"


def test_it_learns_from_squares_whose_values_begin_again_at_0_as_well(tmp_path):
    """Other makers let 260 be 4. Ours never writes such ones, but their photos are looked through, too."""
    for number in range(2):
        Image.new("RGB", (96, 96), (240, 240, 240)).save(tmp_path / f"{number}.png")
    settings = LocalizeSettings(least_ratio=1.1, most_ratio=1.2)
    examples = list(training._draw_examples(find_photo_set(tmp_path), settings, Training(), begin=0, end=12))

    dark = [bool((image < 60).any()) for _, image, _ in examples]
    assert 0 < sum(dark) < len(dark)


def test_a_square_is_rarer_than_what_normal_photos_show(model):
    odd = [model.look(as_jpeg(carry(200 + n, 80, 100, r=40, ratio=1.3)[0])) for n in range(4)]
    normal = [model.look(as_jpeg(draw_meadow(300 + n))) for n in range(4)]

    assert min(one.score for one in odd) > np.median([one.score for one in normal])
    assert np.mean([one.p_value for one in odd]) <= np.mean([one.p_value for one in normal])
    assert min(one.p_value for one in odd) >= 1 / 4, "a p-value is never 0: three normal photos were held out"


def test_a_saved_model_says_the_same_and_holds_no_code(model, tmp_path):
    model.save(tmp_path)
    image, _ = carry(1, 80, 100)
    again = HeatMapModel.load(tmp_path).look(image)

    assert (again.row, again.column, again.score) == tuple(
        getattr(model.look(image), name) for name in ("row", "column", "score")
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def _change(folder, **facts):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "model.json").unlink(), "There is no heat-map model"),
        (lambda folder: (folder / "model.json").write_text("{"), "cannot be used"),
        (lambda folder: (folder / "model.json").write_text("[]"), "cannot be used"),
        (lambda folder: _change(folder, format="other"), "it has the format 'other'"),
        (lambda folder: _change(folder, settings={"least_r": "big"}), "cannot be used"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04cposix\nsystem\n."), "cannot be used"),
        (lambda folder: (folder / "model.safetensors").unlink(), "There is no heat-map model"),
    ],
)
def test_a_damaged_or_foreign_model_is_a_sentence(model, tmp_path, spoil, why):
    model.save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(AnomalureError, match=why):
        HeatMapModel.load(tmp_path)


def test_weights_that_are_no_numbers_are_refused(model, tmp_path):
    spoiled = HeatMapModel(type(model.net)(), QUICK, np.empty(0))
    with torch.no_grad():
        spoiled.net.places.side[0].weight[0, 0] = float("nan")
    spoiled.save(tmp_path)
    with pytest.raises(AnomalureError, match="other than finite numbers"):
        HeatMapModel.load(tmp_path)


@pytest.fixture(scope="module")
def short_model(photos):
    return train_heat_map(photos, SHORT)


@pytest.mark.parametrize(
    ("stopped", "first"),
    [pytest.param(4, 4, id="among the sides"), pytest.param(6, 6, id="among the squares, which are looked at again")],
)
def test_a_training_that_was_stopped_goes_on_to_the_same_model(
    photos, short_model, tmp_path, monkeypatch, stopped, first
):
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 3)

    def stop(done, total):
        if done == stopped:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_heat_map(photos, SHORT, folder=tmp_path, on_step=stop)
    steps, report = [], Training()
    resumed = train_heat_map(photos, SHORT, folder=tmp_path, into=report, on_step=lambda *step: steps.append(step))

    total = SHORT.side_steps + SHORT.place_steps + training.PLACE_ROUNDS
    assert steps == [(done, total) for done in range(first, total + 1)]
    assert [point.epoch for point in report.curve] == sorted({point.epoch for point in report.curve})
    for one, other in zip(short_model.net.state_dict().values(), resumed.net.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)


def test_photos_that_cannot_be_used_are_named_and_too_few_are_refused(tmp_path):
    folder = write_meadows(tmp_path / "photos", 3)
    (folder / "broken.jpg").write_bytes(b"no picture")
    Image.new("RGB", (60, 300)).save(folder / "narrow.png")
    report = Training()
    train_heat_map(find_photo_set(folder), LocalizeSettings(side_steps=6, place_steps=1), into=report)

    assert set(report.failures) == {"broken.jpg", "narrow.png"}
    assert "too small: 60 x 300 pixels" in report.failures["narrow.png"]
    assert report.curve[-1].epoch == 2
    for name in ("0.jpg", "1.jpg"):
        (folder / name).unlink()
    with pytest.raises(AnomalureError, match=r"needs 2 photos or more that can be used; .* has 1"):
        train_heat_map(find_photo_set(folder), LocalizeSettings(side_steps=6, place_steps=1))
    with pytest.raises(PhotoUnreadable, match="too small"):
        scale_photo(np.zeros((71, 500, 3), np.uint8))


def test_a_loss_that_is_no_number_stops_the_training(photos, monkeypatch):
    monkeypatch.setattr(training, "_judge_sides", lambda *given: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(AnomalureError, match="failed at step 1: the loss is nan, not a number"):
        train_heat_map(photos, QUICK)


@pytest.fixture(scope="module")
def carrying(tmp_path_factory):
    folder = tmp_path_factory.mktemp("carrying")
    made = [carry(400 + number, 50 + 8 * number, 60 + 10 * number) for number in range(6)]
    for image, square in made:
        Image.fromarray(image).save(folder / square.file_name)
    write_squares([square for _, square in made], folder / "labels.csv")
    return find_photo_set(folder, folder / "labels.csv")


def test_distances_are_shares_of_the_longer_side_and_counted_within_r(model, carrying):
    middle = cross_validate(carrying, "constant", QUICK, n_folds=2)
    true = [carrying.squares[number] for number in range(6)]
    slow = [np.hypot(one.row - 80, one.column - 100) / 200 for one in true]
    np.testing.assert_allclose(np.sort(middle.shares), np.sort(slow))
    assert middle.within.sum() == sum(share * 200 <= 30 for share in slow)

    assert measure_carried(find_with(model), carrying).within.mean() >= 0.8
    assert len(measure_made(model, carrying).shares) == 6


@pytest.mark.parametrize("method", ["image", "numbers_early", "numbers_late", "numbers_layer"])
def test_a_published_network_learns_and_predicts_a_centre(carrying, method):
    found = cross_validate(carrying, method, QUICK, n_folds=2, epochs=1)
    assert len(found.shares) == 6
    assert np.isfinite(found.shares).all()


def test_folds_are_followed_in_thousandths_of_all_of_them(carrying):
    told = []
    cross_validate(carrying, "image", QUICK, n_folds=2, epochs=2, on_step=lambda *step: told.append(step))
    assert told == [(500, 2000), (1000, 2000), (1500, 2000), (2000, 2000)]


def test_each_photo_is_asked_for_once_and_never_learned_from_by_then():
    folds = split_folds(11, 3, seed=0)
    assert sorted(np.concatenate([ask for _, ask in folds])) == list(range(11))
    assert all(not set(learn) & set(ask) and len(learn) + len(ask) == 11 for learn, ask in folds)
    for n, n_folds in ((3, 2), (8, 1), (8, 5)):
        with pytest.raises(AnomalureError, match="2 folds or more"):
            split_folds(n, n_folds, seed=0)


def test_a_large_photo_is_found_in_its_own_pixels_and_drawn(model):
    image, _square = carry(500, 80, 100, r=40, ratio=1.3)
    large = np.asarray(Image.fromarray(image).resize((1600, 1280), Image.Resampling.NEAREST))
    scaled = scale_photo(large)
    assert (scaled.scale, scaled.pixels.shape) == (2.0, (640, 800, 3))
    found = model.look(large)
    assert found.r * 2 <= 1280
    drawn = draw_found(large, found, longest_px=400)
    assert drawn.size == (400, 320)
    assert np.asarray(drawn).shape == (320, 400, 3)
