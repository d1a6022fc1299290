"""The bench of the sister methods: every part is found by its file, and measures what it promises."""

import argparse

import pytest

import bench.sister_parts
from bench.sister_parts import scenes
from core.registry import find_each
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
    write_coco_sets(tmp_path / "sets.json", make_scenes(160))

    figures = scenes.measure(argparse.Namespace(coco=tmp_path / "sets.json", quick=True))
    scenes.print_figures(figures)

    assert [row["model"] for row in figures["models"]] == ["base_rates", "autoencoder 2", "masked"]
    assert len(scenes.list_targets(figures)) == 8
    assert "| masked |" in capsys.readouterr().out


def test_a_part_whose_data_is_not_there_is_left_out(tmp_path):
    assert scenes.measure(argparse.Namespace(coco=tmp_path / "none.json", quick=True)) is None
