"""Places of cameras are read from the tables of other tools, and a date that cannot be read is named."""

from datetime import datetime

import pytest

from core.errors import AnomalureError, FileFormatError
from core.export.package_facts import read_places
from core.formats.camtrap_dp.writer import Place

PLACE = Place(50.5, 4.25, datetime(2026, 4, 1, 12), datetime(2026, 6, 30, 12))


def read(tmp_path, text):
    (tmp_path / "places.csv").write_text(text, encoding="utf-8")
    return read_places(tmp_path / "places.csv")


@pytest.mark.parametrize(
    "text",
    [
        "deployment,latitude,longitude,start,end\nA,50.5,4.25,2026-04-01T12:00,2026-06-30T12:00\n",
        "deployment;latitude;longitude;start;end\nA;50,5;4,25;01.04.2026 12:00;30.06.2026 12:00\n",
        "Station,lat,lon,Setup_date,Retrieval_date\nA,50.5,4.25,01-Apr-2026 12:00 PM,6/30/2026 12:00\n",
        "deployment_id,latitude,longitude,start_date,end_date\nA,50.5,4.25,46113.5,46203.5\n",
    ],
)
def test_places_and_dates_are_read_as_other_tools_write_them(tmp_path, text):
    assert read(tmp_path, text) == {"A": PLACE}


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("31.13.2026 12:00", r"column start: 1 rows whose date or time cannot be read .*row 2: 31\.13\.2026"),
        ("01/04/2026 12:00", r"column start: 1 rows whose date can be day/month or month/day.* row 2: 01/04/2026"),
        ("soon", r"row 2: soon\)\. Write 2026-04-01 12:00\."),
    ],
)
def test_a_date_that_cannot_be_read_is_named_and_never_replaced_by_that_of_the_first_photo(tmp_path, start, said):
    with pytest.raises(FileFormatError, match=said):
        read(tmp_path, f"deployment,latitude,longitude,start\nA,50,4,{start}\nB,50,4,\n")


@pytest.mark.parametrize(
    "rows",
    ["A,50,4,,\nA,51,4,,\n", "A,50,4,2026-04-01,2026-04-30\nB,1,1,,\nA,50,4,2026-06-01,2026-06-30\n"],
    ids=["two places", "two periods"],
)
def test_a_camera_in_two_rows_that_differ_is_refused_and_not_that_of_the_last_row(tmp_path, rows):
    with pytest.raises(FileFormatError, match="A stands in it before with another place, start or end"):
        read(tmp_path, f"deployment,latitude,longitude,start,end\n{rows}")


def test_the_same_row_twice_is_one_camera(tmp_path):
    assert read(tmp_path, "deployment,latitude,longitude\nA,50,4\nA,50,4\n") == {"A": Place(50, 4)}


def test_a_place_of_two_zeros_is_a_place_that_is_not_known(tmp_path):
    with pytest.raises(AnomalureError, match="The place of A is 0 and 0, in the sea"):
        read(tmp_path, "deployment,latitude,longitude\nA,0,0.0\n")
    assert read(tmp_path, "deployment,latitude,longitude\nA,0,4\n") == {"A": Place(0, 4)}
