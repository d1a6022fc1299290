"""The short forms of bench/reliability.py: decisions survive many reviewers, a kill, and a disk that refuses."""

import os

import pytest

from bench.reliability import Dashboard, Figures, measure_disks, measure_kills, measure_many
from tests.fakes.project import make_project


def missed(figures: Figures) -> list[dict]:
    return [target for target in figures.targets if not target["met"]]


@pytest.mark.skipif(os.name == "nt", reason="needs kill -9 of a group of processes, which Windows has not")
def test_eight_reviewers_and_a_kill_lose_no_decision_and_double_none(tmp_path):
    project = make_project(tmp_path, 20, shard_photos=20)
    dashboard = Dashboard(project.path, tmp_path / "server.log")
    try:
        dashboard.start()
        many = measure_many(dashboard, project, reviewers=8, decisions=3)
        killed = measure_kills(dashboard, project, kills=1)
    finally:
        dashboard.kill()

    assert missed(many) == []
    assert missed(killed) == []


def test_a_full_disk_and_a_read_only_one_are_said_and_nothing_is_corrupted():
    figures = measure_disks()
    if not figures.targets:
        pytest.skip(str(figures.values["disks"]))

    assert missed(figures) == []
    assert "No space left on device" in figures.values["full disk: message"]
    assert "Read-only file system" in figures.values["read-only disk: message"]
