"""Photos whose files were replaced after the run are not packed under decisions about the pictures before."""

import shutil
import zipfile

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
