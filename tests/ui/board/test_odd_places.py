"""Review shows where a whole frame is odd by the project's newest heat-map model, and nothing where there is none."""

import os
import re

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.records import CropKind
from core.settings.localize import LocalizeSettings
from models.localize.heat_map import HeatMapModel, HeatMapNet
from tests.fakes.meadows import write_meadows
from tests.fakes.project import make_project
from ui.board import odd_places
from ui.board.addresses import ROUTES
from ui.board.odd_places import find_newest


def make_model(project, name, *, normal=(), at=0):
    folder = project.path / "localize" / name
    folder.mkdir(parents=True)
    HeatMapModel(HeatMapNet(), LocalizeSettings(), np.sort(np.array(normal, float))).save(folder)
    os.utime(folder / "model.json", (at, at))
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch):
    made = make_project(tmp_path, 6)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def ask(project, kind, monkeypatch, photo, *, is_same=True):
    if is_same:  # the run has read other photos
        monkeypatch.setattr(odd_places, "check_same_photo", lambda found, photo_id: None)
    rows = project.review_queue(limit=100, flagged_only=False).rows
    row = rows[rows["kind"] == kind].iloc[0]
    monkeypatch.setattr(type(project), "photo_path", lambda self, run_id, photo_id: photo)
    address = f"/api/runs/{project.latest_run().run_id}/crops/{row['crop_id']}/heat"
    answer = TestClient(Starlette(routes=ROUTES)).get(address)
    assert answer.status_code == 200
    return answer.json()


def test_a_frame_has_the_heat_of_the_newest_model(project, tmp_path, monkeypatch):
    photo = write_meadows(tmp_path / "frames", 1) / "0.jpg"
    assert ask(project, CropKind.FRAME, monkeypatch, photo)["heat"] is None
    make_model(project, "old", at=1_000)
    newest = make_model(project, "new", at=2_000)
    assert find_newest(project) == newest

    answer = ask(project, CropKind.FRAME, monkeypatch, photo)

    assert (answer["heat"]["height"], answer["heat"]["width"]) == (20, 25)
    assert max(answer["heat"]["shares"]) == 1
    assert answer["words"].startswith("Bright")
    assert "heat-map model new" in answer["words"]
    assert ask(project, CropKind.DETECTION, monkeypatch, photo)["heat"] is None


def test_a_frame_like_normal_ones_is_not_bright(project, tmp_path, monkeypatch):
    make_model(project, "calm", normal=[1e6] * 30)
    answer = ask(project, CropKind.FRAME, monkeypatch, write_meadows(tmp_path / "frames", 1) / "0.jpg")

    assert max(answer["heat"]["shares"]) < 1
    assert answer["words"].startswith("Nothing here stands out more")


def test_another_picture_under_the_name_of_a_frame_has_no_heat(project, tmp_path, monkeypatch):
    make_model(project, "new")
    photo = write_meadows(tmp_path / "frames", 1) / "0.jpg"

    answer = ask(project, CropKind.FRAME, monkeypatch, photo, is_same=False)

    assert answer["heat"] is None
    assert "another picture" in answer["words"]


@pytest.mark.parametrize(("broken", "why"), [("photo", "is no|not a|cannot"), ("model", "cannot be used")])
def test_what_cannot_be_shown_is_said(project, tmp_path, monkeypatch, broken, why):
    photo = write_meadows(tmp_path / "frames", 1) / "0.jpg"
    model = make_model(project, f"broken-{broken}")
    if broken == "photo":
        photo.write_bytes(b"no picture")
    else:
        (model / "model.safetensors").write_bytes(b"cut")
    answer = ask(project, CropKind.FRAME, monkeypatch, photo)

    assert answer["heat"] is None
    assert re.search(why, answer["words"])
