"""Facts for a Camtrap DP package that photos lack: coordinates of the cameras, time zone of their clocks, author."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from core.disk.text import Table, read_table
from core.errors import AnomalureError, FileFormatError
from core.export.species_list import keep_species_names, read_species_names
from core.formats.account import Problems
from core.formats.camtrap_dp.times import Place
from core.formats.camtrap_dp.writer import SAMPLING_DESIGNS
from core.formats.csv import unescape_formula
from core.formats.species_names import SpeciesNames
from core.formats.tables.cells import read_times
from core.formats.tables.columns import fold_column
from core.team.roles import Action

if TYPE_CHECKING:
    from core.store.database import Store

SETTING = "camtrap_dp"
NO_ZONE = (
    "Camtrap DP demands times with their zone, and nobody has said in which zone the cameras' clocks are. Give it on "
    "the Export page, or with --zone: +02:00, Europe/Berlin if the clocks follow summer time, or UTC."
)
# What earlier versions kept while nobody had said a zone. One that is meant is kept as UTC.
_NOT_SAID = "+00:00"
_UTC = "UTC"
_EXPECTED = (
    "a CSV with the columns deployment, latitude and longitude (and start and end, if known), or deployments.csv "
    "of a Camtrap DP package"
)
_NAMES = ("deployment", "deploymentid", "deploymentname", "camera", "cameraid", "station", "stationid", "site")
_LATITUDES = ("latitude", "decimallatitude", "lat")
_LONGITUDES = ("longitude", "decimallongitude", "lon", "long", "lng")
_STARTS = ("start", "deploymentstart", "startdate", "setupdate")
_ENDS = ("end", "deploymentend", "enddate", "retrievaldate")


@dataclass(frozen=True, kw_only=True)
class PackageFacts:
    """The description of a package. ``zone`` is an offset such as ``+02:00``, a name such as ``Europe/Berlin``, or
    empty while nobody has said it.

    Raises:
        AnomalureError: If the zone or the sampling design is unknown.
    """

    title: str = ""
    contributor: str = ""
    zone: str = ""
    sampling_design: str = "opportunistic"
    places: Mapping[str, Place] = field(default_factory=dict)
    species_names: SpeciesNames = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.zone:
            read_zone(self.zone)
        if self.sampling_design not in SAMPLING_DESIGNS:
            raise AnomalureError(
                f"The sampling design is one of {', '.join(SAMPLING_DESIGNS)}, got {self.sampling_design!r}."
            )


def read_zone(text: str) -> tzinfo:
    """The zone of an offset or a name.

    Raises:
        AnomalureError: If it is neither.
    """
    text = text.strip()
    if text.upper() in ("Z", "UTC"):
        return UTC
    try:
        if text[:1] in ("+", "-"):
            sign = -1 if text[0] == "-" else 1
            hours, _, minutes = text[1:].partition(":")
            return timezone(sign * timedelta(hours=int(hours), minutes=int(minutes or 0)))
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise AnomalureError(
            f"The zone of the cameras' clock is an offset such as +02:00 or a name such as Europe/Berlin, got {text!r}."
        ) from error


def read_place(latitude: object, longitude: object, *, where: str) -> Place | None:
    """Coordinates in degrees, or None if both are empty.

    Raises:
        AnomalureError: If one is missing, not a number, or out of range, or both are 0.
    """
    texts = [str("" if value is None or value != value else value).strip() for value in (latitude, longitude)]
    if not any(texts):
        return None
    try:
        north, east = (float(text.replace(",", ".")) for text in texts)
    except ValueError:
        north = east = math.nan
    if not (-90 <= north <= 90 and -180 <= east <= 180):
        raise AnomalureError(
            f"The place of {where} must be a latitude from -90 to 90 and a longitude from -180 to 180 "
            f"in degrees, got {' and '.join(text or 'nothing' for text in texts)}."
        )
    if north == east == 0:
        raise AnomalureError(
            f"The place of {where} is 0 and 0, in the sea off Africa: programs write that where a place is not known. "
            "Give the true one, or leave both empty."
        )
    return Place(north, east)


def read_places(path: Path) -> dict[str, Place]:
    """The coordinates of cameras from a CSV file, or from ``deployments.csv`` of a Camtrap DP package or its folder.

    Raises:
        AnomalureError: If it is not such a table, coordinates are out of range, or a time cannot be read.
    """
    path = path / "deployments.csv" if path.is_dir() else path
    table = read_table(path, expected=_EXPECTED)
    columns = {fold_column(name): name for name in table.columns}
    named, north, east, start, end = (
        next((columns[name] for name in names if name in columns), None)
        for names in (_NAMES, _LATITUDES, _LONGITUDES, _STARTS, _ENDS)
    )
    if named is None or north is None or east is None:
        raise FileFormatError(f"{path.name}: expected {_EXPECTED}; got the columns {', '.join(table.columns)[:200]}.")
    starts, ends = (_read_moments(table, column, source=path.name) for column in (start, end))
    places: dict[str, Place] = {}
    for number, (row, first, last) in enumerate(zip(table, starts, ends, strict=True), start=2):
        name = unescape_formula(row[named]).strip()
        place = read_place(row[north], row[east], where=name or path.name)
        if place is None:
            continue
        place = replace(place, start=first, end=last)
        if places.setdefault(name, place) != place:
            raise FileFormatError(
                f"{path.name}, row {number}: {name or 'a row without a name'} stands in it before with another place, "
                "start or end. A deployment is a camera at one place for one time: give each its own name and folder, "
                "or one row with the first start and the last end."
            )
    return places


def _read_moments(table: Table, column: str | None, *, source: str) -> list[datetime | None]:
    """The times in a column; a date without a time of day is its midnight.

    Raises:
        FileFormatError: If a cell cannot be read, which it names.
    """
    texts = [row[column].strip() if column else "" for row in table]
    exact = [_read_moment(text) for text in texts]
    problems = Problems()
    others = read_times(
        ["" if moment else text for text, moment in zip(texts, exact, strict=True)],
        problems=problems,
        things="rows",
        where=lambda i: f"row {i + 2}",
        needs_clock=False,
    )
    if problems.lines():
        raise FileFormatError(f"{source}, column {column}: {'; '.join(problems.lines())}. Write 2026-04-01 12:00.")
    return [moment or other for moment, other in zip(exact, others, strict=True)]


def read_facts(store: "Store") -> PackageFacts:
    """The facts that the project keeps; none in a new project."""
    kept, names = store.get_setting(SETTING, {}), read_species_names(store)
    try:
        places = {
            name: Place(
                **{
                    **values,
                    "start": _read_moment(values.get("start") or ""),
                    "end": _read_moment(values.get("end") or ""),
                }
            )
            for name, values in kept.get("places", {}).items()
        }
        zone = kept.get("zone", "")
        told = {**kept, "places": places, "zone": "" if zone == _NOT_SAID else zone}
        return PackageFacts(**told, species_names=names)
    except (AttributeError, TypeError, AnomalureError):  # written by another version
        return PackageFacts(species_names=names)


def keep_facts(store: "Store", facts: PackageFacts) -> None:
    """Keep the facts for the next export."""
    keep_species_names(store, facts.species_names.values())
    values: dict[str, Any] = asdict(replace(facts, species_names={}))
    del values["species_names"]
    if facts.zone and read_zone(facts.zone).utcoffset(None) == timedelta(0):
        values["zone"] = _UTC
    for place in values["places"].values():
        for name in ("start", "end"):
            place[name] = place[name].isoformat() if place[name] else ""
    store.set_setting(SETTING, values, needs=Action.EXPORT)


def _read_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None
