"""What a user notices of autoencoders on the Train page."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core.settings.training import AUTOENCODER_DEFAULTS, TrainingSettings
from core.work.progress import Phase
from models.autoencoder.pictures import SHEET, draw_sheet
from tests.pages.test_train import add_training, fill_in, open_page, project, season, started, texts

__all__ = ["project", "season", "started"]  # fixtures


def choose(season, method="autoencoder_conv"):
    page = fill_in(open_page(), season)
    page.session_state["train_method"] = method
    return page.run()


def test_start_asks_for_an_autoencoder_that_scores_by_reconstruction(project, season, started):
    page = choose(season)
    assert [box.label for box in page.selectbox if box.label in ("Start from", "Encoder")] == []
    page.number_input(key="setting-autoencoder-bottleneck").set_value(32).run()
    page.selectbox(key="train_threshold").set_value("deviations").run()
    page.number_input(key="train_deviations").set_value(2.5).run()
    page.button(key="start-training").click().run()

    (asked,) = started
    assert (asked.method, asked.scored_by, asked.threshold) == ("autoencoder_conv", "reconstruction", "mean+2.5sd")
    assert asked.training == replace(TrainingSettings(**AUTOENCODER_DEFAULTS), bottleneck=32)
    assert asked.frames == "embedding"


def test_an_encoder_that_is_no_autoencoder_is_scored_by_its_one_class_models(project, season, started):
    page = choose(season)
    page.session_state["train_method"] = "simclr"
    page.run()
    page.button(key="start-training").click().run()

    (asked,) = started
    assert (asked.method, asked.scored_by, asked.threshold) == ("simclr", "one_class", "")
    assert asked.training == TrainingSettings()


@pytest.mark.parametrize(
    ("method", "change", "said"),
    [
        ("autoencoder_dense", {"setting-autoencoder-image_px": 160}, "at most 128 px"),
        ("autoencoder_conv", {"setting-autoencoder-image_px": 72}, "multiple of 16 px, got 72 px"),
        ("autoencoder_conv", {"train_frames": "patches"}, "has no map of patches"),
    ],
)
def test_what_cannot_be_is_said_before_the_start(project, season, method, change, said):
    page = choose(season, method)
    for key, value in change.items():
        page.session_state[key] = value
    page.run()

    assert said in texts(page)
    assert page.button(key="start-training").disabled


def test_reconstructions_are_shown_while_it_learns_and_a_spoilt_picture_stops_nothing(project):
    training = add_training(
        project, "spring", Phase.TRAINING, method="autoencoder_conv", done=120, total=400, unit="crop"
    )
    pictures = np.random.default_rng(0).random((4, 3, 32, 32)).astype(np.float32)
    sheet = draw_sheet(pictures, pictures, np.zeros((4, 16, 16), np.float32), limit=1.0)
    (training.path / SHEET).write_bytes(sheet)
    assert Image.open(io.BytesIO(sheet)).width > 300
    (shown,) = open_page().image
    assert "what the autoencoder puts together again" in shown.proto.imgs[0].caption

    (training.path / SHEET).write_bytes(sheet[:200])
    page = open_page()
    assert not page.exception
    assert not page.image
    assert len(page.get("plotly_chart")) == 1
