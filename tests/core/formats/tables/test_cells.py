"""Numbers, dates and times are read as people and spreadsheets of any country write them, or named."""

from datetime import datetime

import pytest

from core.formats.account import Problems
from core.formats.tables.cells import has_decimal_commas, join_date_and_clock, read_number, read_times

EVENING = datetime(2026, 5, 13, 18, 10)


def times(*texts, needs_clock=True):
    problems = Problems()
    read = read_times(
        texts,
        problems=problems,
        things="rows",
        where=lambda i: f"row {i + 2}",
        needs_clock=needs_clock,
        now=datetime(2026, 11, 1),
    )
    return read, problems.lines()


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-13 18:10:00",
        "2026-05-13T18:10",
        "2026:05:13 18:10:00",
        "2026/5/13 18:10",
        "2026-05-13T18:10:00.000Z",
        "2026-05-13T18:10:00+02:00",
        "2026-05-13 06:10:00 PM",
        "2026-05-13 6:10 p.m.",
        "20260513_181000",
        "20260513181000",
        "13.05.2026 18:10:00",
        "13.5.2026, 18:10",
        "13.5.2026 18.10.00",
        "13/05/2026 18:10",
        "5/13/2026 6:10:00 PM",
        "13-05-2026 18:10:00",
        "13-May-2026 18:10:00",
        "13 May 2026 18:10",
        "May 13, 2026 6:10:00 PM",
        "13. Mai 2026 18:10",
        "Wed 13 May 2026 18:10",
        "46155.7569444444",
        "46155,7569444444",
    ],
)
def test_a_date_and_time_is_read_as_it_is_written(text):
    assert times(text) == ([EVENING], ())


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["01/05/2026 18:10", "13/05/2026 18:10"], datetime(2026, 5, 1, 18, 10)),
        (["01/05/2026 18:10", "05/13/2026 18:10"], datetime(2026, 1, 5, 18, 10)),
        (["01-05-2026 18:10", "13-05-2026 18:10"], datetime(2026, 5, 1, 18, 10)),
        (["01.05.2026 18:10"], datetime(2026, 5, 1, 18, 10)),
        (["05/05/2026 18:10"], datetime(2026, 5, 5, 18, 10)),  # either way the same day
        (["13.05.24 18:10", "14.05.24 18:10"], datetime(2024, 5, 13, 18, 10)),
        (["1/05/24 1:00", "01/05/24 1:00", "12/05/24 1:00", "13/05/24 1:00"], datetime(2024, 5, 1, 1)),
        (["22/05/31 1:00", "23/05/31 1:00", "24/05/31 1:00"], datetime(2022, 5, 31, 1)),
        (["31.05.24 18:10"], datetime(2024, 5, 31, 18, 10)),  # 2031 is to come
        (["5.5.24 18:10"], datetime(2024, 5, 5, 18, 10)),
        (["24.02.13 18:10", "24.05.30 18:10"], datetime(2024, 2, 13, 18, 10)),
        (["99/05/13 18:10"], datetime(1999, 5, 13, 18, 10)),
        (["13/05/99 18:10"], datetime(1999, 5, 13, 18, 10)),
        (["24/05/13 18:10", "24/12/31 18:10"], datetime(2024, 5, 13, 18, 10)),  # 2031 is to come
        (["13/05/24 18:10", "31/05/24 18:10"], datetime(2024, 5, 13, 18, 10)),
        (["05/13/24 18:10", "06/01/24 18:10"], datetime(2024, 5, 13, 18, 10)),
        (["13/05/24 18:10", "1/05/24 18:10"], datetime(2024, 5, 13, 18, 10)),  # no year has one digit
        (["13/05/24 18:10", "14/05/2024 18:10"], datetime(2024, 5, 13, 18, 10)),
        (["2026-05-01 12:10 AM"], datetime(2026, 5, 1, 0, 10)),
        (["2026-05-01 12:10 PM"], datetime(2026, 5, 1, 12, 10)),
    ],
)
def test_the_dates_of_a_column_say_together_whether_the_day_comes_first(texts, expected):
    read, problems = times(*texts)

    assert (read[0], problems) == (expected, ())
    assert None not in read


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["13.05.24 18:10"], datetime(2024, 5, 13, 18, 10)),
        (["13.5.26 18:10"], datetime(2026, 5, 13, 18, 10)),
        (["15.06.22 1:00", "15.06.23 1:00"], datetime(2022, 6, 15, 1)),
    ],
)
def test_short_dates_with_dots_that_could_begin_with_the_year_are_read_and_counted(texts, expected):
    read, problems = times(*texts)

    assert read[0] == expected
    assert [
        f"{len(texts)} rows whose date has dots and a year of two digits, taken as day.month.year" in one
        for one in problems
    ] == [True]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["01/05/2026 18:10"], "1 rows whose date can be day/month or month/day, so that it was not read"),
        (["13/05/2026 1:00", "05/13/2026 1:00", "01/05/2026 1:00"], "1 rows whose date can be day/month or month/day"),
        (
            ["24/05/13 18:10"],
            "1 rows whose date can have the year first or last, so that it was not read; write the year w",
        ),
        (["24-05-13 18:10", "24-05-14 18:10"], "2 rows whose date can have the year first or last"),
        (["24.05.13 18:10", "24.05.14 18:10", "24.05.15 1:00"], "3 rows whose date can have the year first or last"),
        (["01/05/12 18:10"], "1 rows whose date can have the year first or last"),
        (["soon"], "1 rows whose date or time cannot be read (the first: row 2: soon)"),
        (["0000:00:00 00:00:00"], "1 rows whose date or time cannot be read"),
        (["2026-02-30 10:00"], "1 rows whose date or time cannot be read"),
        (["31.13.2026 10:00"], "1 rows whose date or time cannot be read"),
        (["2026-05-01"], "1 rows whose date has no time of day (the first: row 2: 2026-05-01)"),
        (["46155.5", "x"], "2 rows whose date or time cannot be read"),  # not a column of numbers
        (["99999"], "1 rows whose date or time cannot be read"),
    ],
)
def test_a_date_that_cannot_be_read_is_counted_and_the_first_is_named(texts, said):
    read, problems = times(*texts)

    assert None in read
    assert len(problems) == 1
    assert problems[0].startswith(said)


def test_no_time_is_no_problem_and_a_day_is_enough_where_no_clock_is_needed():
    assert times(None, "", "  ") == ([None] * 3, ())
    assert times("1.5.2026", needs_clock=False) == ([datetime(2026, 5, 1)], ())


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["50,5", "40,25", "60,0"], [50.5, 40.25, 60.0]),
        (["1.234,5", "0,123"], [1234.5, 0.123]),
        (["1,234.5", "7"], [1234.5, 7.0]),
        (["1 234,5"], [1234.5]),
        (["0,5", "1,234"], [0.5, 1.234]),
        (["1,234"], [None]),  # can be either
        (["x", "", "nan", "1e999", "1_000"], [None] * 5),
        (["-3,5", "1e2"], [-3.5, 100.0]),
    ],
)
def test_decimal_commas_are_those_of_the_whole_column(cells, numbers):
    commas = has_decimal_commas(cells)

    assert [read_number(cell, decimal_commas=commas) for cell in cells] == numbers


@pytest.mark.parametrize(
    ("date", "clock", "half", "read"),
    [
        ("2026-05-01", "18:10:00", "", datetime(2026, 5, 1, 18, 10)),
        ("2026-05-01 00:00:00", "18:10:00", "", datetime(2026, 5, 1, 18, 10)),
        ("2026-05-01T00:00:00.000", "18:10:00", "", datetime(2026, 5, 1, 18, 10)),
        ("2026-05-01", "1899-12-30 18:10:00", "", datetime(2026, 5, 1, 18, 10)),
        ("2026-05-01 18:10:00", "18:10:00", "", datetime(2026, 5, 1, 18, 10)),
        ("46143", "0.756944", "", datetime(2026, 5, 1, 18, 10)),
        ("01.05.2026", "6:10:00", "PM", datetime(2026, 5, 1, 18, 10)),
        ("2026-05-01 06:10", "", "pm", datetime(2026, 5, 1, 18, 10)),
        ("2026-05-01", "06:10 PM", "PM", datetime(2026, 5, 1, 18, 10)),
        ("", "18:10:00", "", None),
    ],
)
def test_a_date_and_a_time_of_day_in_two_columns_are_joined(date, clock, half, read):
    problems = Problems()

    times = read_times([join_date_and_clock(date, clock, half=half)], problems=problems, things="rows", where=str)

    assert times == [read]
    assert bool(problems.lines()) == (read is None)


@pytest.mark.parametrize(
    "texts",
    [
        ["46143", "46144"],
        ["2026-05-01 00:00:00", "2026-05-01 00:00:00", "2026-05-02 00:00:00"],
        ["01.05.2026 0:00", "01.05.2026 0:00", "02.05.2026 0:00"],
    ],
)
def test_days_that_a_spreadsheet_wrote_as_midnights_are_no_times(texts):
    problems = Problems()

    assert read_times(texts, problems=problems, things="rows", where=str) == [None] * len(texts)
    assert problems.lines() == (f"{len(texts)} rows whose date has no time of day (the first: 0: {texts[0]})",)
    assert None not in read_times(texts, problems=problems, things="rows", where=str, needs_clock=False)
