"""A run warns if its boxes come from the detector that was made for the drawn season, unless its photos are drawn."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.runs.folder import describe_run
from core.runs.small_detector import WARNING, warn_of_detector
from tests.fakes.project import make_project


def write_photos(folder, *makes):
    paths = []
    for i, some in enumerate(makes):
        paths.append(folder / f"photos-{i}.parquet")
        pq.write_table(pa.table({"camera_make": pa.array(some, pa.string())}), paths[-1])
    return paths


@pytest.mark.parametrize(
    ("detector", "makes", "warns"),
    [
        ("bundled", [["RECONYX"]], True),
        ("bundled", [[None]], True),
        ("bundled", [[], ["RECONYX"]], True),
        ("bundled", [["Anomalure", "RECONYX"]], True),
        ("bundled", [["Anomalure", "Anomalure"]], False),
        ("bundled", [[]], False),
        ("yolov8n", [["RECONYX"]], False),
    ],
)
def test_it_warns_of_real_photos_alone(tmp_path, detector, makes, warns):
    assert warn_of_detector(detector, write_photos(tmp_path, *makes)) == [WARNING] * warns


def test_the_description_of_a_run_has_its_warnings(tmp_path):
    run = make_project(tmp_path, 3).latest_run()

    assert describe_run(run)["warnings"] == []
