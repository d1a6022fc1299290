"""Photos close in time are one event, as a slow and obvious version says."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core.photos.events import group_events

START = datetime(2024, 5, 3, 6, 12, 10)


def at(*seconds: float | None) -> list[datetime | None]:
    return [None if second is None else START + timedelta(seconds=second) for second in seconds]


def test_a_burst_is_one_event_and_a_later_visit_another():
    assert group_events(["north"] * 4, at(0, 30, 90, 151), gap_s=60) == [
        "north/2024-05-03T06:12:10",
        "north/2024-05-03T06:12:10",
        "north/2024-05-03T06:12:10",
        "north/2024-05-03T06:14:41",
    ]


def test_two_cameras_at_the_same_time_are_two_events():
    assert group_events(["north", "south"], at(0, 0), gap_s=60) == [
        "north/2024-05-03T06:12:10",
        "south/2024-05-03T06:12:10",
    ]


def test_photos_without_a_time_are_events_of_their_own():
    ids = group_events(["north", "north", "south", "north"], at(None, 0, None, None), gap_s=60)

    assert ids == ["north/no-time-1", "north/2024-05-03T06:12:10", "south/no-time-1", "north/no-time-2"]


@pytest.mark.parametrize(("gap_s", "n_events"), [(0, 4), (0.25, 3), (0.5, 2), (59.5, 2), (60, 1)])
def test_a_gap_just_as_long_as_allowed_keeps_the_event_together(gap_s, n_events):
    assert len(set(group_events(["a"] * 4, at(0, 0.25, 0.75, 60.75), gap_s=gap_s))) == n_events


def test_it_agrees_with_a_slow_version_in_any_order():
    rng = np.random.default_rng(5)
    n = 400
    deployments = rng.choice(["a", "b", "c/100RECNX"], n).tolist()
    times = [None if rng.random() < 0.1 else START + timedelta(seconds=int(s)) for s in rng.integers(0, 4000, n)]

    ids = group_events(deployments, times, gap_s=20)

    slow: dict[int, str] = {}
    for deployment in set(deployments):
        members = sorted((times[i], i) for i in range(n) if deployments[i] == deployment and times[i] is not None)
        event, last = "", None
        for time, i in members:
            if last is None or (time - last).total_seconds() > 20:
                event = f"{deployment}/{time.isoformat()}"
            slow[i], last = event, time
    assert {i: ids[i] for i in slow} == slow
    assert len({ids[i] for i in range(n) if i not in slow}) == n - len(slow)


def test_columns_of_a_table_can_be_given_and_are_left_unmodified():
    table = pd.DataFrame({"deployment": ["a", "a"], "captured_at": [pd.NaT, pd.Timestamp(START)]}, index=[7, 3])
    before = table.copy()

    assert group_events(table["deployment"], table["captured_at"], gap_s=1) == ["a/no-time-1", f"a/{START.isoformat()}"]
    pd.testing.assert_frame_equal(table, before)


def test_no_photos_are_no_events():
    assert group_events([], [], gap_s=60) == []


@pytest.mark.parametrize(
    ("deployments", "times", "gap_s"),
    [(["a"], at(0), -1), (["a"], at(0), float("nan")), (["a"], at(0), float("inf")), (["a"], [], 60)],
)
def test_bad_arguments_are_refused(deployments, times, gap_s):
    with pytest.raises(ValueError, match=r"gap_s|deployments"):
        group_events(deployments, times, gap_s=gap_s)


def test_bursts_of_the_fixed_camera_are_found_again(shared_data):
    labels = pd.read_csv(shared_data / "smallmammal" / "labels.csv")
    times = pd.to_datetime(labels["datetime"], format="%Y:%m:%d %H:%M:%S")

    ours = pd.Series(group_events(labels["location"].tolist(), times, gap_s=5))

    # The camera numbers its triggers; photos of one trigger are taken within a second or two.
    assert (ours.groupby([labels["location"], labels["event"], times.dt.date]).nunique() == 1).mean() > 0.95
