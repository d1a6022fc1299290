"""A one-class model, an export format and an encoder source are one file each: it is put there, and can be used.

The files are those of docs/contributing.md.
"""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import cli
import core.export.formats
import models.encoders.sources
import models.one_class
import models.scenes
from models.encoders.loading import load_encoder
from models.encoders.spec import EncoderSpec
from models.one_class.methods import fit_one_class, list_one_class, name_method, read_one_class
from models.scenes.trained import TrainedScenes
from models.scenes.training import train_scenes
from tests.fakes.project import make_project
from tests.fakes.scenes import make_scenes
from tests.fakes.scored_crops import unit_rows

GUIDE = Path(__file__).parents[1] / "docs" / "contributing.md"


@pytest.fixture
def add_file(tmp_path, monkeypatch):
    """Puts a file of the guide into a folder that the package looks into as well."""

    def add(package, name):
        code = re.search(rf"```python\n# {re.escape(name)}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
        assert code, f"{GUIDE.name} has no file {name}"
        folder = tmp_path / "added"
        folder.mkdir(exist_ok=True)
        (folder / Path(name).name).write_text(code.group(1), encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{Path(name).stem}", raising=False)

    yield add
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


def test_a_one_class_model_is_one_file(add_file, capsys):
    add_file(models.one_class, "models/one_class/centre.py")

    model = fit_one_class(unit_rows(60, seed=1), name="centre")
    again = read_one_class(model.to_bytes(), name=name_method(model), n_rows=model.n_rows, form=model.form)
    asked = np.concatenate([unit_rows(5, seed=2), unit_rows(5, seed=3, around=5)])

    assert "centre" in list_one_class()
    np.testing.assert_array_equal(again.score_samples(asked), model.score_samples(asked))
    assert np.median(model.score_samples(asked[5:])) > np.median(model.score_samples(asked[:5]))
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    assert "Distance to the mean" in " ".join(capsys.readouterr().out.split())


def test_an_export_format_is_one_file(add_file, tmp_path):
    add_file(core.export.formats, "core/export/formats/names.py")
    project = make_project(tmp_path, 6)

    code = cli.main(
        ["export", "--project", str(project.path), "--format", "names", "--all", "--out", str(tmp_path / "out.txt")]
    )

    assert code == 0
    names = {*project.review_queue(flagged_only=False).rows["file_name"]}
    assert (tmp_path / "out.txt").read_text().splitlines() == sorted(names)


def test_an_encoder_source_is_one_file(add_file):
    add_file(models.encoders.sources, "models/encoders/sources/pixels.py")

    encoder = load_encoder(EncoderSpec(weights="pixels", input_px=32), device="cpu", engine="torch")

    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    assert encoder.embed(crops).shape == (3, 48)


def test_a_model_of_scenes_is_one_file(add_file, tmp_path, capsys):
    add_file(models.scenes, "models/scenes/pairs.py")

    trained = train_scenes(make_scenes(200), method="pairs")
    trained.save(tmp_path / "pairs.safetensors")
    again = TrainedScenes.load(tmp_path / "pairs.safetensors")

    assert again.describe()["method"] == "pairs"
    assert again.find(make_scenes(200), rate=0.2).equals(trained.find(make_scenes(200), rate=0.2))
    with pytest.raises(SystemExit):
        cli.main(["scenes", "train", "--help"])
    assert "Adds up what each other class says alone." in " ".join(capsys.readouterr().out.split())
