"""A bundle's patches come from the frames that were chosen, not from what lies under their names later."""

import re

import numpy as np
import pandas as pd
import pytest

from core.errors import AnomalureError
from core.records import CropKind, hash_content
from core.settings.run import RunSettings
from models.bundles import making
from models.bundles.patches import learn_patches
from models.bundles.rows import COLUMNS, TrainingRows


class FakeMaps:
    shape = (2, 2, 3)
    input_px = 32

    def embed_maps(self, pixels):
        return np.zeros((len(pixels), *self.shape), np.float16)


def test_a_frame_that_was_replaced_while_the_bundle_was_made_is_not_learned_from(tmp_path, write_jpeg, monkeypatch):
    monkeypatch.setattr(making, "LEAST_FRAMES", 2)
    photos = [write_jpeg(tmp_path / "cam" / f"{i}.jpg", seed=i) for i in range(2)]
    frames = pd.DataFrame({name: [""] * 2 for name in COLUMNS}).assign(
        kind=CropKind.FRAME,
        photo_id=[hash_content(photo.read_bytes()) for photo in photos],
        file_name=["cam/0.jpg", "cam/1.jpg"],
        deployment="cam",
        owner=["a", "b"],
    )
    photos[1].write_bytes(photos[0].read_bytes())

    with pytest.raises(AnomalureError, match=re.escape("cam/1.jpg") + ".* was changed or replaced"):
        learn_patches(
            TrainingRows(frames, np.zeros((2, 4), np.float16)), tmp_path, encoder=FakeMaps(), settings=RunSettings()
        )
