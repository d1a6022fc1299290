"""Numbers, dates and times as people, cameras and spreadsheets write them into the cells of a column."""

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from enum import Enum

from core.formats.account import DatesRead, Problems
from core.photos.exif import FIRST_YEAR, LAST_YEAR

_COMMA_IS_DECIMAL = re.compile(r"[+-]?(0?,\d+|0+,\d+|\d+,(\d{1,2}|\d{4,})|\d{1,3}(\.\d{3})+,\d+)")
_GAPS = re.compile(r"[\s\u00a0\u202f']")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")

_CLOCK = (
    r"(?:(?:\s*[T,_]\s*|\s+)(?P<hour>\d{1,2})\s*[:.h-]\s*(?P<minute>\d{2})(?:[:.-](?P<second>\d{2})(?:[.,](?P<part>\d+))?)?"
    r"\s*(?P<half>[ap]\.?\s?m\.?)?\s*(?:Z|UTC|GMT|[+-]\d{2}:?(?:\d{2})?)?)?"
)
_ZONE = re.compile(r":\d\d(?:[.,]\d+)?\s*(?:[ap]\.?m\.?)?\s*(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)$", re.I)
_WEEKDAY = r"(?:[^\W\d]{2,10}\.?,?\s+)?"
_YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})\s?[-:/.]\s?(?P<month>\d{{1,2}})\s?[-:/.]\s?(?P<day>\d{{1,2}}){_CLOCK}", re.I
)
_COMPACT = re.compile(
    r"(?P<year>(?:19|20|21)\d\d)(?P<month>\d\d)(?P<day>\d\d)[T_ -]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?Z?"
)
_YEAR_LAST = re.compile(
    rf"{_WEEKDAY}(?P<a>\d{{1,2}})(?P<sign>[./-])\s?(?P<b>\d{{1,2}})(?P=sign)\s?(?P<year>\d{{4}}|\d\d){_CLOCK}", re.I
)
_DAY_AND_NAME = re.compile(
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})[\s./-]*(?P<name>[^\W\d_]{{3,10}})[\s.,/-]*(?P<year>\d{{4}}|\d\d){_CLOCK}", re.I
)
_NAME_AND_DAY = re.compile(
    rf"{_WEEKDAY}(?P<name>[^\W\d_]{{3,10}})[\s.-]*(?P<day>\d{{1,2}})[\s.,-]+(?P<year>\d{{4}}){_CLOCK}", re.I
)
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
_PART_OF_DAY = re.compile(r"0?[.,]\d+")
_MIDNIGHT = re.compile(r"[T ]0?0:00(:00(\.0+)?)?$")
_DAY_BEFORE_CLOCK = re.compile(r"^\d{4}-\d\d-\d\d[T ]")
_SERIAL_ZERO = datetime(1899, 12, 30)
"""Day 0 of a spreadsheet's dates; right from March 1900 on."""
_SERIALS = (20_000, 80_000)  # 1954 to 2119
_FEW_MIDNIGHTS = 3
_MIDNIGHT_TIME = clock_time()
_NO_CLOCK = "{} whose date has no time of day"
_ASSUMED = (
    "whose date has dots and a year of two digits, taken as day.month.year; write the year with four digits to be sure"
)
_MANY_YEARS = 3
_CENTURY_SPLIT = 70  # 69 is 2069, 70 is 1970
_AHEAD = timedelta(days=2)
"""How far a camera's clock may be ahead of this computer's."""
_MONTH_NAMES = (
    "jan ene",
    "feb fév",
    "mar mär mrz",
    "apr avr abr",
    "may mai maj",
    "jun juin",
    "jul juil",
    "aug aoû ago",
    "sep set",
    "oct okt out",
    "nov",
    "dec dez déc dic",
)
_MONTHS = {name: month for month, names in enumerate(_MONTH_NAMES, start=1) for name in names.split()}


class DateOrder(Enum):
    """What comes first in ``01/05/2026``, or in ``24/05/13``, where it may be the year."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class _Found:
    """A text taken apart. With a ``sign`` it is not known yet which of the ``parts`` is the day."""

    clock: tuple[int, int, int, int] | None
    year: int = 0
    month: int = 0
    day: int = 0
    parts: tuple[int, int, int] = (0, 0, 0)
    has_short_year: bool = False
    can_begin_with_year: bool = False
    sign: str = ""


def read_times(
    texts: Sequence[object],
    *,
    problems: Problems,
    things: str,
    where: Callable[[int], str],
    columns: Sequence[str] = (),
    needs_clock: bool = True,
    now: datetime | None = None,
) -> list[datetime | None]:
    """The local times in one column, without their zone. Those that cannot be read are counted and ``None``.

    Dates with the year first are read as they are. ``01.05.2026`` has the day first, unless that is no date. In
    ``01/05/2026`` and ``01-05-2026`` the dates of the whole column decide: one of ``13/05/2026`` says that all have the
    day first. With years of two digits, as in ``24/05/13``, the year can be first, too; no photo is from the future.
    Where none decides, a date that could be two is not read; with dots the day is taken to be first, and counted if
    nothing in the column speaks for it. A column of numbers is read as a spreadsheet's days.

    Args:
        texts: The cells; empty ones are ``None`` and not counted.
        problems: Counts what cannot be read, and notes how the rest was read.
        things: What has these times, in the plural ("rows").
        where: Names the thing of a number in ``texts``, for the first case of a problem.
        columns: The names of the columns that the texts are from.
        needs_clock: Whether a date without a time of day is not enough, so that it is counted, too.
        now: The local time, after which nothing can have been taken; default: this computer's.
    """
    latest = (now or datetime.now()) + _AHEAD
    plain = ["" if text is None else str(text).strip() for text in texts]
    found = [_take_apart(text) for text in plain]
    serials = _are_serials(plain)
    of_sign = {sign: [one for one in found if one and one.sign == sign] for sign in "./-"}
    orders = {sign: find_orders(dates, latest=latest) for sign, dates in of_sign.items()}
    is_assumed = orders["."] == (DateOrder.DAY,) and _is_assumed(of_sign["."], latest=latest)
    days_only = serials and not any(_has_part(text) for text in plain)
    times: list[datetime | None] = []
    for i, (text, one) in enumerate(zip(plain, found, strict=True)):
        if not text:
            times.append(None)
            continue
        time = _read_serial(text) if serials else None
        case = f"{where(i)}: {text[:40]}"
        if one is not None:
            tried = orders[one.sign] if one.sign else (DateOrder.YEAR,)
            could_be = {order: built for order in tried if (built := _build(one, order, latest=latest))}
            if len(set(could_be.values())) > 1:
                problems.add(f"{things} {_say_either(could_be)}", case)
                times.append(None)
                continue
            time = next(iter(could_be.values()), None)
            if (
                is_assumed
                and one.sign == "."
                and time is not None
                and time != _build(one, DateOrder.YEAR, latest=latest)
            ):
                problems.add(f"{things} {_ASSUMED}", case)
        if time is not None and needs_clock and (days_only if one is None else one.clock is None):
            problems.add(_NO_CLOCK.format(things), case)
            times.append(None)
            continue
        if time is None:
            problems.add(f"{things} whose date or time cannot be read", case)
        times.append(time)
    if needs_clock:
        times = _drop_midnights(times, plain, problems, things, where)
    zones = {_offset_of(match[1]) for text in plain if (match := _ZONE.search(text))}
    if zones and max(zones) - min(zones) > 1:  # an hour is summer time
        problems.add(f"{things} have zones that are hours apart, and their times were taken as they stand")
    for i, time in enumerate(times):
        if time is not None and time > latest:
            problems.add(f"{things} whose time is in the future", f"{where(i)}: {plain[i][:40]}")
    if any(plain):
        used = [orders[one.sign][0] if one and one.sign else None for one in found]
        problems.note_dates(_describe_dates(plain, times, used, serials=serials, columns=columns))
    return times


def _offset_of(zone: str) -> float:
    """Hours ahead of UTC, of ``Z`` or ``+02:00``."""
    digits = [int(part) for part in re.findall(r"\d\d", zone)]
    hours = sum(part / 60**n for n, part in enumerate(digits))
    return -hours if zone.startswith("-") else hours


def _describe_dates(
    texts: Sequence[str],
    times: Sequence[datetime | None],
    orders: Sequence[DateOrder | None],
    *,
    serials: bool,
    columns: Sequence[str],
) -> DatesRead:
    """How the dates of a column were read."""
    read = [i for i, time in enumerate(times) if time is not None]
    found = dict.fromkeys(f"the {order.value} first" for i in read if (order := orders[i]))
    if serials:
        found = dict.fromkeys(["days of a spreadsheet"])
    else:
        for i in read:
            if orders[i] is None:
                found["the year first" if texts[i][:4].isdigit() else "the month by its name"] = None
    zones = list(dict.fromkeys(match[1] for text in texts if (match := _ZONE.search(text))))
    shown = read[0] if read else next(i for i, text in enumerate(texts) if text)
    time = times[shown]
    return DatesRead(
        columns=tuple(columns),
        order=" and ".join(found) or "none was read",
        zone=f"zone {', '.join(zones[:3])} written, the time taken as it stands" if zones else "no zone written",
        n=len(read),
        n_not_read=sum(bool(text) for text in texts) - len(read),
        example=f"{texts[shown][:40]} -> {time.isoformat(sep=' ') if time else 'not read'}",
    )


def _drop_midnights(
    times: list[datetime | None], texts: Sequence[str], problems: Problems, things: str, where: Callable[[int], str]
) -> list[datetime | None]:
    """No times, if all are of midnight: spreadsheets write a date without a time of day so."""
    read = [i for i, time in enumerate(times) if time is not None]
    if len(read) < _FEW_MIDNIGHTS or any(times[i].time() != _MIDNIGHT_TIME for i in read):  # type: ignore[union-attr]
        return times
    for i in read:
        problems.add(_NO_CLOCK.format(things), f"{where(i)}: {texts[i][:40]}")
    return [None] * len(times)


def join_date_and_clock(date: str, clock: str, *, half: str = "") -> str:
    """A date and a time of day from two columns, as one text for ``read_times``; ``half`` is AM or PM from a third.

    Spreadsheets and databases write a date as its midnight, and a time of day as one of a day long ago
    (``1899-12-30 18:10:00``).
    """
    clock = _DAY_BEFORE_CLOCK.sub("", clock)
    if not date or not clock:
        text = date or clock
    elif _SERIAL.fullmatch(date) and _PART_OF_DAY.fullmatch(clock):
        text = str(float(date.replace(",", ".")) + float(clock.replace(",", ".")))
    else:
        day = _MIDNIGHT.sub("", date)
        text = f"{day} {clock}" if ":" not in day else day
    return f"{text} {half}" if half and not text.casefold().endswith(half.casefold()) and ":" in text else text


def find_orders(dates: Sequence[_Found], *, latest: datetime) -> tuple[DateOrder, ...]:
    """The orders in which the dates of one column that are written alike can be read: the fewest that fit all of them.

    Several are left if no date tells, or if the dates contradict each other.
    """
    possible = [{order for order in DateOrder if _build(one, order, latest=latest)} for one in dates]
    fitting = set(DateOrder).intersection(*(orders for orders in possible if orders))
    orders = fitting or set(DateOrder)
    if {DateOrder.YEAR} < orders and _count_years(dates, first=True) >= _MANY_YEARS > _count_years(dates, first=False):
        orders = orders - {DateOrder.YEAR}  # the days of one or two years would be those of many years
    if any(one.sign == "." for one in dates) and DateOrder.DAY in orders:
        many = _count_years(dates, first=False)
        if DateOrder.YEAR not in orders or many < _MANY_YEARS or _count_years(dates, first=True) >= many:
            return (DateOrder.DAY,)  # as where people write dates with dots
        orders = {DateOrder.DAY, DateOrder.YEAR}  # the same, the other way round
    return tuple(order for order in DateOrder if order in orders)


def _count_years(dates: Sequence[_Found], *, first: bool) -> int:
    """How many different years there would be if the years of these dates came first, or last."""
    return len({one.parts[0 if first else 2] for one in dates})


def _is_assumed(dates: Sequence[_Found], *, latest: datetime) -> bool:
    """Whether dates with dots are read with the day first although nothing in the column speaks for it."""
    short = [one for one in dates if one.can_begin_with_year and one.has_short_year]
    return (
        len(short) == len(dates) > 0
        and all(_build(one, DateOrder.YEAR, latest=latest) for one in short)
        and _count_years(short, first=True) <= _count_years(short, first=False)
    )


def _say_either(orders: Collection[DateOrder]) -> str:
    if DateOrder.YEAR in orders:
        return "whose date can have the year first or last, so that it was not read; write the year with four digits"
    return "whose date can be day/month or month/day, so that it was not read; write the year first"


def _take_apart(text: str) -> _Found | None:
    for pattern in (_YEAR_FIRST, _COMPACT):
        match = pattern.fullmatch(text)
        if match:
            return _Found(_read_clock(match), int(match["year"]), int(match["month"]), int(match["day"]))
    match = _YEAR_LAST.fullmatch(text)
    if match:
        return _Found(
            _read_clock(match),
            parts=(int(match["a"]), int(match["b"]), int(match["year"])),
            has_short_year=len(match["year"]) == 2,
            can_begin_with_year=len(match["year"]) == len(match["a"]) == 2,
            sign=match["sign"],
        )
    for pattern in (_DAY_AND_NAME, _NAME_AND_DAY):
        match = pattern.fullmatch(text)
        name = match["name"].casefold() if match else ""
        month = _MONTHS.get(name[:4]) or _MONTHS.get(name[:3])
        if match and month:
            return _Found(_read_clock(match), _full_year(match["year"]), month, int(match["day"]))
    return None


def _read_clock(match: re.Match[str]) -> tuple[int, int, int, int] | None:
    parts = match.groupdict()
    if parts.get("hour") is None:
        return None
    hour = int(parts["hour"])
    half = (parts.get("half") or "")[:1].casefold()
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    return hour, int(parts["minute"]), int(parts.get("second") or 0), int((parts.get("part") or "")[:6].ljust(6, "0"))


def _full_year(text: str) -> int:
    return int(text) if len(text) == 4 else _complete_year(int(text))


def _complete_year(two_digits: int) -> int:
    return two_digits + (1900 if two_digits >= _CENTURY_SPLIT else 2000)


def _build(one: _Found, order: DateOrder, *, latest: datetime) -> datetime | None:
    year, month, day = one.year, one.month, one.day
    if one.sign and order is DateOrder.YEAR:
        year, month, day = one.parts
        if not one.can_begin_with_year:
            return None
    elif one.sign:
        day, month, year = one.parts if order is DateOrder.DAY else (one.parts[1], one.parts[0], one.parts[2])
    if one.has_short_year:
        year = _complete_year(year)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        time = datetime(year, month, day, *(one.clock or ()))
    except ValueError:
        return None
    # A short year can be any of three numbers; one that makes it a date to come is not it.
    return None if one.has_short_year and time > latest else time


def _are_serials(texts: Sequence[str]) -> bool:
    given = [text for text in texts if text]
    return bool(given) and all(_SERIAL.fullmatch(text) for text in given)


def _has_part(text: str) -> bool:
    return bool(text) and float(text.replace(",", ".")) % 1 != 0


def _read_serial(text: str) -> datetime | None:
    days = float(text.replace(",", "."))
    if not _SERIALS[0] <= days <= _SERIALS[1]:
        return None
    # Spreadsheets keep about a millisecond.
    return _SERIAL_ZERO + timedelta(seconds=round(days * 86_400))


def has_decimal_commas(cells: Iterable[str]) -> bool:
    """Whether these cells of one column or box write a comma for the decimal point, as in ``50,5``.

    ``1,234`` alone can be either; it is a decimal comma if another cell shows it.
    """
    return any(_COMMA_IS_DECIMAL.fullmatch(_GAPS.sub("", cell)) for cell in cells if "," in cell)


def read_number(cell: str, *, decimal_commas: bool = False) -> float | None:
    """The number in a cell, or ``None`` if it is none, not finite, or could be two: ``1,234`` without decimal commas.

    Spaces and the other sign may separate thousands.
    """
    text = _GAPS.sub("", cell)
    if decimal_commas:
        text = text.replace(".", "").replace(",", ".") if "," in text else text
    elif "," in text:
        if not (_THOUSANDS.fullmatch(text) and "." in text):
            return None
        text = text.replace(",", "")
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
