"""Crops show their box with a margin, stay inside the photo, and are scaled without ragged edges."""

import cv2
import numpy as np
import pytest

from core.photos.crops import cut_crop, encode_jpeg, resize_crops
from core.records import Box

PHOTO = np.arange(40 * 60 * 3, dtype=np.uint32).reshape(40, 60, 3).astype(np.uint8)


@pytest.mark.parametrize(
    ("box", "margin", "rows", "columns"),
    [
        (Box(10, 5, 20, 10), 0.0, (5, 15), (10, 30)),
        (Box(10, 5, 20, 10), 0.1, (3, 17), (8, 32)),  # 2 px: a tenth of the longer side
        (Box(10.4, 5.6, 1.2, 1.2), 0.0, (5, 7), (10, 12)),
        (Box(0, 0, 60, 40), 0.5, (0, 40), (0, 60)),
        (Box(-10, -10, 30, 30), 0.0, (0, 20), (0, 20)),
        (Box(50, 30, 30, 30), 0.0, (30, 40), (50, 60)),
        (Box(59.9, 39.9, 0, 0), 0.0, (39, 40), (59, 60)),
        (Box(20, 20, 0, 0), 0.5, (20, 21), (20, 21)),
        (Box(-5, 10, 5, 5), 0.0, (10, 15), (0, 1)),
    ],
)
def test_a_crop_is_the_box_with_its_margin_inside_the_photo(box, margin, rows, columns):
    crop = cut_crop(PHOTO, box, margin=margin)

    assert np.array_equal(crop, PHOTO[slice(*rows), slice(*columns)])


@pytest.mark.parametrize(
    ("box", "margin", "said"),
    [
        (Box(60, 0, 10, 10), 0.0, "outside"),
        (Box(0, -20, 10, 10), 0.5, "outside"),
        (Box(float("nan"), 0, 10, 10), 0.0, "finite"),
        (Box(0, 0, float("inf"), 10), 0.0, "finite"),
        (Box(10, 10, -5, 10), 0.0, "size"),
        (Box(10, 10, 5, 10), -0.1, "margin"),
        (Box(10, 10, 5, 10), float("nan"), "margin"),
    ],
)
def test_a_box_that_cannot_be_cut_is_refused(box, margin, said):
    with pytest.raises(ValueError, match=said):
        cut_crop(PHOTO, box, margin=margin)


def test_any_box_that_touches_the_photo_gives_a_crop_inside_it():
    rng = np.random.default_rng(2)
    for x, y, width, height in rng.uniform(-30, 60, (500, 4)):
        box = Box(x, y, abs(width), abs(height))
        if box.x >= 60 or box.y >= 40 or box.x + box.width < 0 or box.y + box.height < 0:
            continue
        crop = cut_crop(PHOTO, box, margin=0.05)
        assert 1 <= crop.shape[0] <= 40
        assert 1 <= crop.shape[1] <= 60


def test_crops_of_all_shapes_become_squares_and_stay_unmodified():
    crops = [PHOTO[:1, :1], PHOTO[:, :3], PHOTO[:5], PHOTO, PHOTO[3:35, 10:42]]
    before = [crop.copy() for crop in crops]

    squares = resize_crops(crops, size_px=32)

    assert squares.shape == (5, 32, 32, 3)
    assert squares.dtype == np.uint8
    assert (squares[0] == PHOTO[0, 0]).all()
    assert np.array_equal(squares[4], crops[4])  # already the right size
    assert all(np.array_equal(now, then) for now, then in zip(crops, before, strict=True))


@pytest.mark.parametrize("shape", [(256, 256), (256, 16), (16, 256)])
def test_fine_stripes_are_smoothed_away_where_a_side_shrinks(shape):
    stripes = np.zeros((*shape, 3), dtype=np.uint8)
    along = int(np.argmax(shape))
    np.moveaxis(stripes, along, 0)[::2] = 200  # one pixel light, one dark

    square = resize_crops([stripes], size_px=32)[0]

    assert np.abs(square.astype(int) - 100).max() <= 1


def test_no_crops_are_an_empty_batch():
    assert resize_crops([], size_px=24).shape == (0, 24, 24, 3)


@pytest.mark.parametrize(
    ("size", "expected"), [((400, 800), (160, 320)), ((100, 50), (100, 50)), ((3, 3000), (1, 320)), ((1, 1), (1, 1))]
)
def test_a_small_jpeg_shrinks_but_never_grows(size, expected):
    crop = np.full((*size, 3), (200, 60, 30), dtype=np.uint8)

    content = encode_jpeg(crop, longest_px=320)

    pixels = cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert pixels.shape[:2] == expected
    assert np.abs(pixels.astype(int) - crop[0, 0]).max() < 6  # red stays red
    assert content == encode_jpeg(crop, longest_px=320)


def test_sizes_under_one_pixel_are_refused():
    with pytest.raises(ValueError, match="size_px"):
        resize_crops([PHOTO], size_px=0)
    with pytest.raises(ValueError, match="longest_px"):
        encode_jpeg(PHOTO, longest_px=0)
