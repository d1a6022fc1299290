"""A detector that gets a reduced photo gives its boxes in pixels of the whole photo."""

import numpy as np
import pytest

from core.photos.reading import read_photo
from core.photos.reduction import reduce_to_longest
from core.records import LoadedPhoto, Photo
from core.runs.batches import cut_photo, list_crops
from core.settings.run import RunSettings
from models.detectors.letterbox import Letterbox
from models.detectors.loading import load_detector
from models.encoders.loading import load_encoder
from models.encoders.spec import bundled_encoder


@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
@pytest.mark.parametrize("photo_hw", [(3000, 4000), (2991, 3997), (4000, 2255)])
def test_a_mark_is_at_the_same_place_of_the_photo_to_a_pixel_or_two(photo_hw, shrink):
    height, width = photo_hw
    photo = Photo(photo_id="a", file_name="a", deployment="d", width_px=width, height_px=height, size_bytes=1)
    rows, columns = -(-height // shrink), -(-width // shrink)
    canvas = np.empty((640, 640, 3), np.uint8)
    for x, y in ((64, 64), (width // 16 * 8, height // 16 * 8), (width // 8 * 8 - 128, height // 8 * 8 - 128)):
        pixels = np.zeros((rows, columns, 3), np.uint8)
        pixels[y // shrink : (y + 64) // shrink, x // shrink : (x + 64) // shrink] = 255
        letterbox = Letterbox.place(LoadedPhoto(photo, pixels, shrink), (640, 640))
        letterbox.draw(pixels, canvas)
        (top, left), (high, wide) = letterbox.top_left, letterbox.resized_hw
        light = canvas[top : top + high, left : left + wide, 0].astype(float)
        at_y, at_x = (
            float((light.sum(axis=1 - axis) * (np.arange(light.shape[axis]) + 0.5)).sum() / light.sum())
            for axis in (0, 1)
        )

        box = letterbox.box_on_photo(np.array([left + at_x, top + at_y, left + at_x, top + at_y]))

        assert abs(box.x - (x + 32)) < 2
        assert abs(box.y - (y + 32)) < 2


def test_boxes_never_reach_over_the_photo_although_its_last_blocks_do():
    photo = Photo(photo_id="a", file_name="a", deployment="d", width_px=1001, height_px=1001, size_bytes=1)
    letterbox = Letterbox.place(LoadedPhoto(photo, np.zeros((126, 126, 3), np.uint8), 8), (64, 64))

    box = letterbox.box_on_photo(np.array([0.0, 0.0, 64.0, 64.0]))

    assert (box.x, box.y, box.width, box.height) == (0, 0, 1001, 1001)


@pytest.mark.shared
def test_real_photos_have_the_same_animals_and_nearly_the_same_embeddings(shared_data):
    settings = RunSettings(min_confidence=0.5)
    detector = load_detector(str(shared_data / "weights" / "yolov8n_int8_openvino_model"), settings)
    encoder = load_encoder((bundled_encoder(),))
    files = sorted((shared_data / "formats" / "ena24_small").rglob("*.jpg"))
    cosines, moved, n_reduced = [], [], 0
    for file in files:
        whole, reduced = (
            read_photo(
                file.parent, file.name, deployment="", max_megapixels=50, choose_shrink=reduce_to_longest(longest)
            )
            for longest in (10_000, 640)
        )
        assert (whole.photo, whole.shrink) == (reduced.photo, 1)
        n_reduced += reduced.shrink > 1
        found, again = (detector.detect([one])[0] for one in (whole, reduced))
        for one, other in zip(found.detections, again.detections, strict=False):
            per_canvas_px = max(whole.photo.width_px, whole.photo.height_px) / 640
            moved.append(max(abs(one.box.x - other.box.x), abs(one.box.y - other.box.y)) / per_canvas_px)
        crops = list_crops(whole, found)
        a, b = (
            encoder.embed(cut_photo(one, crops, input_px=encoder.input_px, settings=settings).pixels)
            for one in (whole, reduced)
        )
        cosines += list((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))

    assert n_reduced == len(files) > 10
    # Pixels of a whole photo are skipped when it is resized, so the detector sees other noise: most boxes stay to a
    # pixel of its input.
    assert np.median(moved) < 1.5
    assert np.median(cosines) > 0.99
    assert min(cosines) > 0.97
