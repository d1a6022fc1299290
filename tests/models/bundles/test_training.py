"""Labelled photos become a bundle; what cannot be used is counted and said."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.errors import AnomalureError, BundleError
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.records import Box, Detection, Found
from core.settings.run import RunSettings
from models.bundles.bundle import CARD, MANIFEST, Bundle
from models.bundles.making import LEAST_FRAMES, make_bundle
from models.bundles.training import embed_labelled
from models.encoders.defaults import complete_encoders, join_detector_features
from models.encoders.mirrored import MirroredEncoder
from models.encoders.sections import weigh_sections
from models.encoders.spec import EncoderSpec
from models.jobs.bundle import BundleRequest, train_bundle
from models.one_class.methods import list_one_class
from tests.fakes.parts import MeanColourEncoder

COLOURS = {"deer": (150, 110, 60), "fox": (200, 90, 30), "hare": (30, 40, 230), "": (60, 110, 60)}
BOX = Box(8.0, 8.0, 32.0, 24.0)
SPECS = (EncoderSpec(weights="none"),)


class Season:
    """A folder of small photos with labels: a patch of a species' colour on green."""

    def __init__(self, folder: Path, write_jpeg) -> None:
        self.folder = folder
        self._write = write_jpeg
        self.labelled: list[LabelledPhoto] = []

    def add(self, species: str, *, camera: str = "north", **changes) -> LabelledPhoto:
        """One more photo; its label has a box unless ``species`` is empty: then the photo is labelled empty."""
        n = len(self.labelled)
        rng = np.random.default_rng(n)
        pixels = np.full((48, 64, 3), COLOURS[""], np.float64)
        pixels[8:32, 8:40] = COLOURS[species]
        pixels += rng.normal(0, 1.5, 3) + rng.normal(0, 3, pixels.shape)
        name = f"{camera}/IMG_{n:04d}.jpg"
        self._write(self.folder / name, pixels=pixels.clip(0, 255).astype(np.uint8))
        label = Label(species, BOX) if species else Label("empty")
        photo = replace(LabelledPhoto(name, (label,), split="train", frame=(64, 48)), **changes)
        self.labelled.append(photo)
        return photo

    def train(self, tmp_path: Path, *, name: str = "first", problems: tuple[str, ...] = (), **options) -> Bundle:
        """A bundle of the photos so far."""
        told = {key: options.pop(key) for key in ("on_progress", "on_frame", "notes") if key in options}
        told["detector"] = options.pop("detector_of_boxes", None)
        return train_bundle(
            BundleRequest(name=name, images=self.folder, encoders=SPECS, **options),
            LabelFile(tuple(self.labelled), problems, "COCO"),
            out_dir=tmp_path / "bundles",
            encoder=MeanColourEncoder(),
            **told,
        )


@pytest.fixture
def season(tmp_path, write_jpeg) -> Season:
    season = Season(tmp_path / "photos", write_jpeg)
    for species, n in (("deer", 30), ("fox", 25)):
        for _ in range(n):
            season.add(species)
    return season


def test_a_bundle_knows_the_species_of_its_boxes_and_finds_another_one_odd(season, tmp_path):
    bundle = season.train(tmp_path)
    crops = [season.add("deer") for _ in range(5)] + [season.add("hare") for _ in range(3)]
    embedded = embed_labelled(crops, season.folder, encoder=MeanColourEncoder(), settings=RunSettings())

    judged = bundle.species_judge.judge(embedded.rows())

    assert bundle.species == ("deer", "fox")
    assert dict(bundle.counts) == {"deer": 30, "fox": 25}
    assert set(judged.kinds[:5]) == {"deer"}
    assert judged.scores[5:].min() > judged.scores[:5].max()
    assert (judged.p_values[5:] <= 0.05).all()


def test_the_card_says_what_was_learnt_and_what_not(season, tmp_path):
    season.add("hare")
    bundle = season.train(tmp_path, split="train", problems=("2 boxes without a size",))
    card = (bundle.path / CARD).read_text(encoding="utf-8")

    assert "| deer | 30 | one-class SVM |" in card
    assert "from COCO, split train" in card
    assert "hare has no model: 1 crop of 1 event; at least 3 crops of 2 events are needed." in card
    assert "2 boxes without a size" in card
    assert str(bundle.path.parent.parent) not in card


def test_progress_is_told_to_its_end(season, tmp_path):
    told = []

    season.train(tmp_path, on_progress=lambda done, total: told.append((done, total)))

    assert told == [(i, 55) for i in range(1, 56)]


def test_only_the_photos_of_the_split_are_used(season, tmp_path):
    for _ in range(10):
        season.add("hare", split="season")

    assert season.train(tmp_path, split="train").species == ("deer", "fox")
    assert season.train(tmp_path, name="all").species == ("deer", "fox", "hare")
    with pytest.raises(AnomalureError, match=r"split 'test'. There are: season: 10 photos, train: 55 photos"):
        season.train(tmp_path, name="none", split="test")


def test_empty_photos_teach_their_camera(season, tmp_path):
    for _ in range(LEAST_FRAMES + 10):
        season.add("", camera="south")
    for _ in range(LEAST_FRAMES - 1):
        season.add("", camera="west")

    bundle = season.train(tmp_path)

    assert list(bundle.camera_judges) == ["south"]
    assert any(f"Whole frames of west have no model: {LEAST_FRAMES - 1} in training" in note for note in bundle.notes)
    assert bundle.camera_judges["south"].kinds[0].model.n_rows == LEAST_FRAMES + 10


def test_what_cannot_be_used_is_counted_and_said(season, tmp_path):
    deer, elsewhere = Label("deer", BOX), Label("deer", Box(500, 500, 5, 5))
    season.add("deer", labels=(deer, elsewhere))
    season.add("deer", labels=(deer, Label("", BOX), Label("empty", BOX)))
    season.add("deer", labels=(Label("deer", BOX, confidence=0.1),))
    season.add("deer", labels=())
    season.add("deer", frame=(48, 64))
    season.labelled.append(LabelledPhoto("north/gone.jpg", (deer,)))
    broken = season.add("fox")
    (season.folder / broken.file_name).write_bytes(b"no picture")
    copy = season.add("fox")
    (season.folder / copy.file_name).write_bytes((season.folder / "north/IMG_0000.jpg").read_bytes())

    bundle = season.train(tmp_path)

    assert dict(bundle.counts) == {"deer": 32, "fox": 25}
    said = "\n".join(bundle.notes)
    for line in (
        "1 boxes outside their photo (the first: north/IMG_0055.jpg)",
        "2 boxes without a species",
        "1 boxes under the least confidence of 0.25",
        "1 photos without any label",
        "1 photos whose boxes were drawn on the photo turned on its side",
        "1 photos that are not in the folder (the first: north/gone.jpg)",
        "1 photos that cannot be read:",
        "1 photos with the same content as another one",
    ):
        assert line in said


def test_a_burst_is_held_out_as_one(season):
    start = datetime(2024, 5, 3, 6, 12)
    for i in range(6):
        season.add("hare", captured_at=start + timedelta(seconds=10 * i + 600 * (i // 3)))
    season.add("hare", event_id="visit 7")
    season.add("hare", event_id="visit 7")

    crops = embed_labelled(season.labelled[-8:], season.folder, encoder=MeanColourEncoder(), settings=RunSettings())
    groups = crops.groups(gap_s=60.0)

    assert len(set(groups[:3])) == len(set(groups[3:6])) == len(set(groups[6:])) == 1
    assert len(set(groups)) == 3


def test_labels_that_meet_no_photo_are_a_plain_error(season, tmp_path):
    season.labelled = [LabelledPhoto("elsewhere/x.jpg", (Label("deer", BOX),))]

    with pytest.raises(AnomalureError, match=r"None of the 1 labelled photos .* say elsewhere/x.jpg, the folder has"):
        season.train(tmp_path)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((Label("empty"),), "no box has a species, and no camera has the 40 whole frames of two events"),
        ((Label("", BOX),), "55 boxes without a species"),
        ((), "55 photos without any label"),
    ],
)
def test_nothing_to_learn_from_is_a_plain_error_and_leaves_no_bundle(season, tmp_path, labels, said):
    season.labelled = [replace(photo, labels=labels) for photo in season.labelled]
    if labels == (Label("empty"),):
        season.labelled = season.labelled[:39]

    with pytest.raises(AnomalureError, match=said):
        season.train(tmp_path)
    assert not (tmp_path / "bundles").exists()


def test_one_crop_of_each_species_is_too_little(season, tmp_path):
    season.labelled = [season.labelled[0], season.labelled[-1]]

    with pytest.raises(AnomalureError, match=r"too few crops to train on\. deer: 1 crop of 1 event"):
        season.train(tmp_path)


def test_labels_without_photos_are_a_plain_error(season, tmp_path):
    season.labelled = []

    with pytest.raises(AnomalureError, match="name no photo"):
        season.train(tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"method": "magic"},
            "method must be one of none, simclr, triplet, autoencoder_dense, autoencoder_conv, got 'magic'",
        ),
        ({"one_class": "forest"}, "one-class model must be one of ocsvm"),
        ({"name": "a/b"}, "name"),
    ],
)
def test_choices_that_cannot_be_are_refused_before_any_work(season, tmp_path, options, said):
    told = []

    with pytest.raises(AnomalureError, match=said):
        season.train(tmp_path, on_progress=lambda done, total: told.append(done), **options)
    assert told == []


def test_an_existing_bundle_is_refused_before_any_work(season, tmp_path):
    season.train(tmp_path)
    told = []

    with pytest.raises(BundleError, match="named first already"):
        season.train(tmp_path, on_progress=lambda done, total: told.append(done))
    assert told == []


def test_the_same_photos_give_the_same_bundle(season, tmp_path):
    rows = np.random.default_rng(0).random((20, 3)).astype(np.float32)

    first, second = (season.train(tmp_path, name=name).species_judge.judge(rows) for name in ("a", "b"))

    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(first.p_values, second.p_values)


def test_a_bundle_of_few_crops_says_that_none_can_be_flagged(tmp_path, write_jpeg):
    season = Season(tmp_path / "photos", write_jpeg)
    for _ in range(6):
        season.add("deer")

    bundle = season.train(tmp_path)
    card = (bundle.path / CARD).read_text(encoding="utf-8")

    assert "mean of its crops (few crops)" in card
    assert "none can be flagged at 0.05" in card


def test_a_bundle_keeps_what_it_was_trained_and_can_be_trained_again_without_the_photos(season, tmp_path):
    for _ in range(LEAST_FRAMES):
        season.add("", camera="south")
    bundle = season.train(tmp_path)
    rows = bundle.training_rows()

    again = make_bundle(
        rows,
        name="again",
        encoders=SPECS,
        sections=bundle.sections,
        settings=bundle.settings,
        out_dir=tmp_path / "bundles",
    )

    assert len(rows) == 55 + LEAST_FRAMES
    first = rows.table.iloc[0]
    assert (first["file_name"], first["species"], first["deployment"]) == ("north/IMG_0000.jpg", "deer", "north")
    assert (first["x"], first["y"], first["width"], first["height"]) == (8.0, 8.0, 32.0, 24.0)
    assert rows.is_frame.sum() == LEAST_FRAMES
    asked = np.random.default_rng(0).random((20, 3)).astype(np.float32)
    for ours, theirs in (
        (bundle.species_judge, again.species_judge),
        (bundle.camera_judges["south"], again.camera_judges["south"]),
    ):
        np.testing.assert_array_equal(theirs.judge(asked).p_values, ours.judge(asked).p_values)


def test_rows_that_are_joined_replace_the_same_crops(season, tmp_path):
    rows = season.train(tmp_path).training_rows()
    corrected = rows.select(rows.column("species") == "fox")
    corrected = replace(corrected, table=corrected.table.assign(species="hare", origin="verdicts"))

    joined = rows.join(corrected)

    assert len(joined) == len(rows)
    assert set(joined.column("species")) == {"deer", "hare"}


def test_a_bundle_without_rows_still_judges_and_says_why_it_cannot_be_trained_again(season, tmp_path):
    made = season.train(tmp_path)
    manifest = json.loads((made.path / MANIFEST).read_text(encoding="utf-8"))
    del manifest["training_rows"]
    (made.path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    old = Bundle.load(made.path)

    assert old.species == ("deer", "fox")
    with pytest.raises(BundleError, match="keeps no training rows"):
        old.training_rows()


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"PAR1")])
def test_damaged_training_rows_are_told_and_do_not_stop_a_run(season, tmp_path, damage):
    made = season.train(tmp_path)
    damage(made.path / "training.parquet")

    with pytest.raises(BundleError, match=r"training\.parquet"):
        Bundle.load(made.path).training_rows()


@pytest.mark.parametrize("one_class", [name for name in list_one_class() if name != "ocsvm"])
def test_any_one_class_model_can_be_chosen_and_the_card_names_it(season, tmp_path, one_class):
    for _ in range(3):
        season.add("hare")

    bundle = season.train(tmp_path, one_class=one_class, components=2)
    again = Bundle.load(bundle.path)
    card = (bundle.path / CARD).read_text(encoding="utf-8")

    assert (again.one_class, again.components) == (one_class, 2)
    assert "| hare | 3 | mean of its crops (few crops) |" in card
    assert "their mean is used instead: " in card
    assert "reduced to 2 principal components" in card
    rows = np.random.default_rng(0).random((20, 3)).astype(np.float32)
    np.testing.assert_array_equal(again.species_judge.judge(rows).scores, bundle.species_judge.judge(rows).scores)


def test_features_of_a_detector_count_half_as_much_as_a_backbone():
    backbone, features = EncoderSpec(weights="none"), EncoderSpec(detector="yolov8n")

    assert weigh_sections((backbone, features), (1280, 256)) == (1.0, 0.5)
    assert weigh_sections((backbone, backbone), (1280, 1280)) == ()
    assert weigh_sections((features,), (256,)) == ()


def test_the_detectors_features_are_joined_where_they_can_be_had(tmp_path):
    backbone = EncoderSpec(weights="none")

    joined, why = join_detector_features((backbone,), detector=str(tmp_path / "none.onnx"))

    assert joined == (backbone,)
    assert "No detector features are joined: There is no detector" in why
    assert join_detector_features((EncoderSpec(weights="bundled", input_px=96),), detector="bundled")[1] != ""


def test_without_a_detector_at_hand_mirror_images_are_embedded_too(tmp_path):
    specs, why = complete_encoders((EncoderSpec(weights="none"),), detector=str(tmp_path / "none.onnx"))

    assert [spec.mirrored for spec in specs] == [True]
    assert "Mirror images of crops are used instead" in why


def test_a_crop_and_its_mirror_image_have_one_embedding():
    class FirstColumn(MeanColourEncoder):
        def embed(self, crops):
            return crops[:, :, 0].mean(axis=1).astype(np.float32)

    crops = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3)).astype(np.uint8)
    encoder = MirroredEncoder(FirstColumn())

    np.testing.assert_allclose(encoder.embed(crops), encoder.embed(crops[:, :, ::-1]))
    assert encoder.sections == FirstColumn().sections


class CornerDetector:
    """Finds the patch of an animal a little larger than its label, and a stump in the corner of every photo."""

    name = "corner"
    image_px = 640

    def detect(self, photos):
        return [
            Found((Detection(Box(7.0, 7.0, 34.0, 26.0), "dog", 0.9), Detection(Box(48.0, 36.0, 14.0, 11.0), name, 0.5)))
            for name, photo in ((("bench", "person")[len(photo.photo.file_name) % 2], photo) for photo in photos)
        ]


def test_a_detector_cuts_the_animals_and_finds_nothing(season, tmp_path):
    bundle = season.train(tmp_path, detector_of_boxes=CornerDetector())
    rows = bundle.training_rows().table

    assert rows["species"].value_counts().to_dict() == {"nothing": 55, "deer": 30, "fox": 25}
    assert set(rows.loc[rows["species"] == "deer", "width"]) == {34.0}
    assert bundle.counts == {"deer": 30, "fox": 25}
    assert bundle.to_values()["background"] == {"nothing": 55, "person": 0}
    card = (bundle.path / CARD).read_text()
    assert "Trained on 55 boxes on nothing and 0 of people" in card
    green = np.tile(np.array([60, 110, 60], np.float32) / 255, (3, 1))
    assert set(bundle.species_judge.judge(green).kinds) == {"nothing"}
    assert Bundle.load(bundle.path).to_values() == bundle.to_values()


def test_a_photo_labelled_empty_shows_what_nothing_looks_like(season, tmp_path):
    for _ in range(4):
        season.add("")
    rows = season.train(tmp_path, detector_of_boxes=CornerDetector()).training_rows().table

    assert rows["species"].value_counts()["nothing"] == 55 + 8
    assert (rows["kind"] == "frame").sum() == 4


def test_a_detector_that_fails_leaves_the_boxes_of_the_labels(season, tmp_path):
    class Broken(CornerDetector):
        def detect(self, photos):
            if any(photo.photo.file_name.endswith("0003.jpg") for photo in photos):
                raise RuntimeError("out of memory")
            return super().detect(photos)

    bundle = season.train(tmp_path, detector_of_boxes=Broken())

    assert bundle.training_rows().table["width"].value_counts()[32.0] == 1
    assert any("the detector failed" in note for note in bundle.notes)


def test_a_bundle_of_before_has_no_background_class(season, tmp_path):
    bundle = season.train(tmp_path)
    manifest = json.loads((bundle.path / MANIFEST).read_text())
    del manifest["background"]
    (bundle.path / MANIFEST).write_text(json.dumps(manifest | {"format": 3}))

    assert Bundle.load(bundle.path).to_values()["background"] is None
