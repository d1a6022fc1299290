"""Views of crops: of the size and kind asked for, the same for the same seed, and the maths of their colours."""

import colorsys

import pytest
import torch

from core.settings.training import TrainingSettings
from models.contrastive.augmentations import GREY, MEAN, SCALE, Augmenter, _turn_hue

PLAIN = {"smallest_cut": 1.0, "colour_strength": 0.0, "grey_share": 0.0, "blur_share": 0.0}


def make(seed: int = 0, *, squares: torch.Tensor | None = None, **settings) -> torch.Tensor:
    if squares is None:
        squares = torch.randint(0, 256, (12, 40, 40, 3), generator=torch.Generator().manual_seed(9), dtype=torch.uint8)
    augmenter = Augmenter.of(TrainingSettings(image_px=32, **settings))
    return augmenter.make_views(squares, torch.Generator().manual_seed(seed))


def to_colours(views: torch.Tensor) -> torch.Tensor:
    return views * torch.tensor(SCALE).view(1, 3, 1, 1) + torch.tensor(MEAN).view(1, 3, 1, 1)


def test_views_are_squares_of_the_asked_size_between_black_and_white():
    views = make(colour_strength=1.0)
    assert views.shape == (12, 3, 32, 32)
    colours = to_colours(views)
    assert float(colours.min()) >= -1e-5
    assert float(colours.max()) <= 1 + 1e-5


def test_the_same_seed_gives_the_same_views_and_another_seed_others():
    assert torch.equal(make(1), make(1))
    assert not torch.equal(make(1), make(2))


def test_without_any_change_a_view_is_the_crop_or_its_mirror_image():
    squares = torch.randint(0, 256, (8, 32, 32, 3), generator=torch.Generator().manual_seed(9), dtype=torch.uint8)
    expected = squares.permute(0, 3, 1, 2).float() / 255
    # A full cut of another shape than a square is clipped to a square's height; its width may be less.
    augmenter = Augmenter(image_px=32, **PLAIN)
    views = to_colours(augmenter._colour(expected * 255, torch.Generator().manual_seed(0)))
    assert torch.allclose(views, expected, atol=1e-5)
    kept = squares.clone()
    augmenter.make_views(squares, torch.Generator().manual_seed(0))
    assert torch.equal(squares, kept)


def test_a_cut_never_reaches_over_the_crop():
    squares = torch.zeros(64, 40, 40, 3, dtype=torch.uint8)
    squares[..., 0] = torch.arange(40)[None, None, :] * 5  # red tells the column
    red = to_colours(make(squares=squares, smallest_cut=0.2, colour_strength=0.0, grey_share=0.0, blur_share=0.0))[:, 0]
    steps = red.diff(dim=2)
    rising, falling = (steps >= -1e-6).flatten(1).all(1), (steps <= 1e-6).flatten(1).all(1)
    assert (rising | falling).all(), "neither a cut nor its mirror image"
    assert rising.any()
    assert falling.any()
    assert red.max() <= 39 * 5 / 255 + 1e-5


def test_grey_views_have_no_colour_and_blurred_ones_less_detail():
    grey = to_colours(make(**{**PLAIN, "grey_share": 1.0}))
    assert torch.allclose(grey[:, 0], grey[:, 1], atol=1e-5)
    sharp, blurred = make(**PLAIN), make(**{**PLAIN, "blur_share": 1.0})
    assert float(blurred.diff(dim=3).abs().mean()) < float(sharp.diff(dim=3).abs().mean())


def test_colours_keep_their_brightness_on_average_and_vary_with_strength():
    flat = torch.full((200, 40, 40, 3), 128, dtype=torch.uint8)
    for strength, spread in ((0.25, 0.06), (0.5, 0.12)):
        means = to_colours(make(squares=flat, colour_strength=strength, grey_share=0.0, blur_share=0.0)).mean((1, 2, 3))
        assert float(means.mean()) == pytest.approx(128 / 255, abs=0.03)
        assert float(means.std()) == pytest.approx(128 / 255 * 0.8 * strength * (0.8 / 3) ** 0.5, rel=0.25)
        assert float(means.std()) < spread


def test_hues_turn_about_grey():
    turn = _turn_hue(torch.tensor([2 * torch.pi / 3]))[0]
    assert torch.allclose(turn @ torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]), atol=1e-6)
    assert torch.allclose(turn @ torch.ones(3), torch.ones(3), atol=1e-6)
    slight = _turn_hue(torch.tensor([0.2]))[0] @ torch.tensor([0.8, 0.5, 0.3])
    assert colorsys.rgb_to_hsv(*slight.tolist())[0] > colorsys.rgb_to_hsv(0.8, 0.5, 0.3)[0]
    assert sum(GREY) == pytest.approx(1.0)
