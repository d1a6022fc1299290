"""Review shows what an autoencoder made of a crop, and nothing where there is none or it cannot be used."""

import base64
import json
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.settings.run import RunSettings
from models.bundles.bundle import Bundle, now_utc
from models.encoders.autoencoders import Autoencoder, map_errors, pack_autoencoder
from models.encoders.spec import EncoderSpec
from models.judging.judge import fit_judge
from tests.fakes.project import make_project
from ui.board.addresses import ROUTES
from ui.board.reconstructions import can_reconstruct


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """A folder with a bundle of an autoencoder that knows nothing yet."""
    folder = tmp_path_factory.mktemp("bundles")
    weights = folder / "weights.safetensors"
    torch.manual_seed(0)
    weights.write_bytes(pack_autoencoder(Autoencoder("autoencoder_dense", input_px=32, bottleneck=4, limit=10.0)))
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32) + 3
    Bundle(
        name="ae",
        created_at=now_utc(),
        encoders=(EncoderSpec(backbone="autoencoder_dense", weights=str(weights), input_px=32),),
        sections=(4, 2),
        detector="bundled",
        settings=RunSettings(),
        species_judge=fit_judge(rows, ["deer"] * 40, [f"p{i}" for i in range(40)], sections=(4, 2), error_at=4),
        counts={"deer": 40},
    ).write(folder, card="")
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch, bundles):
    made = make_project(tmp_path, 6)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    made.bundles_dir.mkdir(exist_ok=True)
    (made.bundles_dir / "ae").symlink_to(bundles / "ae")
    run = made.latest_run()
    told = json.loads((run.path / "run.json").read_text())
    told |= {"bundle": "ae", "encoders": [EncoderSpec(backbone="autoencoder_dense", input_px=32).to_values()]}
    (run.path / "run.json").write_text(json.dumps(told))
    return made


def ask(project, nth=0):
    run = project.latest_run()
    crop = project.review_queue(limit=100, flagged_only=False).rows.iloc[nth]
    answer = TestClient(Starlette(routes=ROUTES)).get(f"/api/runs/{run.run_id}/crops/{crop['crop_id']}/heat")
    assert answer.status_code == 200
    return crop, answer.json()


def read_picture(address: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(address.partition(",")[2])))


@pytest.mark.parametrize("nth", [0, 4])
def test_a_crop_is_shown_beside_its_reconstruction_with_the_errors_as_a_map(project, nth):
    crop, answer = ask(project, nth)

    network = Reconstructed(project).network
    with Image.open(project.crop_path(crop["crop_id"])) as image:
        square = torch.from_numpy(np.array(image.resize((32, 32)))).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        expected = map_errors(square, network.reconstruct(square)[1]).numpy().ravel() / 10.0
    assert (answer["heat"]["height"], answer["heat"]["width"]) == (16, 16)
    np.testing.assert_allclose(answer["heat"]["shares"], expected, atol=1.2)
    assert np.corrcoef(answer["heat"]["shares"], expected)[0, 1] > 0.98
    assert read_picture(answer["original"]).size == read_picture(answer["rebuilt"]).size
    assert answer["words"].startswith("Bright: put together worse")
    assert "grey levels" in answer["error"]
    assert can_reconstruct(project.latest_run())


class Reconstructed:
    def __init__(self, project):
        from models.autoencoder.looking import Reconstructor

        self.network = Reconstructor.of(project.bundles_dir / "ae")._network


def _without_its_bundle(project):
    (project.bundles_dir / "ae").unlink()


def _without_the_picture(project):
    for path in project.crops_dir.rglob("*.jpg"):
        path.unlink()


def _with_a_spoilt_picture(project):
    for path in project.crops_dir.rglob("*.jpg"):
        path.write_bytes(b"no picture")


def _of_a_first_look(project):
    run = project.latest_run()
    told = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**told, "bundle": ""}))


@pytest.mark.parametrize("spoil", [_without_its_bundle, _without_the_picture, _with_a_spoilt_picture, _of_a_first_look])
def test_where_there_is_nothing_to_put_together_nothing_is_shown(project, spoil):
    spoil(project)
    _, answer = ask(project)
    assert answer["heat"] is None
    assert "rebuilt" not in answer
