"""Photos whose files were replaced after the run are not packed under decisions about the pictures before."""

import shutil
import unicodedata
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq

from core.export.choice import ExportChoice
from core.export.files import write_export
from core.export.pictures import Pictures
from tests.fakes.project import make_project


def test_photos_that_were_replaced_since_the_run_are_left_out_and_counted(tmp_path):
    project = make_project(tmp_path, 6)
    photos = tmp_path / "photos"
    shutil.copy(photos / "south" / "photo-001.jpg", photos / "north" / "photo-002.jpg")

    report = write_export(project, ExportChoice(verdicts=()), tmp_path / "out.zip", pictures=Pictures.PHOTOS)

    assert report.to_values()["pictures_written"] == 5
    assert any("1 picture is left out, because the files were changed or replaced" in said for said in report.problems)
    assert not any("could not be read" in said for said in report.problems)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert "photos/north/photo-002.jpg" not in archive.namelist()
        assert sum("photos/" in line for line in archive.read("crops.csv").decode().splitlines()) == 5


def test_names_that_differ_only_in_how_an_accent_is_written_do_not_overwrite_each_other(tmp_path):
    project = make_project(tmp_path, 2)
    run, photos = project.latest_run(), tmp_path / "photos"
    names = {"north/photo-000.jpg": "north/caf\u00e9.jpg", "south/photo-001.jpg": "north/cafe\u0301.jpg"}
    for old, new in names.items():
        shutil.move(photos / old, photos / new)
    for path in run.tables("photos"):
        table = pq.read_table(path)
        renamed = pa.array([names.get(name, name) for name in table["file_name"].to_pylist()], pa.string())
        pq.write_table(table.set_column(table.schema.get_field_index("file_name"), "file_name", renamed), path)

    write_export(project, ExportChoice(verdicts=()), tmp_path / "out.zip", pictures=Pictures.PHOTOS)

    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        packed = [name for name in archive.namelist() if name.startswith("photos/")]
    assert len(packed) == len({unicodedata.normalize("NFC", name) for name in packed}) == 2
