"""Every descriptor describes every image by finite numbers of one length, and sees what it is made to see."""

import numpy as np
import pytest

from core.errors import AnomalureError
from core.settings.images import COLOUR_SPACES, ImageSettings
from models.images.descriptors.descriptor import DEFAULT, list_descriptors, make_descriptor

QUICK = [name for name in list_descriptors() if name != "embedding"]
SIZES = [(1, 1), (3, 200), (200, 3), (48, 64), (600, 900)]


def make_images(shape=(48, 64), n=3, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (n, *shape, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", list_descriptors())
def test_every_image_has_a_row_of_the_same_length(name):
    descriptor = make_descriptor(name, ImageSettings())
    images = [image for shape in SIZES for image in make_images(shape, n=1)]
    images += [np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 255, np.uint8)]
    rows = descriptor.describe(images)

    assert rows.shape == (len(images), sum(descriptor.sections))
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows[3], descriptor.describe(images[3:4])[0], atol=1e-3)
    assert descriptor.label
    assert descriptor.about


@pytest.mark.parametrize("space", COLOUR_SPACES)
@pytest.mark.parametrize("bins", [2, 32, 256])
def test_a_colour_histogram_counts_each_channel_as_a_slow_count_does(space, bins):
    import cv2

    settings = ImageSettings(bins=bins, colour_space=space)
    (image,) = make_images((20, 30), n=1, seed=bins)
    row = make_descriptor("colour_histogram", settings).describe([image])[0].reshape(3, bins)

    codes = {"rgb": None, "hsv": cv2.COLOR_RGB2HSV, "lab": cv2.COLOR_RGB2LAB}
    converted = image if codes[space] is None else cv2.cvtColor(image, codes[space])
    for channel, end in enumerate((180 if space == "hsv" else 256, 256, 256)):
        slow = np.zeros(bins)
        for value in converted[..., channel].ravel().tolist():
            slow[min(bins - 1, int(value * bins / end))] += 1
        np.testing.assert_allclose(row[channel], slow / slow.sum(), atol=1e-6)


def test_texture_does_not_see_colour_and_colour_does_not_see_place():
    (image,) = make_images(n=1)
    grey = np.repeat(image[..., :1], 3, axis=2)
    turned = grey[::-1, ::-1].copy()
    texture, colour = (make_descriptor(name, ImageSettings()) for name in ("texture", "colour_histogram"))

    brighter = (grey // 2 + 100).astype(np.uint8)
    np.testing.assert_allclose(texture.describe([grey]), texture.describe([brighter]), atol=0.1)
    np.testing.assert_array_equal(colour.describe([grey]), colour.describe([turned]))
    assert np.abs(texture.describe([grey]) - texture.describe([turned])).max() > 0.1
    assert np.abs(colour.describe([grey]) - colour.describe([brighter])).max() > 0.01


def test_the_default_comes_first_and_a_wrong_name_is_a_sentence():
    assert next(iter(list_descriptors())) == DEFAULT
    with pytest.raises(AnomalureError, match=r"An image is described by one of texture, .*, got 'colour'"):
        make_descriptor("colour", ImageSettings())
