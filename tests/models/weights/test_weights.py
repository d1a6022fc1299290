"""The bundled weights, and the scripts that made them."""

import argparse
import json
import math
from pathlib import Path

import cv2
import numpy as np
import openvino
import pytest
import torch
import torchvision
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score
from ultralytics import YOLO

from core.photos.crops import cut_crop, resize_crops
from core.sample import INTRUDERS, KNOWN, render_scene
from core.sample.places import PLACES
from core.sample.scenery import draw_scenery
from core.sample.season import DEFAULT_SEED
from core.settings.run import RunSettings
from models.weights import export_detector, measure, train_detector, train_encoder
from models.weights.training_photos import TrainingPhoto, invent_kinds, keep_photos, read_real_photos, render_photos

WEIGHTS = Path(measure.__file__).parent
DETECTOR = WEIGHTS / "detector_openvino_model"
ENCODER = WEIGHTS / "encoder.safetensors"


@pytest.fixture(scope="module")
def sceneries():
    return [
        draw_scenery(place, np.random.default_rng(501), width_px=640, height_px=480, oversample=1.0) for place in PLACES
    ]


@pytest.fixture(scope="module")
def photos():
    """A few training photos, rendered once."""
    return list(render_photos(31, 16, kinds=invent_kinds(31, 3), size_px=(200, 150), per_place=4, workers=1))


def folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_weights_are_small_enough_to_live_in_the_repository():
    assert folder_size(DETECTOR) <= 7_000_000
    assert ENCODER.stat().st_size <= 12_000_000


def test_the_encoder_fits_torchvisions_network_without_its_classifier():
    network = torchvision.models.mobilenet_v2(weights=None)
    wanted = {key: value.shape for key, value in network.state_dict().items() if not key.startswith("classifier")}
    given = load_file(ENCODER)
    assert {key: value.shape for key, value in given.items()} == wanted
    assert {value.dtype for key, value in given.items() if not key.endswith("num_batches_tracked")} == {torch.float16}
    assert all(torch.isfinite(value.float()).all() for value in given.values())


def test_the_encoder_says_for_which_network_and_size_it_is():
    with safe_open(ENCODER, framework="pt") as file:
        assert file.metadata()["backbone"] == "mobilenet_v2"
        assert int(file.metadata()["input_px"]) == train_encoder.INPUT_PX


def test_the_detector_says_that_it_knows_animals_only():
    told = yaml.safe_load((DETECTOR / "metadata.yaml").read_text(encoding="utf-8"))
    assert told["names"] == {0: "animal"}
    assert told["task"] == "detect"
    # What the folder says must not name the computer that it was made on.
    assert not any(isinstance(value, str) and value.startswith("/") for value in told.values())


def test_the_detector_finds_known_animals_and_intruders_in_fresh_photos(sceneries):
    detector = YOLO(str(DETECTOR), task="detect")
    side = measure.detector_side(DETECTOR)
    hits = {"known": [], "intruders": []}
    for number, species in enumerate([*KNOWN, *INTRUDERS] * 2):
        rng = np.random.default_rng([77, number])
        scenery = sceneries[number % len(sceneries)]
        pixels, boxes, _ = render_scene(rng, scenery=scenery, species=[species], n_animals=1, night=number // 8)
        answer = detector.predict(pixels[..., ::-1], imgsz=side, conf=RunSettings().min_confidence, verbose=False)[
            0
        ].boxes.xyxy.numpy()
        for box in boxes:
            found = len(answer) > 0 and measure.iou(box, answer).max() >= 0.5
            hits["known" if species in KNOWN else "intruders"].append(found)
    assert len(hits["known"]) >= 6
    assert len(hits["intruders"]) >= 6
    assert np.mean(hits["known"]) >= 0.85
    assert np.mean(hits["intruders"]) >= 0.8


def test_the_encoder_puts_intruders_further_away_than_known_animals(sceneries):
    crops, kinds = [], []
    for number, species in enumerate([*KNOWN * 6, *INTRUDERS * 3]):
        rng = np.random.default_rng([78, number])
        pixels, boxes, names = render_scene(
            rng, scenery=sceneries[int(rng.integers(3))], species=[species], n_animals=1, night=0.4
        )
        crops += [cut_crop(pixels, box, margin=0.05) for box in boxes]
        kinds += names
    vectors = measure.embed(resize_crops(crops, size_px=train_encoder.INPUT_PX), measure.load_backbone(ENCODER))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    novel = np.array([kind not in {species.name for species in KNOWN} for kind in kinds])
    nearest_known = np.sort(likeness[:, ~novel], axis=1)[:, -3:].mean(axis=1)
    assert novel.sum() >= 8
    assert roc_auc_score(novel, -nearest_known) > 0.85


def test_every_weight_has_a_card_with_its_figures_and_licences():
    for name in ("detector.md", "encoder.md"):
        card = (WEIGHTS / name).read_text(encoding="utf-8")
        for word in ("Licence", "Seed", "Command", "elephant", "Limits"):
            assert word in card, (name, word)


def test_the_samples_own_seed_cannot_be_trained_on():
    with pytest.raises(ValueError, match="sample's own"):
        next(render_photos(DEFAULT_SEED, 1, kinds=invent_kinds(1, 1), size_px=(64, 48)))


def test_invented_kinds_are_the_same_again_and_are_not_the_intruders():
    kinds = invent_kinds(5, 4)
    assert kinds == invent_kinds(5, 4)
    assert len({kind.shoulder_m for kind in kinds}) == 4
    assert not {kind.name for kind in kinds} & {species.name for species in (*KNOWN, *INTRUDERS)}


def write_wildlife(folder: Path, photos: list[tuple[str, str, list[str]]]) -> Path:
    names = ["empty", "deer", "elephant", "lion", "raccoon", "turkey"]
    (folder / "images").mkdir()
    truth = {"categories": [{"id": i, "name": name} for i, name in enumerate(names)], "images": [], "annotations": []}
    for name, split, kinds in photos:
        cv2.imwrite(str(folder / "images" / name), np.full((40, 80, 3), 90, np.uint8))
        truth["images"].append({"id": name, "file_name": name, "split": split})
        for kind in kinds:
            truth["annotations"].append({"image_id": name, "category_id": names.index(kind), "bbox": [8, 4, 20, 10]})
    (folder / "annotations.json").write_text(json.dumps(truth), encoding="utf-8")
    return folder


def test_only_lions_and_elephants_of_the_training_split_are_ever_read(tmp_path):
    wildlife = write_wildlife(
        tmp_path,
        [
            ("a.jpg", "train", ["lion"]),
            ("b.jpg", "train", ["elephant", "elephant"]),
            ("c.jpg", "train", ["deer"]),
            ("d.jpg", "train", ["lion", "deer"]),
            ("e.jpg", "train", ["lion", "turkey"]),
            ("f.jpg", "season", ["lion"]),
            ("g.jpg", "season", ["raccoon"]),
            ("h.jpg", "train", ["empty"]),
            ("i.jpg", "train", []),
        ],
    )
    found = read_real_photos(wildlife, longest_px=40)
    assert [photo.kinds for photo in found] == [("lion",), ("elephant", "elephant")]
    assert found[0].pixels().shape == (20, 40, 3)
    assert found[0].boxes.tolist() == [[4, 2, 10, 5]]


def test_without_the_real_photos_training_goes_on_with_rendered_ones(tmp_path):
    assert read_real_photos(tmp_path / "missing", longest_px=40) == []


def test_kept_photos_come_back_as_they_were(tmp_path, photos):
    file = tmp_path / "kept" / "photos.npz"
    keep_photos(file, lambda: iter(photos))
    again = keep_photos(file, lambda: pytest.fail("rendered again"))
    assert [photo.jpeg for photo in again] == [photo.jpeg for photo in photos]
    assert [photo.kinds for photo in again] == [photo.kinds for photo in photos]
    assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(again, photos, strict=True))


def test_views_of_one_animal_are_drawn_together_as_in_the_slow_loss():
    generator = torch.Generator().manual_seed(4)
    vectors = torch.nn.functional.normalize(torch.randn(8, 5, generator=generator), dim=1)
    kinds = torch.tensor([0, 1, 0, -1, 0, 1, 0, -1])
    total = 0.0
    for i in range(8):
        partner = (i + 4) % 8
        others = [j for j in range(8) if j == partner or (j != i and not (kinds[i] == kinds[j] and kinds[i] >= 0))]
        weights = {j: math.exp(float(vectors[i] @ vectors[j]) / 0.1) for j in others}
        total -= math.log(weights[partner] / sum(weights.values()))
    assert train_encoder.nt_xent(vectors, kinds).item() == pytest.approx(total / 8, rel=1e-4)


@pytest.mark.parametrize("mosaic", [True, False])
def test_the_detectors_training_boxes_stay_on_their_animals(mosaic):
    # A white rectangle on black, wherever the picture is moved: its box must hold it.
    pixels = np.zeros((150, 200, 3), np.uint8)
    pixels[50:110, 60:140] = 255
    _, jpeg = cv2.imencode(".jpg", pixels)
    photo = TrainingPhoto(jpeg.tobytes(), np.array([[60, 50, 80, 60]], np.float32), ("block",))
    photos = train_detector.decode([photo])
    checked = 0
    for seed in range(12):
        picture, boxes = train_detector.draw_picture(np.random.default_rng(seed), photos, [], mosaic=mosaic)
        for x, y, width, height in boxes:
            inside = picture[int(y) + 3 : int(y + height) - 3, int(x) + 3 : int(x + width) - 3]
            if inside.size:
                assert inside.min() > picture.max() * 0.6
                checked += 1
    assert checked >= 8


def test_a_pictures_boxes_reach_the_loss_as_shares_and_in_their_order(photos):
    pictures = train_detector.Pictures(train_detector.decode(photos), [], seed=3, count=6)
    assert torch.equal(pictures[4][0], pictures[4][0])  # the same again, in whichever process it is drawn
    drawn = [pictures[number] for number in range(len(pictures))]
    batch = train_detector.collate(drawn)
    assert batch["img"].shape == (6, 3, *train_detector.SIDE_PX)
    assert len(batch["bboxes"]) == len(batch["cls"]) == len(batch["batch_idx"]) > 0
    for number, (_, boxes) in enumerate(drawn):
        assert torch.equal(batch["bboxes"][batch["batch_idx"] == number], boxes)
        assert ((boxes >= 0) & (boxes <= 1)).all()


def test_the_margin_is_taken_off_the_own_kind_alone_as_in_the_slow_loss():
    cosines = torch.tensor([[0.9, 0.1, -0.3], [0.2, 0.4, 0.3]])
    wanted = torch.tensor([0, 2])
    total = 0.0
    for row, own in zip(cosines.tolist(), wanted.tolist(), strict=True):
        shares = [math.exp(20.0 * (value - 0.2 * (kind == own))) for kind, value in enumerate(row)]
        total -= math.log(shares[own] / sum(shares))
    assert train_encoder.margin_loss(cosines, wanted).item() == pytest.approx(total / 2, rel=1e-5)


def test_a_kind_is_drawn_as_often_as_another_however_many_crops_it_has():
    kinds = np.array([10, 10, 10, 11, 0])
    chances = train_encoder.draw_chances(kinds)
    assert chances[:3].sum() == pytest.approx(chances[3])
    assert chances[4] == pytest.approx(train_encoder.KNOWN_WEIGHT * chances[3])
    assert chances.sum() == pytest.approx(1)


def test_both_trainings_run_and_change_the_weights(photos, tmp_path):
    torch.manual_seed(0)
    settings = argparse.Namespace(batch=4, lr=1e-3, device="cpu", workers=0, margin_weight=1.0)
    model = train_detector.build_model()
    before = model.state_dict()["model.0.conv.weight"].clone()
    decoded = train_detector.decode(photos)
    average = train_detector.train(model, train_detector.Pictures(decoded, [], seed=3, count=4), settings)
    assert not torch.equal(model.state_dict()["model.0.conv.weight"], before)
    assert set(average.state_dict()) == set(model.state_dict())

    kinds = (*KNOWN, *invent_kinds(31, 3))
    crops = train_encoder.cut_squares(photos, {kind.name: n for n, kind in enumerate(kinds)})
    assert set(crops.kinds.tolist()) <= set(range(len(kinds)))
    traits = train_encoder.describe_kinds(kinds)
    learner = train_encoder.Learner(traits.shape[1], len(kinds))
    nothing = train_encoder.cut_squares([], {})
    before = learner.backbone.state_dict()["features.0.0.weight"].clone()
    train_encoder.train(learner, train_encoder.Views(crops, nothing, seed=3, count=4), traits, settings)
    assert not torch.equal(learner.backbone.state_dict()["features.0.0.weight"], before)
    train_encoder.store(learner.backbone, tmp_path / "encoder.safetensors")
    assert set(load_file(tmp_path / "encoder.safetensors")) == set(load_file(ENCODER))


def test_a_real_animal_is_seen_twice_and_is_of_no_kind(photos):
    kinds = {kind.name: n for n, kind in enumerate((*KNOWN, *invent_kinds(31, 3)))}
    crops = train_encoder.cut_squares(photos, kinds)
    views = train_encoder.Views(crops, train_encoder.cut_squares(photos, {}), seed=3, count=40)
    seen = [views[number] for number in range(40)]
    assert {kind == -1 for _, kind in seen} == {True, False}
    assert all(pair.shape == (2, 3, train_encoder.INPUT_PX, train_encoder.INPUT_PX) for pair, _ in seen)
    assert torch.equal(views[7][0], views[7][0])


def test_an_export_holds_the_trained_network(photos, tmp_path):
    model = train_detector.build_model().eval()
    checkpoint = tmp_path / "trained.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, checkpoint)
    export_detector.export(checkpoint, tmp_path / "made_openvino_model", side_px=64)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours = model(picture)[0].numpy()  # (1, 5, cells): boxes in pixels, then the confidence
    exported = openvino.Core().compile_model(tmp_path / "made_openvino_model" / "trained.xml", "CPU")(picture.numpy())[
        0
    ]
    np.testing.assert_allclose(ours[:, 4], exported[:, 4], atol=1e-3)
    np.testing.assert_allclose(ours[:, :4], exported[:, :4], atol=0.5)
