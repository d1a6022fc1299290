"""The bench of the sister methods: every part is found by its file, and measures what it promises."""

import argparse
import json

import numpy as np
import pytest
import torch
from PIL import Image

import bench.sister_parts
from bench import sisters
from bench.sister_parts import anomalib_models, autoencoders, localize, scenes
from core.registry import find_each
from core.settings.training import SCORED_BY
from core.squares.making import make_squares
from core.squares.square import SquareSettings
from models.encoders.spec import EncoderSpec
from models.scenes import autoencoder, masked
from tests.fakes.meadows import write_meadows
from tests.fakes.parts import MeanColourEncoder
from tests.fakes.scenes import make_scenes, write_coco_sets

PARTS = find_each(bench.sister_parts, "PART")


@pytest.mark.parametrize("name", PARTS)
def test_a_part_has_what_the_bench_calls(name):
    assert PARTS[name].ABOUT
    for job in ("add_options", "measure", "list_targets", "print_figures"):
        assert callable(getattr(PARTS[name], job))


def test_the_scenes_of_another_file_are_measured(tmp_path, monkeypatch, capsys):
    for constant, small in (("MANY_SCENES", 300), ("N_EVENTS", 300), ("QUICK_SEEDS", 1), ("QUICK_BOTTLENECKS", (2,))):
        monkeypatch.setattr(scenes, constant, small)
    for model in (autoencoder, masked):  # what is learned is not the point here
        monkeypatch.setattr(model, "EPOCHS", 1)
        monkeypatch.setattr(model, "LEAST_STEPS", 30)
    write_coco_sets(tmp_path / "sets.json", make_scenes(160))

    figures = scenes.measure(argparse.Namespace(coco=tmp_path / "sets.json", quick=True))
    scenes.print_figures(figures)

    assert [row["model"] for row in figures["models"]] == ["base_rates", "autoencoder 2", "masked"]
    assert len(scenes.list_targets(figures)) == 8
    assert "| masked |" in capsys.readouterr().out


def test_a_part_whose_data_is_not_there_is_left_out(tmp_path):
    assert scenes.measure(argparse.Namespace(coco=tmp_path / "none.json", quick=True)) is None


def test_autoencoders_are_measured_beside_the_default_encoder(tmp_path, monkeypatch, capsys):
    write_coloured_season(tmp_path)
    monkeypatch.setattr(autoencoders, "load_default", MeanColourEncoder)
    monkeypatch.setattr(autoencoders, "bundled_encoder", lambda: EncoderSpec(weights="none"))
    for constant, small in (("QUICK_EPOCHS", 2), ("TIMED_STEPS", 1)):
        monkeypatch.setattr(autoencoders, constant, small)

    figures = autoencoders.measure(argparse.Namespace(wildlife=tmp_path, frames=tmp_path / "none", quick=True))
    autoencoders.print_figures(figures)

    assert list(figures["crops"]["unknown"]) == ["raccoon"]
    rows = figures["crops"]["unknown"]["raccoon"]
    assert list(rows) == ["default", *(f"autoencoder_dense, {one}" for one in SCORED_BY)]
    assert 0 <= rows["default"]["promised"]["found"]["raccoon"] <= 1
    assert len(autoencoders.list_targets(figures)) == 2
    assert "| raccoon: autoencoder_dense, worst_part |" in capsys.readouterr().out
    nowhere = argparse.Namespace(wildlife=tmp_path / "none", frames=tmp_path / "none", quick=True)
    assert autoencoders.measure(nowhere) is None


def write_coloured_season(folder):
    """Patches of two species in training, and of a third in the season."""
    colours = {"deer": (150, 110, 60), "fox": (200, 90, 30), "raccoon": (40, 40, 200)}
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(48):
        split, nth = ("train", i % 2) if i < 30 else ("season", i % 3)
        pixels = np.full((48, 64, 3), (60, 110, 60), np.float64)
        pixels[8:32, 8:40] = list(colours.values())[nth]
        pixels += rng.normal(0, 3, pixels.shape)
        path = folder / "images" / split / f"IMG_{i:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        name = f"{split}/{path.name}"
        images.append({"id": i, "file_name": name, "width": 64, "height": 48, "split": split})
        annotations.append({"id": i, "image_id": i, "category_id": nth, "bbox": [8, 8, 32, 24]})
    categories = [{"id": nth, "name": name} for nth, name in enumerate(colours)]
    told = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(told))


def test_squares_of_another_folder_are_looked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(localize, "QUICK_STEPS", (2, 1))
    make_squares(
        write_meadows(tmp_path / "photos", 10),
        tmp_path / "made",
        settings=SquareSettings(least_r=30, most_r=40, least_ratio=1.2, most_ratio=1.3),
    )

    figures = localize.measure(argparse.Namespace(landscape=tmp_path / "made", quick=True))
    localize.print_figures(figures)

    assert len(figures["methods"]) == 7
    assert "| heat map |" in capsys.readouterr().out
    assert localize.list_targets(figures) == [], "a quick run trains too briefly to be held to anything"
    assert len(localize.list_targets({**figures, "quick": False})) == 4
    assert localize.measure(argparse.Namespace(landscape=tmp_path / "none", quick=True)) is None


def test_another_package_is_compared_only_where_it_is_installed_and_the_reason_is_said(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["sisters.py", "--quick", "--only", "anomalib_models"])
    monkeypatch.setattr(anomalib_models, "PACKAGE", "a_package_that_nobody_has")

    sisters.main()

    assert "anomalib_models: left out, the package a_package_that_nobody_has is not" in capsys.readouterr().err


def test_by_patch_distance_the_odd_frame_is_the_oddest_and_its_odd_place_is_found():
    usual = {"ours": torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))}
    odd = {"ours": usual["ours"][:2].clone()}
    odd["ours"][1, :, 3, 0] = torch.tensor([5.0, -5.0, 0.0])

    scores, heat = anomalib_models._fit(anomalib_models.OURS, usual, None, seed=0)(odd)

    assert scores[1] > scores[0]
    assert np.unravel_index(heat[1].argmax(), heat[1].shape) == (3, 0)
