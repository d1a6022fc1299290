"""A project that came from somebody else shows and packs nothing but its own pictures."""

import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import AnomalureError
from core.export.choice import ExportChoice
from core.export.files import write_export
from core.export.jobs import find_job, make_request
from core.export.pictures import Pictures
from core.photos.reading import find_photo_file
from core.runs.catalogue import find_kept, open_catalogue
from core.store.database import Store
from core.study.bundles import read_bundles
from core.work.progress import Phase, Progress
from models.jobs import registry
from tests.fakes.project import make_project
from ui.train.card import read_card

SECRET = b"the secret of this computer"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "secret.jpg").write_bytes(SECRET)
    return make_project(tmp_path)


def rename_photo(project, name):
    """The first photo of the run has this name in the run's table."""
    run = project.latest_run()
    path = run.path / "photos-00000.parquet"
    table = pq.read_table(path)
    names = [name, *table.column("file_name").to_pylist()[1:]]
    pq.write_table(table.set_column(table.schema.get_field_index("file_name"), "file_name", pa.array(names)), path)
    for kept in run.path.glob("catalogue-*"):
        kept.unlink()
    return table.column("photo_id")[0].as_py()


@pytest.mark.parametrize(
    "name", ["../secret.txt", "../secret.jpg", "/etc/passwd", "{tmp}/secret.jpg", "north/../../secret.jpg"]
)
def test_a_name_that_leads_out_of_the_photos_is_neither_shown_nor_packed(project, tmp_path, name):
    photo_id = rename_photo(project, name.format(tmp=tmp_path))

    assert project.photo_path(project.latest_run().run_id, photo_id) is None
    report = write_export(
        project, ExportChoice(verdicts=()), tmp_path / "out.zip", format="csv", pictures=Pictures.PHOTOS
    )

    assert report.to_values()["pictures_missing"]
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert not any(SECRET in archive.read(name) for name in archive.namelist())


def test_links_among_photos_are_followed_in_the_users_own_folder_and_not_in_one_that_came_along(project, tmp_path):
    for home in (tmp_path / "photos", project.path / "photos"):
        home.mkdir(exist_ok=True)
        (home / "linked.jpg").symlink_to(tmp_path / "secret.jpg")

    assert find_photo_file(project.path, tmp_path / "photos", "linked.jpg").is_file()
    with pytest.raises(AnomalureError, match="leads out"):
        find_photo_file(project.path, project.path / "photos", "linked.jpg")


@pytest.mark.parametrize("pictures", list(Pictures))
def test_a_file_that_is_no_picture_is_not_packed(project, tmp_path, pictures):
    run = project.latest_run()
    row = open_catalogue(run).table.to_pylist()[0]
    for path in (tmp_path / "photos" / row["file_name"], project.crop_path(row["crop_id"])):
        path.unlink()
        path.symlink_to(tmp_path / "secret.jpg")

    report = write_export(project, ExportChoice(verdicts=()), tmp_path / "out.zip", format="csv", pictures=pictures)

    assert report.to_values()["pictures_missing"] == 1
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert not any(SECRET in archive.read(name) for name in archive.namelist())


def test_a_link_among_the_crops_is_not_served(project, tmp_path):
    crop_id = open_catalogue(project.latest_run()).table.column("crop_id")[0].as_py()
    path = project.crop_path(crop_id)
    path.unlink()
    path.symlink_to(tmp_path / "secret.jpg")

    assert project.crop_path(crop_id) is None


def test_an_export_whose_folder_or_file_is_a_link_is_not_served(project, tmp_path):
    request = make_request(project, ExportChoice(verdicts=()), format="csv")
    work = registry.ask(project, request)
    work.write_progress(Progress(phase=Phase.DONE))
    (work.path / "file").mkdir()
    (work.path / "file" / request.file_name).symlink_to(tmp_path / "secret.txt")

    assert find_job(project.path, work.name).file is None

    work.path.rename(tmp_path / "elsewhere")
    work.path.symlink_to(tmp_path / "elsewhere")
    assert find_job(project.path, work.name) is None


@pytest.mark.parametrize("change", [{"file_name": "../../../../out.csv"}, {"out": "{tmp}/out.csv"}])
def test_an_unfinished_export_of_somebody_else_writes_nothing_outside_of_the_project(project, tmp_path, change):
    work = registry.ask(project, make_request(project, ExportChoice(verdicts=()), format="csv"))
    work.write_progress(Progress(phase=Phase.CANCELLED))
    values = json.loads((work.path / "request.json").read_text())
    changed = {key: value.format(tmp=tmp_path) for key, value in change.items()}
    (work.path / "request.json").write_text(json.dumps({**values, **changed}))

    with pytest.raises(AnomalureError, match=r"leads out of|outside of the project"):
        registry.resume_at_once(project, f"exports/{work.name}")

    assert not (tmp_path / "out.csv").exists()


def test_a_model_card_of_somebody_else_fetches_no_pictures_and_is_not_a_link(project, tmp_path):
    bundle = project.bundles_dir / "theirs"
    bundle.mkdir()
    card = bundle / "MODEL_CARD.md"
    card.write_text(
        "# Theirs\n![seen](https://elsewhere.example/pixel.png) ![a][b]\n\n[b]: https://elsewhere.example/b"
    )

    assert "![" not in read_card(project, "theirs")
    assert "# Theirs" in read_card(project, "theirs")

    card.unlink()
    card.symlink_to(tmp_path / "secret.txt")
    with pytest.raises(AnomalureError, match="leads out"):
        read_card(project, "theirs")


def test_a_run_names_no_bundle_outside_of_the_project(project):
    run = project.latest_run()
    values = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**values, "bundle": "../../elsewhere"}))

    assert "not one of this project" in project.runs()[0].problem


def test_a_bundle_whose_maker_was_killed_before_it_was_registered_is_listed_and_can_be_activated(project, monkeypatch):
    (project.bundles_dir / "left").mkdir()
    (project.bundles_dir / "left" / "bundle.json").write_text("{}")
    (project.bundles_dir / ".hidden.tmp").mkdir()

    def refuse(*_, **__):
        raise AnomalureError("This project may only be read.")

    with monkeypatch.context() as only_reading:
        only_reading.setattr(Store, "register_bundle", refuse)
        assert read_bundles(project)["name"].tolist() == ["left"]
    assert project.store.bundles().empty

    assert read_bundles(project)["name"].tolist() == ["left"]
    project.store.activate_bundle("left")
    assert read_bundles(project)["active"].tolist() == [True]


def test_the_catalogue_is_kept_on_the_disk_before_it_has_its_name(project, monkeypatch):
    synced = []
    monkeypatch.setattr("core.runs.catalogue.os.fsync", lambda handle: synced.append(handle))
    run = project.latest_run()
    for kept in run.path.glob("catalogue-*"):
        kept.unlink()

    open_catalogue(run)

    assert synced
    assert find_kept(run).is_file()
