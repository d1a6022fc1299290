"""``cli.py compare`` as a user meets it: a table, a choice for the project, or a plain sentence."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli import main
from core.errors import AnomalureError
from core.study.defaults import FILE, BundleDefaults, read_bundle_defaults, write_bundle_defaults
from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.meter import Cancelled
from core.work.progress import Phase
from models.bundles.bundle import Bundle
from models.encoders.spec import LITE2, EncoderSpec
from models.jobs.compare import CompareRequest, choose_default, read_rows
from models.jobs.registry import do_at_once, resume_at_once
from tests.fakes.parts import MeanColourEncoder
from tests.fakes.three_coats import COATS, draw_three_coats

GREY = "mobilenet_v2=grey.safetensors"


class BrightnessEncoder(MeanColourEncoder):
    """Sees no colours."""

    sections = (1,)

    def embed(self, crops: np.ndarray) -> np.ndarray:
        return super().embed(crops).mean(axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def loaded(monkeypatch) -> list[str]:
    """Two encoders of a line each in place of networks; returns the names of those that were loaded."""
    names: list[str] = []

    def load(specs, **more):
        names.append(specs[0].backbone)
        return MeanColourEncoder() if specs[0].backbone == LITE2 else BrightnessEncoder()

    monkeypatch.setattr("models.encoders.loading.load_encoder", load)
    monkeypatch.setattr("models.encoders.loading.check_backbone", lambda spec: None)
    monkeypatch.setattr("core.disk.files.os.fsync", lambda handle: None)
    return names


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("coats")
    draw_three_coats(folder)
    return folder


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


def ask(photos: Path, **changes) -> CompareRequest:
    values = {"encoders": (LITE2, GREY), "one_class": ("knn",), **changes}
    return CompareRequest(name="first", images=photos / "images", labels=photos / "labels.json", **values)


def command(name: str, project: Project, photos: Path, result: str, *options: str) -> int:
    given = ["--images", str(photos / "images"), "--coco", str(photos / "labels.json")]
    return main([name, "--project", str(project.path), "--json", "--name", result, *given, *options])


def test_the_encoder_that_sees_colours_is_best_where_species_differ_by_colour(project, photos, capsys):
    options = ["--encoder", LITE2, "--encoder", GREY, "--one-class", "knn", "--one-class", "ocsvm", "--make-default"]
    code = command("compare", project, photos, "first", *options)
    result = json.loads(capsys.readouterr().out)

    assert code == 0
    assert result["best"]["encoder"] == LITE2
    assert result["default"] == {"encoder": LITE2, "one_class": result["best"]["one_class"], "comparison": "first"}
    assert result["crops_of"] == dict.fromkeys(sorted(COATS), 16)
    assert len(result["rows"]) == 4
    assert {row["encoder"] for row in result["rows"][2:]} == {GREY}
    assert result["rows"][0]["auroc"] > 0.9 > result["rows"][2]["auroc"]
    assert all(row["seconds_per_crop"] > 0 for row in result["rows"])
    work = WorkFolder(project.path / "comparisons" / "first")
    with open(work.path / "comparison.csv", encoding="utf-8", newline="") as file:
        assert [row["encoder"] for row in csv.DictReader(file)] == [row["encoder"] for row in result["rows"]]
    assert result["rows"][0]["size_mb"] == pytest.approx(24.5, abs=1.0), "the installed file of weights"
    assert result["rows"][2]["size_mb"] is None, "its file is not there"
    assert not list(work.path.glob("embeddings-*")), "what is only needed to go on is removed at the end"


def test_the_time_of_a_crop_is_without_the_batch_that_sets_things_up(monkeypatch):
    from models.jobs import compare

    clock = iter(range(100))
    monkeypatch.setattr(compare.time, "perf_counter", lambda: float(next(clock)))

    class Slow(MeanColourEncoder):
        has_begun = False

        def embed(self, crops):
            if not self.has_begun:
                self.has_begun = bool([next(clock) for _ in range(50)])
            return super().embed(crops)

    timed = compare._Timed(Slow())
    timed.embed(np.zeros((4, 16, 16, 3), np.uint8))

    assert timed.seconds_per_crop == 0.25


def test_a_bundle_is_then_made_with_the_choice_and_the_command_says_so(project, photos, capsys):
    write_bundle_defaults(project.path, BundleDefaults(encoder=LITE2, one_class="knn", comparison="first"))

    code = command("train", project, photos, "b", "--boxes-from", "labels")
    said = capsys.readouterr()

    assert code == 0
    assert Bundle.load(project.bundles_dir / "b").one_class == "knn"
    assert "chosen by the comparison first" in said.err


def test_another_choice_on_the_command_line_counts_more(project, photos):
    write_bundle_defaults(project.path, BundleDefaults(encoder=GREY, one_class="knn"))

    options = ["--boxes-from", "labels", "--plain-encoder", "--backbone", LITE2, "--one-class", "mahalanobis"]
    assert command("train", project, photos, "b", *options) == 0

    bundle = Bundle.load(project.bundles_dir / "b")
    assert (bundle.encoders[0].backbone, bundle.one_class) == (LITE2, "mahalanobis")


def test_a_comparison_that_was_stopped_goes_on_with_what_it_had_embedded(project, photos, loaded):
    request = ask(photos)

    def stop(progress):
        if progress.phase is Phase.MODELS:
            WorkFolder(project.path / request.work_id).request_cancel()

    with pytest.raises(Cancelled):
        do_at_once(project, request, on_progress=stop)
    assert len(loaded) == 2
    resumed = resume_at_once(project, request.work_id)

    assert len(loaded) == 2, "nothing is embedded twice"
    again = do_at_once(Project(project.path.parent / "other"), request)
    assert [row["auroc"] for row in resumed["rows"]] == [row["auroc"] for row in again["rows"]]


def test_another_row_than_the_best_can_be_chosen_and_taken_back(project, photos, capsys):
    do_at_once(project, ask(photos))

    assert choose_default(project, "first", 2).encoder == GREY
    assert read_bundle_defaults(project.path).one_class == "knn"
    assert main(["compare", "--project", str(project.path), "--of", "first", "--make-default", "1", "--json"]) == 0
    assert read_bundle_defaults(project.path).encoder == LITE2
    assert main(["compare", "--project", str(project.path), "--no-default", "--json"]) == 0
    assert read_bundle_defaults(project.path) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"encoders": ("",)}, "An encoder is a name such as"),
        ({"encoders": (LITE2, LITE2)}, "named twice"),
        ({"encoders": ("dinov2-small",)}, "not on this computer"),
        ({"encoders": ("mobilenet_v2=hub",)}, "There is no published model .mobilenet_v2."),
        ({"one_class": ("kmeans",)}, "one-class model must be one of"),
        ({"folds": 1}, "2 to 10 folds, got 1"),
        ({"most_crops": 3}, "At least 20 crops"),
        ({"split": "nowhere"}, "No photo of the labels is in the split"),
        ({"labels": Path("missing.json")}, "missing.json"),
        ({"images": Path("nowhere")}, "There is no folder"),
    ],
)
def test_what_cannot_be_compared_is_said_and_leaves_nothing(project, photos, changes, said, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(project.path / "cache"))
    request = ask(photos)
    values = {name: getattr(request, name) for name in ("images", "labels", "encoders", "one_class")} | changes

    with pytest.raises(AnomalureError, match=said):
        do_at_once(project, CompareRequest(name="first", **values))

    assert not (project.path / "comparisons" / "first").exists()


def test_one_species_alone_is_refused_before_an_encoder_is_loaded(project, tmp_path, loaded):
    labels = draw_three_coats(tmp_path / "p", n=24)
    values = json.loads(labels.read_text())
    for one in values["annotations"]:
        one["category_id"] = 0
    labels.write_text(json.dumps(values))

    with pytest.raises(AnomalureError, match=r"two species or more .* got 24 of deer of 24 events"):
        do_at_once(project, ask(tmp_path / "p"))

    assert loaded == []


def test_photos_of_one_burst_are_one_event_by_the_times_in_their_heads_and_refused_at_once(project, tmp_path, loaded):
    labels = draw_three_coats(tmp_path / "p", n=24)
    for i, path in enumerate(sorted((tmp_path / "p" / "images").iterdir())):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"2024:05:03 06:12:{i:02d}"
        with Image.open(path) as picture:
            picture.save(path.with_suffix(".jpg"), exif=exif)
        path.unlink()
    labels.write_text(labels.read_text().replace(".png", ".jpg"))

    with pytest.raises(AnomalureError, match=r"8 of deer of 1 event, 8 of fox of 1 event"):
        do_at_once(project, ask(tmp_path / "p"))

    assert loaded == []


def test_only_the_crops_that_were_drawn_are_embedded(project, tmp_path, monkeypatch):
    draw_three_coats(tmp_path / "p", n=90)
    seen: list[int] = []

    class Counting(MeanColourEncoder):
        def embed(self, crops):
            seen.append(len(crops))
            return super().embed(crops)

    monkeypatch.setattr("models.encoders.loading.load_encoder", lambda specs, **more: Counting())
    result = do_at_once(project, ask(tmp_path / "p", encoders=(LITE2,), most_crops=20))

    assert result["crops_of"] == dict.fromkeys(sorted(COATS), 20)
    assert result["crops_not_drawn"] == 30
    assert result["photos"] == 60
    warm_up = seen[0]
    assert sum(seen) - warm_up == 60


def test_photos_without_a_box_of_an_animal_are_named(project, tmp_path):
    labels = draw_three_coats(tmp_path / "p", n=33)
    values = json.loads(labels.read_text())
    values["annotations"] = [one for one in values["annotations"] if one["image_id"] != 5]
    values["images"].append({"id": 99, "file_name": "gone.png", "width": 64, "height": 48})
    labels.write_text(json.dumps(values))

    said = " ".join(do_at_once(project, ask(tmp_path / "p", encoders=(LITE2,)))["not_used"])

    assert "1 photos without a box of an animal (the first: IMG_005.png)" in said
    assert "1 photos that are not in the folder (the first: gone.png)" in said


@pytest.mark.parametrize("content", [b"", b"[]", b'{"encoder": 1, "one_class": "knn"}', b"\xff\x00"])
def test_a_damaged_choice_is_named(project, content):
    (project.path / FILE).write_bytes(content)

    with pytest.raises(AnomalureError, match="usual encoder and one-class model"):
        read_bundle_defaults(project.path)


@pytest.mark.parametrize("content", [b"", b"{}", b'[{"encoder": "x"}]'])
def test_a_damaged_table_is_named(project, photos, content):
    do_at_once(project, ask(photos))
    work = WorkFolder(project.path / "comparisons" / "first")
    (work.path / "rows.json").write_bytes(content)

    with pytest.raises(AnomalureError, match="table of the comparison first cannot be read"):
        read_rows(work)
    with pytest.raises(AnomalureError, match="cannot be read"):
        choose_default(project, "first")


def test_words_of_an_encoder_are_read_and_said():
    from models.encoders.sources.named import read_encoder, say_encoder

    joined = read_encoder("mobilenet_v2=/weights/mine.safetensors+detector:/models/yolo.onnx")

    assert joined[0].weights == "/weights/mine.safetensors"
    assert joined[1] == EncoderSpec(detector="/models/yolo.onnx")
    assert say_encoder(joined) == "mobilenet_v2=mine.safetensors+detector:yolo.onnx"
    assert say_encoder(read_encoder(LITE2)) == LITE2
    assert read_encoder("detector:yolo.onnx") == (EncoderSpec(detector="yolo.onnx"),)
