"""``cli.py train`` as a user meets it: a bundle with a trained encoder, or a plain sentence and no half-made bundle."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli import main
from core.errors import AnomalureError
from core.photos.crops import resize_crops
from core.settings.training import AUTOENCODERS, TrainingSettings
from core.study.project import Project
from core.work.folder import Status
from core.work.meter import Cancelled
from core.work.progress import Phase
from core.work.trainings import CurvePoint
from models.bundles.bundle import CARD, Bundle
from models.encoders.loading import load_encoder
from models.encoders.spec import EncoderSpec
from models.jobs.bundle import BundleRequest
from models.jobs.registry import do_at_once, resume_at_once
from tests.fakes.tiny_networks import use_tiny_backbone

COLOURS = {"deer": (150, 110, 60), "fox": (200, 90, 30)}
QUICK = TrainingSettings(image_px=32, epochs=2, batch_crops=12, projection_hidden=8, projection_size=8, precision="f32")
OPTIONS = ["--image-px", "32", "--epochs", "2", "--batch-crops", "12", "--precision", "f32"]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch, detector_asked_in_vain):
    use_tiny_backbone(monkeypatch)
    monkeypatch.setattr("core.disk.files.os.fsync", lambda handle: None)  # a power cut is not what is tested
    monkeypatch.setattr("models.encoders.loading._choose_faster", lambda key, use_openvino, use_torch: use_torch())


@pytest.fixture(scope="module")
def season(tmp_path_factory) -> Path:
    """Forty photos with a box each, and their COCO file."""
    folder = tmp_path_factory.mktemp("season")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(40):
        pixels = np.full((48, 64, 3), (60, 110, 60), np.float64)
        pixels[8:32, 8:40] = list(COLOURS.values())[i % 2]
        pixels += rng.normal(0, 1.5, 3) + rng.normal(0, 3, pixels.shape)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"IMG_{i:03d}.jpg")
        images.append({"id": i, "file_name": f"IMG_{i:03d}.jpg", "width": 64, "height": 48})
        annotations.append({"id": i, "image_id": i, "category_id": i % 2, "bbox": [8, 8, 32, 24]})
    categories = [{"id": k, "name": name} for k, name in enumerate(COLOURS)]
    labels = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


def ask(season: Path, **changes) -> BundleRequest:
    request = BundleRequest(
        name="first",
        images=season / "images",
        labels=season / "labels.json",
        encoders=(EncoderSpec(weights="none"),),
        method="simclr",
        training=QUICK,
    )
    return replace(request, **changes)


def make(project: Project, request: BundleRequest, on_progress=lambda progress: None) -> Bundle:
    do_at_once(project, request, on_progress=on_progress)
    return Bundle.load(project.bundles_dir / request.name)


def train_by_command(project: Project, season: Path, *options: str) -> int:
    return main(
        [
            "train",
            "--project",
            str(project.path),
            "--name",
            "first",
            "--images",
            str(season / "images"),
            "--coco",
            str(season / "labels.json"),
            "--backbone-weights",
            "none",
            "--json",
            *options,
        ]
    )


def left_behind(project: Project) -> list[str]:
    return sorted(path.name for path in project.bundles_dir.rglob("*"))


@pytest.mark.parametrize("method", ["simclr", "triplet"])
def test_the_command_makes_a_bundle_whose_encoder_was_trained(project, season, capsys, method):
    assert train_by_command(project, season, "--method", method, *OPTIONS) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["bundle"] == "first"
    assert printed["training"]["method"] == method
    assert printed["training"]["epochs"] == 2
    bundle = Bundle.load(project.bundles_dir / "first")
    (spec,) = bundle.encoders
    assert Path(spec.weights).parent == bundle.path
    assert spec.input_px == 32
    assert bundle.sections == (12,)
    card = (bundle.path / CARD).read_text(encoding="utf-8")
    assert f"training of the encoder: {method}" in card
    assert "best epoch" in card
    assert str(project.path) not in card
    assert project.store.bundles()["name"].tolist() == ["first"]


@pytest.mark.parametrize("method", AUTOENCODERS)
def test_the_command_makes_a_bundle_that_scores_by_reconstruction(project, season, capsys, method):
    options = [*OPTIONS, "--epochs", "20", "--learning-rate", "0.003"]
    assert train_by_command(project, season, "--method", method, "--threshold", "mean+1sd", *options) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["scored_by"] == "reconstruction"
    bundle = Bundle.load(project.bundles_dir / "first")
    (spec,) = bundle.encoders
    assert (spec.backbone, spec.input_px, spec.mirrored) == (method, 32, False)
    assert bundle.sections == (64, 2)
    assert bundle.error_at == 64
    encoder = load_encoder(bundle.encoders, engine="torch")
    photos = [np.asarray(Image.open(path)) for path in sorted((season / "images").iterdir())[:12]]
    known = encoder.embed(resize_crops([photo[8:32, 8:40] for photo in photos], size_px=32))
    noise = encoder.embed(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8))
    scores = bundle.species_judge.judge(np.concatenate([noise, known])).scores
    assert scores[:4].min() > scores[4:].max()
    assert 0.01 < bundle.settings.false_alarm_rate < 0.5
    card = (bundle.path / CARD).read_text(encoding="utf-8")
    assert "starting from random weights" in card
    assert f"The threshold mean+1sd of the scores of {len(bundle.species_judge.reference)} held-out" in card
    assert "how badly it is put together again" in card
    assert 0 < len(bundle.unseen_events) < 40
    assert f"Only {len(bundle.unseen_events)} crops were held out of the autoencoder's training" in card
    assert sorted(path.name for path in project.training("first").path.glob("*.png")) == ["reconstructions.png"]


def test_a_bundle_can_be_moved_and_needs_nothing_of_the_training(project, season, tmp_path):
    make(project, ask(season))
    left = sorted(path.name for path in (project.trainings_dir / "first").iterdir())
    assert left == ["crops.json", "curve.json", "progress.json", "request.json", "result.json", "worker.lock"]

    moved = tmp_path / "elsewhere" / "first"
    moved.parent.mkdir()
    os.rename(project.bundles_dir / "first", moved)
    encoder = load_encoder(Bundle.load(moved).encoders)
    assert encoder.embed(np.zeros((1, 32, 32, 3), np.uint8)).shape == (1, 12)


def test_a_training_without_an_encoders_training_is_followed_too(project, season):
    told = []
    make(project, ask(season, method="none"), on_progress=told.append)
    assert {progress.phase for progress in told} == {Phase.STARTING, Phase.MODELS, Phase.DONE}
    assert project.training("first").status is Status.DONE


def test_progress_goes_through_crops_training_and_models(project, season):
    told = []
    make(project, ask(season), on_progress=told.append)
    phases = list(dict.fromkeys(progress.phase for progress in told))
    assert phases == [Phase.STARTING, Phase.CROPS, Phase.TRAINING, Phase.MODELS, Phase.DONE]
    at_end = [progress for progress in told if progress.phase is Phase.TRAINING][-1]
    assert at_end.done == at_end.total
    assert at_end.unit == "crop"
    assert project.training("first").read_curve(CurvePoint)[-1].epoch == 2.0


def cancel_in(project: Project, phase: Phase):
    def follow(progress):
        if progress.phase is phase and progress.total:
            project.training("first").request_cancel()

    return follow


@pytest.mark.parametrize("phase", [Phase.CROPS, Phase.TRAINING, Phase.MODELS])
def test_a_cancelled_training_leaves_no_bundle_and_can_be_resumed(project, season, phase):
    with pytest.raises(Cancelled):
        make(project, ask(season), on_progress=cancel_in(project, phase))
    assert project.training("first").status is Status.CANCELLED
    assert left_behind(project) == []

    resume_at_once(project, "trainings/first")
    assert Bundle.load(project.bundles_dir / "first").species == ("deer", "fox")
    assert project.training("first").status is Status.DONE


def test_an_unfinished_training_is_not_thrown_away_by_a_new_one_of_its_name(project, season):
    with pytest.raises(Cancelled):
        make(project, ask(season), on_progress=cancel_in(project, Phase.TRAINING))
    with pytest.raises(AnomalureError, match=r"unfinished training named first. Resume it \(--resume first\)"):
        make(project, ask(season))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_text("{"), "JSON"),
        (lambda path: path.write_bytes(b""), "broken.json is empty"),
        (lambda path: path.write_text('{"images": []}'), "JSON, but not in a known format"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), "is not JSON"),
        (lambda path: path.unlink(), "no file"),
    ],
)
def test_a_broken_label_file_is_a_plain_sentence_and_leaves_nothing(project, season, tmp_path, capsys, spoil, said):
    labels = tmp_path / "broken.json"
    labels.write_text((season / "labels.json").read_text())
    spoil(labels)
    code = main(
        [
            "train",
            "--project",
            str(project.path),
            "--name",
            "first",
            "--images",
            str(season / "images"),
            "--coco",
            str(labels),
            "--method",
            "simclr",
            "--backbone-weights",
            "none",
            "--json",
        ]
    )
    captured = capsys.readouterr()
    assert code == 1
    assert said.lower() in json.loads(captured.out)["error"].lower()
    assert "Traceback" not in captured.err
    assert left_behind(project) == []
    assert project.trainings() == []


def test_a_missing_photo_is_counted_in_the_card(project, season, tmp_path):
    labels = json.loads((season / "labels.json").read_text())
    labels["images"].append({"id": 99, "file_name": "IMG_gone.jpg", "width": 64, "height": 48})
    labels["annotations"].append({"id": 99, "image_id": 99, "category_id": 0, "bbox": [8, 8, 32, 24]})
    (tmp_path / "labels.json").write_text(json.dumps(labels))

    bundle = make(project, ask(season, labels=tmp_path / "labels.json"))

    card = (bundle.path / CARD).read_text(encoding="utf-8")
    assert "1 photos that are not in the folder (the first: IMG_gone.jpg)" in card


def test_a_species_with_one_crop_has_no_model_and_the_card_says_so(project, season, tmp_path):
    labels = json.loads((season / "labels.json").read_text())
    labels["categories"].append({"id": 2, "name": "stoat"})
    labels["annotations"][0]["category_id"] = 2
    (tmp_path / "labels.json").write_text(json.dumps(labels))

    bundle = make(project, ask(season, labels=tmp_path / "labels.json", method="triplet"))

    assert bundle.species == ("deer", "fox")
    assert "stoat has no model: 1 crop of 1 event" in (bundle.path / CARD).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("crops", "is full. Make room there, then try again"),
        ("checkpoint", "is full. Make room there, then try again"),
        ("bundle", "could not be written to"),
    ],
)
def test_a_full_disk_is_a_plain_sentence_and_leaves_no_half_made_bundle(project, season, monkeypatch, where, said):
    def fill(*_, **__):
        raise OSError(28, "No space left on device")

    place = {
        "crops": "models.contrastive.crops.replace_file",
        "checkpoint": "models.contrastive.training.write_checkpoint",
        "bundle": "models.bundles.bundle.Bundle._write_files",
    }[where]
    with monkeypatch.context() as patch:
        patch.setattr(place, fill)
        with pytest.raises(AnomalureError, match=re.escape(said)):
            make(project, ask(season))
    assert left_behind(project) == []
    assert project.training("first").status is Status.FAILED
    assert said in project.training("first").read_progress().message
    assert (project.trainings_dir / "first" / "crops.u8").exists() is (where != "crops")

    if project.training("first").can_resume:
        resume_at_once(project, "trainings/first")
    else:
        make(project, ask(season))
    assert Bundle.load(project.bundles_dir / "first").species == ("deer", "fox")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "magic"}, "must be one of none, simclr, triplet"),
        ({"name": "a/b"}, "cannot be the name"),
        ({"images": Path("nowhere")}, r"There is no folder .*nowhere"),
        ({"split": "test"}, "No photo of the labels is in the split 'test'"),
        ({"encoders": (EncoderSpec(detector="yolov8n"),)}, "features of a detector"),
        ({"scored_by": "magic"}, "must be one of one_class, reconstruction, worst_part"),
        ({"scored_by": "reconstruction"}, "Only an autoencoder puts crops together again"),
        ({"threshold": "two"}, "A threshold is mean"),
        ({"method": "autoencoder_conv", "frames": "patches"}, "An autoencoder has no map of patches"),
        ({"method": "autoencoder_conv", "training": replace(QUICK, image_px=40)}, "multiple of 16 px"),
        ({"method": "autoencoder_dense", "training": replace(QUICK, image_px=160)}, "at most 128 px"),
        ({"encoders": (EncoderSpec(backbone="autoencoder_conv", weights="a"),)}, "not by simclr"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(project, season, changes, said):
    with pytest.raises(AnomalureError, match=said):
        make(project, ask(season, **changes))
    assert project.trainings() == []
    assert left_behind(project) == []


def test_what_is_missing_from_the_command_is_named(project, capsys):
    assert main(["train", "--project", str(project.path), "--name", "a", "--json"]) == 2
    assert "--images, or --resume" in capsys.readouterr().out
    assert main(["train", "--project", str(project.path), "--resume", "nothing", "--json"]) == 1
    assert "There is no training named nothing" in capsys.readouterr().out
