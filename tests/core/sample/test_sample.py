"""The sample season: what a newcomer sees first."""

import json
from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import AnomalureError
from core.photos.reading import read_photo
from core.sample import INTRUDERS, KNOWN, render_scene, render_season
from core.sample.bodies import Pose
from core.sample.individuals import invent_species
from core.sample.light import Light, light_at
from core.sample.places import PLACES
from core.sample.scenery import draw_scenery
from core.sample.scenes import Actor, compose_photo
from core.sample.season import PHOTOS_PER_CAMERA, plan_split
from core.sample.species import DEER

SMALL = {"photos_per_camera": 9, "train_photos_per_camera": 6}


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    out = tmp_path_factory.mktemp("season")
    calls = []
    report = render_season(out, **SMALL, on_progress=lambda done, total: calls.append((done, total)))
    return out, report, json.loads(report.annotations.read_text(encoding="utf-8")), calls


@pytest.fixture(scope="module")
def scenery():
    return draw_scenery(PLACES[2], np.random.default_rng(1), width_px=320, height_px=240, oversample=1.0)


def digest(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_bytes_also_over_a_spoilt_copy(tmp_path, monkeypatch):
    for name, small in (("LEAST_PHOTOS_PER_CAMERA", 1), ("WIDTH_PX", 160), ("HEIGHT_PX", 120)):
        monkeypatch.setattr(f"core.sample.season.{name}", small)  # so that it takes no time
    smallest = {"photos_per_camera": 1, "train_photos_per_camera": 1}
    render_season(tmp_path, **smallest)
    before = digest(tmp_path)
    (tmp_path / "images/season/waterhole/IMG_0001.JPG").write_bytes(b"spoilt")
    render_season(tmp_path, **smallest)
    assert digest(tmp_path) == before


def test_another_seed_is_another_spot_on_other_days():
    here, there = (
        draw_scenery(PLACES[1], np.random.default_rng([seed, 1]), width_px=160, height_px=120, oversample=1.0)
        for seed in (7, 8)
    )
    assert np.abs(here.rgb - there.rgb).mean() > 0.02
    first, second = (list(plan_split("season", 9, seed)) for seed in (7, 8))
    assert [burst.taken_at for burst in first] != [burst.taken_at for burst in second]


def test_each_camera_has_the_photos_that_were_asked_for(season):
    out, report, truth, _ = season
    files = Counter(path.parent.relative_to(out / "images").as_posix() for path in out.rglob("*.JPG"))
    cameras = ["forest-trail", "rocky-ridge", "waterhole"]
    assert files == {**{f"train/{name}": 6 for name in cameras}, **{f"season/{name}": 9 for name in cameras}}
    assert (report.n_train, report.n_season) == (18, 27)
    assert {image["file_name"] for image in truth["images"]} == {
        path.relative_to(out / "images").as_posix() for path in out.rglob("*.JPG")
    }


def test_progress_counts_every_photo_up_to_the_last(season):
    _, _, _, calls = season
    assert calls[-1] == (45, 45)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_intruders_are_in_the_season_and_never_in_the_training_photos(season):
    _, report, truth, _ = season
    names = {item["id"]: item["name"] for item in truth["categories"]}
    split = {image["id"]: image["split"] for image in truth["images"]}
    kinds = defaultdict(set)
    for item in truth["annotations"]:
        kinds[split[item["image_id"]]].add(names[item["category_id"]])
    strangers = {species.name for species in INTRUDERS}
    assert not kinds["train"] & strangers
    assert kinds["season"] & strangers
    assert 1 <= report.n_intruder_photos <= 0.2 * report.n_season


def test_the_default_season_has_five_to_eight_per_cent_of_intruders_of_every_kind():
    # Only the plan: rendering all of it takes most of a minute.
    plan = list(plan_split("season", PHOTOS_PER_CAMERA, 7))
    photos = Counter()
    for sequence in plan:
        photos[sequence.species.name if sequence.species else "empty"] += len(sequence.taken_at)
    total = sum(photos.values())
    assert total == 3 * PHOTOS_PER_CAMERA
    assert 0.05 <= sum(photos[species.name] for species in INTRUDERS) / total <= 0.08
    assert all(photos[species.name] > 0 for species in (*KNOWN, *INTRUDERS))
    assert 0.1 <= photos["empty"] / total <= 0.35


def test_bursts_are_a_few_seconds_long_and_bursts_of_one_camera_do_not_overlap(season):
    _, _, truth, _ = season
    bursts = defaultdict(list)
    for image in truth["images"]:
        key = (image["split"], image["location"], image["seq_id"])
        bursts[key].append(datetime.fromisoformat(image["datetime"]))
    assert any(len(times) == 3 for times in bursts.values())
    for times in bursts.values():
        gaps = np.diff([moment.timestamp() for moment in times])
        assert len(times) == 1 or set(gaps) <= {1.0, 2.0}
    for camera in {key[:2] for key in bursts}:
        spans = sorted((times[0], times[-1]) for key, times in bursts.items() if key[:2] == camera)
        for (_, end), (start, _) in pairwise(spans):
            assert (start - end).total_seconds() >= 120


def test_the_boxes_lie_inside_the_photos_and_every_photo_has_a_label(season):
    _, _, truth, _ = season
    size = {image["id"]: (image["width"], image["height"]) for image in truth["images"]}
    labelled = set()
    for item in truth["annotations"]:
        labelled.add(item["image_id"])
        if item["category_id"] == 0:
            assert "bbox" not in item
            continue
        x, y, width, height = item["bbox"]
        photo_width, photo_height = size[item["image_id"]]
        assert 0 <= x < x + width <= photo_width
        assert 0 <= y < y + height <= photo_height
        assert width >= 8
        assert height >= 8
    assert labelled == set(size)


def test_our_own_reader_finds_time_and_camera_in_the_photos(season):
    out, _, truth, _ = season
    for image in truth["images"][::7]:
        loaded = read_photo(out / "images", image["file_name"], deployment=image["location"], max_megapixels=10)
        assert loaded.photo.captured_at == datetime.fromisoformat(image["datetime"])
        assert loaded.photo.camera_make == "Anomalure"
        assert loaded.photo.camera_model.startswith("Sample Camera")
        assert loaded.photo.camera_serial.startswith("SAMPLE-000")
        assert loaded.pixels.shape == (image["height"], image["width"], 3)


def test_photos_at_night_are_grey_and_photos_by_day_are_not(season):
    out, _, truth, _ = season
    seen = set()
    for image in truth["images"]:
        moment = datetime.fromisoformat(image["datetime"])
        hour = moment.hour + moment.minute / 60
        night = not 5.6 <= hour <= 20.4
        pixels = np.asarray(Image.open(out / "images" / image["file_name"]).convert("RGB")).astype(int)
        colour = np.abs(pixels[..., 0] - pixels[..., 2])[:440].mean()
        assert (colour < 1.5) == night, image["file_name"]
        seen.add(night)
    assert seen == {True, False}


@pytest.mark.parametrize("hour", [9.0, 23.0])
@pytest.mark.parametrize("species", [*KNOWN, *INTRUDERS], ids=lambda species: species.name)
def test_the_box_covers_what_the_animal_changes_in_the_photo(scenery, species, hour):
    light = light_at(np.random.default_rng(5), hour)
    light = Light(**{name: getattr(light, name) for name in Light.__slots__} | {"noise": 0.0, "sun": 0.0})
    distance = max(3.5, 4.5 * species.shoulder_m)
    actor = Actor(species, 0.2, distance, 20.0, Pose(phase=0.2), 3)

    empty, _ = compose_photo(scenery, [], light, np.random.default_rng(2), wind=0.0)
    photo, [drawn] = compose_photo(scenery, [actor], light, np.random.default_rng(2), wind=0.0)

    changed = np.abs(photo.astype(int) - empty.astype(int)).max(axis=2) > 25
    rows, columns = np.nonzero(changed)
    x0, y0 = drawn.box.x, drawn.box.y
    inside = (columns >= x0 - 3) & (columns <= x0 + drawn.box.width + 3)
    inside &= (rows >= y0 - 3) & (rows <= y0 + drawn.box.height + 8)  # its shade reaches a little lower
    assert len(rows) > 100
    assert inside.mean() > 0.97
    assert drawn.visible > 0.5
    # And the box is not larger than the animal.
    assert columns[inside].max() - columns[inside].min() > 0.7 * drawn.box.width


def test_an_animal_further_away_is_smaller_and_higher_in_the_photo(scenery):
    light, rng = light_at(np.random.default_rng(5), 12.0), np.random.default_rng(2)
    near, far = (Actor(DEER, 0.0, distance, 0.0, Pose(), 3) for distance in (4.0, 8.0))
    _, [a, b] = compose_photo(scenery, [near, far], light, rng)
    assert a.box.height > 1.7 * b.box.height
    assert a.box.y + a.box.height > b.box.y + b.box.height


def test_an_animal_out_of_the_frame_is_not_seen(scenery):
    light, rng = light_at(np.random.default_rng(5), 12.0), np.random.default_rng(2)
    _, [drawn] = compose_photo(scenery, [Actor(DEER, 30.0, 6.0, 0.0, Pose(), 3)], light, rng)
    assert drawn.visible == 0.0


def test_training_scenes_are_seeded_and_never_show_the_intruders(scenery):
    kinds = set()
    for seed in range(6):
        pixels, boxes, species = render_scene(np.random.default_rng(seed), scenery=scenery)
        again, boxes_again, _ = render_scene(np.random.default_rng(seed), scenery=scenery)
        assert np.array_equal(pixels, again)
        assert boxes == boxes_again
        assert pixels.dtype == np.uint8
        assert len(boxes) == len(species)
        kinds |= set(species)
    assert kinds
    assert not kinds & {intruder.name for intruder in INTRUDERS}


def test_any_invented_animal_can_be_drawn(scenery):
    light = light_at(np.random.default_rng(5), 12.0)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        species = invent_species(rng, "made up")
        actor = Actor(
            species, 0.0, 6.0, float(rng.uniform(0, 360)), Pose(phase=0.3, head_down=float(rng.random())), seed
        )
        pixels, [drawn] = compose_photo(scenery, [actor], light, rng)
        assert pixels.shape == (240, 320, 3)
        assert drawn.box.width >= 3
        assert drawn.box.height >= 3


def test_a_folder_with_other_photos_is_left_alone(tmp_path):
    mine = tmp_path / "images" / "season" / "my_cat.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(AnomalureError, match=r"my_cat\.jpg"):
        render_season(tmp_path, **SMALL)
    assert mine.read_bytes() == b"mine"
    assert not (tmp_path / "annotations.json").exists()


@pytest.mark.parametrize(
    "arguments", [{"photos_per_camera": 0}, {"photos_per_camera": 5}, {"train_photos_per_camera": -1}]
)
def test_too_few_photos_are_refused_in_words(tmp_path, arguments):
    with pytest.raises(AnomalureError, match="at least 6"):
        render_season(tmp_path, **arguments)
