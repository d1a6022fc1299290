"""Review shows which part of a crop is unlike normal crops of its species, or says why it cannot."""

import json
from datetime import datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.photos.crop_pictures import save_crop_picture
from core.review.alike import Examples
from core.settings.run import RunSettings
from models.bundles.bundle import Bundle, now_utc
from models.bundles.rows import FROM_LABELS, TrainingRows, as_training_table
from models.encoders.spec import bundled_encoder
from models.judging.judge import fit_judge
from tests.fakes.project import EMBEDDING_LENGTH, make_project
from ui.board import odd_parts
from ui.board.addresses import ROUTES
from ui.board.odd_parts import LEAST_CROPS, can_show_odd_parts

COMPARED = 16
N_TRAINED = COMPARED + 4
SPECIES = "deer"


def draw_crop(number: int, *, odd: bool = False) -> bytes:
    """Fur with noise; an odd one has a striped thing in its upper right corner."""
    fur = np.repeat(np.repeat(np.random.default_rng(0).integers(60, 160, (8, 8, 3)), 16, axis=0), 16, axis=1)
    pixels = fur + np.random.default_rng(number + 1).normal(0, 4, fur.shape)
    if odd:
        pixels[8:40, 88:120] = np.where(np.arange(32) // 4 % 2, 255, 0)[:, None]
    stream = BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def name_trained(number: int) -> str:
    return f"{number:020x}"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """A folder with a bundle that was trained on crops of one species, two an event."""
    folder = tmp_path_factory.mktemp("bundles")
    told = {"kind": "detection", "x": 0.0, "y": 0.0, "width": 9.0, "height": 9.0, "species": SPECIES}
    rows = [
        {
            **told,
            "photo_id": f"{number}",
            "crop_id": name_trained(number),
            "file_name": f"{number}.jpg",
            "deployment": "north",
            "captured_at": datetime(2026, 5, 1),
            "owner": f"event-{number // 2}",
            "origin": FROM_LABELS,
        }
        for number in range(N_TRAINED)
    ]
    vectors = np.random.default_rng(0).normal(size=(N_TRAINED, EMBEDDING_LENGTH)).astype(np.float32)
    sections = (EMBEDDING_LENGTH,)
    owners = [str(row["owner"]) for row in rows]
    Bundle(
        name="plain",
        created_at=now_utc(),
        encoders=(bundled_encoder(),),
        sections=sections,
        detector="bundled",
        settings=RunSettings(),
        species_judge=fit_judge(vectors, [SPECIES] * N_TRAINED, owners, sections=sections),
        counts={SPECIES: N_TRAINED},
    ).write(folder, card="", rows=TrainingRows(as_training_table(rows), vectors.astype(np.float16)))
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch, bundles):
    """Its first crop is odd, its second is not, and it has the pictures of the training."""
    made = make_project(tmp_path, 6)
    monkeypatch.setattr("ui.board.odd_parts.MOST_CROPS", COMPARED)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    made.bundles_dir.mkdir(exist_ok=True)
    (made.bundles_dir / "plain").symlink_to(bundles / "plain")
    tell(made, bundle="plain", encoders=[bundled_encoder().to_values()])
    for number in range(N_TRAINED):
        save_crop_picture(made.crops_dir, name_trained(number), draw_crop(number))
    for nth, crop_id in enumerate(find_deer(made)):
        save_crop_picture(made.crops_dir, crop_id, draw_crop(1_000 + nth, odd=nth == 0))
    return made


def tell(project, **facts) -> None:
    run = project.latest_run()
    told = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**told, **facts}))


def find_deer(project) -> list[str]:
    rows = project.review_queue(limit=100, flagged_only=False).rows
    return rows[(rows["kind"] == "detection") & (rows["species"] == SPECIES)]["crop_id"].tolist()


def ask(project, crop_id: str):
    address = f"/api/runs/{project.latest_run().run_id}/crops/{crop_id}/heat"
    answer = TestClient(Starlette(routes=ROUTES)).get(address)
    assert answer.status_code == 200
    return answer.json()


def test_the_odd_part_of_a_crop_is_the_brightest_and_a_usual_crop_stays_dark(project, monkeypatch):
    assert can_show_odd_parts(project.latest_run())
    strange = ask(project, find_deer(project)[0])
    monkeypatch.setattr("models.bundles.crop_mapper.CropMapper.learn", None)  # normal crops are mapped once
    usual = ask(project, find_deer(project)[1])

    heat = strange["heat"]
    shares = np.reshape(heat["shares"], (heat["height"], heat["width"]))
    row, column = np.unravel_index(shares.argmax(), shares.shape)
    assert row < heat["height"] / 3
    assert column > heat["width"] * 2 / 3
    assert shares.max() > 1.5 > max(usual["heat"]["shares"])
    assert shares[heat["height"] // 2 :, : heat["width"] // 2].max() < 1.2
    assert strange["words"] == (
        f"Bright: unlike any part of the {COMPARED} normal crops of deer that it was compared with. Dark: as usual."
    )


def _with_few_pictures(project):
    for number in range(LEAST_CROPS - 1, N_TRAINED):
        project.crop_path(name_trained(number)).unlink()
    return f"{LEAST_CROPS} crops of deer from two events or more are needed", f"this project has {LEAST_CROPS - 1}"


def _with_a_spoilt_picture(project):
    for number in range(N_TRAINED):
        save_crop_picture(project.crops_dir, name_trained(number), b"no picture")
    return ("Which part is odd cannot be shown.",)


def _without_its_bundle(project):
    (project.bundles_dir / "plain").unlink()
    return ("this project has 0",)


def _without_its_picture(project):
    for crop_id in find_deer(project):
        project.crop_path(crop_id).unlink()
    return ("",)


def _of_a_first_look(project):
    tell(project, bundle="")
    return ("",)


def _of_a_detector_alone(project):
    tell(project, encoders=[{"detector": "yolo"}])
    return ("",)


@pytest.mark.parametrize(
    "spoil",
    [
        _with_few_pictures,
        _with_a_spoilt_picture,
        _without_its_bundle,
        _without_its_picture,
        _of_a_first_look,
        _of_a_detector_alone,
    ],
)
def test_where_a_crop_cannot_be_compared_there_is_no_map_and_a_reason(project, spoil):
    for kept in (odd_parts._look, odd_parts._learn):
        kept.cache_clear()
    said = spoil(project)

    answer = ask(project, find_deer(project)[0])

    assert answer["heat"] is None
    assert all(part in answer["words"] for part in said)


def test_a_crop_that_was_trained_on_is_not_compared_with_itself(project, monkeypatch):
    own = find_deer(project)[0]
    monkeypatch.setattr("ui.board.odd_parts.TrainedOn.find", lambda *asked: Examples([own], np.zeros((1, 8))))

    answer = ask(project, own)

    assert answer["heat"] is None
    assert answer["words"].startswith("The bundle was trained on this crop")
