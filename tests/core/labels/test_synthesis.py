"""Synthetic anomalies: where animals are blended in, and that the truth says so."""

import json

import cv2
import numpy as np
import pytest

from core.errors import AnomalureError
from core.formats.labelled import Label, LabelledPhoto
from core.formats.recognise import read_labels
from core.labels.synthesis import SynthesisSettings, blend_animal, synthesize_anomalies
from core.records import Box
from core.settings.run import RunSettings


def slow_blend(photo, animal, left, top, opacity):
    """Pixel by pixel, as the docstring has it."""
    height, width = animal.shape[:2]
    mixed = photo.astype(float)
    for row in range(height):
        for column in range(width):
            y, x = (row + 0.5) / height * 2 - 1, (column + 0.5) / width * 2 - 1
            weight = opacity * min(max((1 - (x * x + y * y) ** 0.5) / 0.24, 0), 1)
            behind = mixed[top + row, left + column]
            mixed[top + row, left + column] = weight * animal[row, column] + (1 - weight) * behind
    return np.rint(mixed).astype(np.uint8)


@pytest.mark.parametrize("opacity", [1.0, 0.6])
def test_an_animal_fades_into_the_photo_as_the_slow_way_has_it(opacity):
    rng = np.random.default_rng(0)
    photo, animal = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8), rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    before = photo.copy()

    mixed = blend_animal(photo, animal, left=20, top=5, opacity=opacity)

    assert np.abs(mixed.astype(int) - slow_blend(photo, animal, 20, 5, opacity)).max() <= 1
    assert (photo == before).all()


def test_a_turned_hue_changes_the_animal_but_not_its_brightness():
    red = np.zeros((9, 9, 3), np.uint8)
    red[..., 0] = 200
    mixed = blend_animal(np.zeros((9, 9, 3), np.uint8), red, left=0, top=0, opacity=1, hue_shift=120)

    assert mixed[4, 4].tolist() == [0, 200, 0]


def test_an_animal_over_the_edge_is_refused():
    with pytest.raises(ValueError, match="reaches over the photo"):
        blend_animal(np.zeros((9, 9, 3), np.uint8), np.zeros((5, 5, 3), np.uint8), left=5, top=0, opacity=1)


@pytest.fixture
def season(tmp_path):
    """Dark empty photos and one photo with a bright animal."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"empty{number}.png"), np.full((90, 120, 3), 20 + number, np.uint8))
    photo = np.full((90, 120, 3), 30, np.uint8)
    photo[20:70, 30:80] = 230
    cv2.imwrite(str(folder / "fox.png"), photo)
    empties = [LabelledPhoto(f"empty{number}.png", (Label("empty"),)) for number in range(3)]
    return folder, [*empties, LabelledPhoto("fox.png", (Label("fox", Box(30, 20, 50, 50)),), frame=(120, 90))]


def make(season, out, **settings):
    folder, photos = season
    return synthesize_anomalies(
        photos, folder, photos, folder, out, settings=SynthesisSettings(**settings), run_settings=RunSettings()
    )


def test_the_truth_says_where_each_animal_is_and_that_no_bundle_knows_it(season, tmp_path):
    made = make(season, tmp_path / "out", n_photos=6, per_photo=2, most_size=0.3)

    labels = read_labels(made.truth)
    assert (made.n_photos, len(labels.photos), made.n_backgrounds) == (6, 6, 3)
    boxes = 0
    for photo in labels.photos:
        pixels = cv2.imread(str(made.folder / "images" / photo.file_name)).astype(float)
        outside = np.ones(pixels.shape[:2], bool)
        for label in photo.labels:
            assert label.species == "synthetic fox"
            box = label.box
            rows = slice(int(box.y), int(box.y + box.height))
            columns = slice(int(box.x), int(box.x + box.width))
            assert pixels[rows, columns][int(box.height) // 2, int(box.width) // 2].mean() > 150
            outside[rows, columns] = False
            boxes += 1
        assert pixels[outside].mean() < 40
    assert boxes == made.n_animals > 6


def test_the_same_seed_gives_the_same_photos(season, tmp_path):
    one, other = make(season, tmp_path / "a", n_photos=3), make(season, tmp_path / "b", n_photos=3)
    different = make(season, tmp_path / "c", n_photos=3, seed=1)

    assert one.truth.read_bytes() == other.truth.read_bytes()
    assert one.truth.read_bytes() != different.truth.read_bytes()
    assert (one.folder / "images/synthetic_00002.jpg").read_bytes() == (
        other.folder / "images/synthetic_00002.jpg"
    ).read_bytes()


def test_without_empty_photos_the_animals_that_are_there_stay_in_the_truth_and_uncovered(season, tmp_path):
    folder, photos = season
    made = synthesize_anomalies(
        photos[3:],
        folder,
        photos[3:],
        folder,
        tmp_path / "out",
        settings=SynthesisSettings(n_photos=2, least_size=0.1, most_size=0.1),
        run_settings=RunSettings(),
    )

    truth = json.loads(made.truth.read_text())
    names = {category["id"]: category["name"] for category in truth["categories"]}
    assert sorted(names[one["category_id"]] for one in truth["annotations"]) == ["fox"] * 2 + ["synthetic fox"] * 2
    assert "animals were blended into photos with animals" in made.problems[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_photos": 0}, "At least one photo and one animal"),
        ({"least_size": 0.5, "most_size": 0.2}, "the least not over the most; got 0.5 and 0.2"),
        ({"opacity": 0.0}, "Opacity is from 0.1"),
        ({"hue_shift": 400.0}, "hue is shifted by -180 to 180"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(settings, message):
    with pytest.raises(AnomalureError, match=message):
        SynthesisSettings(**settings)


def test_labels_without_an_animal_leave_nothing_behind(season, tmp_path):
    folder, photos = season
    with pytest.raises(AnomalureError, match="no animal to cut out"):
        make((folder, photos[:3]), tmp_path / "out")

    assert not (tmp_path / "out").exists()
