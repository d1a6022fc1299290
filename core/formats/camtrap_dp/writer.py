"""Writes crops as a Camtrap DP 1.0.2 package: deployments, media and observations at media level."""

import csv
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from core.disk.files import replace_file, temporary_beside
from core.errors import AnomalureError
from core.formats.account import Problems
from core.formats.camtrap_dp.reader import PACKAGE_FILE, TAG_BAR, VERNACULAR_TAG
from core.formats.camtrap_dp.times import Place, say_times, say_unnamed
from core.formats.csv import escape_formula
from core.formats.exported import (
    MOST_LIKE_COLUMN,
    PICTURE_COLUMN,
    SURENESS_COLUMN,
    UNKNOWN_SPECIES,
    Row,
    has_box,
    relative_box,
    rows_by_photo,
)
from core.formats.species_names import SpeciesName, SpeciesNames, to_key
from core.formats.writing import open_new
from core.records import Decision
from core.species import EMPTY
from core.version import VERSION

SCHEMAS = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/"
SOURCE = "Anomalure"
SAMPLING_DESIGNS = ("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic")

_DEPLOYMENT_COLUMNS = (
    "deploymentID",
    "locationID",
    "locationName",
    "latitude",
    "longitude",
    "coordinateUncertainty",
    "deploymentStart",
    "deploymentEnd",
    "setupBy",
    "cameraID",
    "cameraModel",
    "cameraDelay",
    "cameraHeight",
    "cameraDepth",
    "cameraTilt",
    "cameraHeading",
    "detectionDistance",
    "timestampIssues",
    "baitUse",
    "featureType",
    "habitat",
    "deploymentGroups",
    "deploymentTags",
    "deploymentComments",
)
_MEDIA_COLUMNS = (
    "mediaID",
    "deploymentID",
    "captureMethod",
    "timestamp",
    "filePath",
    "filePublic",
    "fileName",
    "fileMediatype",
    "exifData",
    "favorite",
    "mediaComments",
)
_OBSERVATION_COLUMNS = (
    "observationID",
    "deploymentID",
    "mediaID",
    "eventID",
    "eventStart",
    "eventEnd",
    "observationLevel",
    "observationType",
    "cameraSetupType",
    "scientificName",
    "count",
    "lifeStage",
    "sex",
    "behavior",
    "individualID",
    "individualPositionRadius",
    "individualPositionAngle",
    "individualSpeed",
    "bboxX",
    "bboxY",
    "bboxWidth",
    "bboxHeight",
    "classificationMethod",
    "classifiedBy",
    "classificationTimestamp",
    "classificationProbability",
    "observationTags",
    "observationComments",
)
_MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
_TYPES = {
    "person": "human",
    "human": "human",
    "homo sapiens": "human",
    "vehicle": "vehicle",
    EMPTY: "blank",
    "blank": "blank",
    UNKNOWN_SPECIES: "unknown",
    "unclassified": "unclassified",
}
_TAGS = {
    "verdict": "verdict",
    "score": "score",
    "p_value": "p_value",
    MOST_LIKE_COLUMN: "taken_for",
    "detector_class": "detector_class",
    "detector_confidence": "detector_confidence",
}
SKIPPED_WORDS = (
    "photos at an hour that clocks in this zone skip in spring: the clock of such a camera stayed at winter time, and "
    "its times in summer are an hour off in this package; write it with a fixed offset such as +01:00"
)
TWICE_WORDS = (
    "photos at an hour that clocks in this zone show twice in autumn, written as the first of the two (summer time): "
    "such a photo may be an hour later than the package says"
)
HUMAN_NAME = "Homo sapiens"
_FROM_PHOTOS = {
    (True, True): "Start and end are the times of the first and the last photo in this package.",
    (True, False): "The start is the time of the first photo in this package.",
    (False, True): "The end is the time of the last photo in this package.",
}
# The format allows no leading dot, slash or tilde in filePath, and no two dots together.
_FILE_PATH = re.compile(r"(?![./~])(?!.*\.\.)")


@dataclass(frozen=True, slots=True)
class WrittenPackage:
    """What is in a written package, and sentences about what could not be written."""

    n_media: int
    n_observations: int
    problems: tuple[str, ...]


def write_camtrap_dp(
    rows: Iterable[Row],
    folder: Path,
    *,
    places: Mapping[str, Place],
    zone: tzinfo,
    title: str,
    contributor: str,
    created: datetime,
    sampling_design: str = "opportunistic",
    classifier: str = "",
    species_names: SpeciesNames | None = None,
) -> WrittenPackage:
    """Write a package, photo by photo. It takes the place of an earlier one in the folder only when it is whole.

    Args:
        rows: As in ``core.formats.exported``; the rows of a photo must be together.
        folder: The folder to write to; made if missing.
        places: Coordinates of each deployment, which the format demands.
        zone: Zone of the cameras' clocks, since the format demands times with a zone.
        title: Title of the project.
        contributor: Who made the package.
        created: Time at which it was made, with a zone.
        sampling_design: One of ``SAMPLING_DESIGNS``.
        classifier: What classified the undecided rows that name no bundle.
        species_names: Scientific names of species. One without has its local name in ``observationTags``.

    Raises:
        AnomalureError: If a deployment has no coordinates, or a file cannot be written. An earlier package stays.
    """
    if sampling_design not in SAMPLING_DESIGNS:
        raise AnomalureError(f"sampling_design must be one of {', '.join(SAMPLING_DESIGNS)}, got {sampling_design!r}.")
    problems = Problems()
    used: dict[str, Place] = {}
    named: dict[str, SpeciesName] = {}
    unnamed: dict[str, None] = {}
    n_media = n_observations = 0
    with _replacing(folder) as building:
        with (
            open_new(building / "media.csv", newline="") as media_file,
            open_new(building / "observations.csv", newline="") as observations_file,
        ):
            media = _TableWriter(media_file, _MEDIA_COLUMNS)
            observations = _TableWriter(observations_file, _OBSERVATION_COLUMNS)
            for of_photo in rows_by_photo(rows):
                photo = of_photo[0]
                if photo["captured_at"] is None:
                    problems.add("photos without a time, which the format demands", photo["file_name"])
                    continue
                if not _FILE_PATH.match(_name_file(photo)):
                    problems.add("photos whose path the format does not allow", photo["file_name"])
                    continue
                if _is_skipped(photo["captured_at"], zone):
                    problems.add(SKIPPED_WORDS, photo["file_name"])
                elif _comes_twice(photo["captured_at"], zone):
                    problems.add(TWICE_WORDS, photo["file_name"])
                _extend_place(used, photo, places, zone)
                media.write(_write_medium(photo, zone))
                n_media += 1
                for row in of_photo:
                    kind, local = _say_what(row)
                    name = _find_name(local, species_names or {})
                    observations.write(_write_observation(row, zone, classifier, kind=kind, local=local, name=name))
                    n_observations += 1
                    if name is not None:
                        named.setdefault(name.scientific, name)
                    elif local:
                        unnamed[local] = None
        with open_new(building / "deployments.csv", newline="") as file:
            deployments = _TableWriter(file, _DEPLOYMENT_COLUMNS)
            for deployment, place in used.items():
                given = places[deployment]
                by_photos = (given.start is None, given.end is None)
                deployments.write(
                    {
                        "deploymentID": deployment,
                        "locationName": deployment,
                        "latitude": place.latitude,
                        "longitude": place.longitude,
                        "deploymentStart": _stamp(place.start, zone),
                        "deploymentEnd": _stamp(place.end, zone),
                        "deploymentComments": _FROM_PHOTOS.get(by_photos, ""),
                    }
                )
        if not used:
            raise AnomalureError(
                f"There is nothing that a Camtrap DP package can hold. {'; '.join(problems.lines())}".rstrip()
            )
        package = _describe(
            used,
            [named[scientific] for scientific in sorted(named)],
            title=title,
            contributor=contributor,
            created=created,
            sampling_design=sampling_design,
        )
        with open_new(building / PACKAGE_FILE) as file:
            json.dump(package, file, ensure_ascii=False, indent=2)
    notes = (*say_times(used, places), *say_unnamed(sorted(unnamed)))
    return WrittenPackage(n_media, n_observations, (*problems.lines(), *notes))


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A folder to fill with the files of a package; they go into ``folder`` if the block ends without an error.

    Raises:
        AnomalureError: If the folder cannot be made or written. What was in it is then unchanged.
    """
    building = temporary_beside(folder / PACKAGE_FILE)
    is_new = not folder.exists()
    try:
        building.mkdir(parents=True)
        yield building
        _swap_in(building, folder)
    except OSError as error:
        raise AnomalureError(
            f"The package {folder} cannot be written: {error.strerror or error}. What was there before is unchanged."
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
        if is_new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _swap_in(building: Path, folder: Path) -> None:
    names = sorted(path.name for path in building.iterdir())
    before = building / "before"
    before.mkdir()
    begun = []
    try:
        for name in names:
            begun.append(name)
            if (folder / name).exists():
                os.replace(folder / name, before / name)
            replace_file(building / name, folder / name)
    except OSError:  # such as a table that is open in Excel
        for name in begun:
            if (before / name).exists():
                os.replace(before / name, folder / name)
            elif not (building / name).exists():
                (folder / name).unlink(missing_ok=True)
        raise


class _TableWriter:
    """Rows of one table, with the names as they are: programs join the tables by them, and find the photos."""

    def __init__(self, file: TextIO, columns: tuple[str, ...]) -> None:
        self._writer = csv.DictWriter(file, columns, restval="")
        self._writer.writeheader()

    def write(self, row: Mapping[str, Any]) -> None:
        self._writer.writerow(row)


def _extend_place(used: dict[str, Place], photo: Row, places: Mapping[str, Place], zone: tzinfo) -> None:
    """The deployment, with its given times or those of its first and last photo, all with a zone."""
    name, at = photo["deployment"], _set_zone(photo["captured_at"], zone)
    given = places.get(name)
    if given is None:
        raise AnomalureError(
            f"The deployment {name} has no coordinates, and Camtrap DP demands them: give latitude and longitude."
        )
    so_far = used.get(name)
    start = _set_zone(given.start, zone) if given.start else min(at, (so_far and so_far.start) or at)
    end = _set_zone(given.end, zone) if given.end else max(at, (so_far and so_far.end) or at)
    used[name] = replace(given, start=start, end=end)


def _name_file(photo: Row) -> str:
    """The path of the photo: in the package if it was exported, too, else in the folder of the run."""
    return photo[PICTURE_COLUMN] or photo["file_name"]


def _write_medium(photo: Row, zone: tzinfo) -> dict[str, Any]:
    path = PurePosixPath(_name_file(photo))
    return {
        "mediaID": photo["photo_id"],
        "deploymentID": photo["deployment"],
        "timestamp": _stamp(photo["captured_at"], zone),
        "filePath": str(path),
        "filePublic": "false",
        "fileName": path.name,
        "fileMediatype": _MEDIA_TYPES.get(path.suffix.lower(), "image/jpeg"),
    }


def is_animal(species: str) -> bool:
    """Whether a name is that of an animal, which wants a scientific name, and not of people, vehicles or nothing."""
    return species.casefold() not in _TYPES


def _say_what(row: Row) -> tuple[str, str]:
    """Type and species of an observation, the species as the project calls it, without guessing more than is known.

    A reviewer who decides that a crop is an anomaly without naming a species has not confirmed the run's species. One
    who decides about a whole frame without naming a species has not said what it shows.
    """
    if row["verdict_species"]:
        species = row["verdict_species"]
        kind = _TYPES.get(species.casefold(), "animal")
        # "person" only repeats the type, but "Homo sapiens" is a scientific name.
        return kind, species if kind == "animal" or species.casefold() == "homo sapiens" else ""
    kind = _TYPES.get((row["detector_class"] or "").casefold(), "")
    if not kind and not has_box(row) and not row["species"]:  # a whole frame: nothing was detected
        kind = "unknown" if row["verdict"] == Decision.ANOMALY else "unclassified" if row["verdict"] else "blank"
    kind = kind or _TYPES.get((row["species"] or ("" if has_box(row) else UNKNOWN_SPECIES)).casefold(), "animal")
    is_agreed = row["verdict"] != Decision.ANOMALY
    return kind, (row["species"] or "") if kind == "animal" and is_agreed else ""


def _find_name(local: str, names: SpeciesNames) -> SpeciesName | None:
    if local.casefold() == HUMAN_NAME.casefold():
        return SpeciesName(local, HUMAN_NAME)
    return names.get(to_key(local)) if local else None


def _write_observation(
    row: Row, zone: tzinfo, classifier: str, *, kind: str, local: str, name: SpeciesName | None
) -> dict[str, Any]:
    at = _stamp(row["captured_at"], zone)
    tags = [
        f"{said}:{row[key]}"
        for key, said in _TAGS.items()
        if row[key] not in (None, "") and (has_box(row) or not key.startswith("detector"))
    ]
    if local and name is None:
        tags.insert(0, f"{VERNACULAR_TAG}:{local.replace('|', TAG_BAR)}")  # a bar would end the tag
    by_human = bool(row["verdict"] or row["verdict_species"])
    observation = {
        "observationID": row["crop_id"],
        "deploymentID": row["deployment"],
        "mediaID": row["photo_id"],
        "eventID": row["event_id"] or "",
        "eventStart": at,
        "eventEnd": at,
        "observationLevel": "media",
        "observationType": kind,
        "scientificName": "" if name is None else name.scientific,
        "classificationMethod": "human" if by_human else "machine",
        "classifiedBy": (row["reviewer"] if by_human else row["bundle"] or classifier) or "",
        "classificationTimestamp": _stamp(row["decided_at"], UTC) if row["verdict"] and row["decided_at"] else "",
        "observationTags": " | ".join(tags),
        "observationComments": escape_formula(row["note"] or ""),  # no name, so a spreadsheet must not run it
    }
    if has_box(row):
        observation |= dict(zip(("bboxX", "bboxY", "bboxWidth", "bboxHeight"), relative_box(row), strict=True))
        if kind == "animal":
            observation["count"] = 1
    # How sure the detector is of a box says nothing about the species.
    if not by_human and row[SURENESS_COLUMN] is not None:
        observation["classificationProbability"] = row[SURENESS_COLUMN]
    if kind == "unclassified" and not row["verdict"]:
        observation |= {"classificationMethod": "", "classifiedBy": ""}
    return observation


def _describe_taxon(name: SpeciesName) -> dict[str, Any]:
    if name.local.casefold() == name.scientific.casefold():
        return {"scientificName": name.scientific}
    return {"scientificName": name.scientific, "vernacularNames": {name.language: name.local}}


def _set_zone(time: datetime, zone: tzinfo) -> datetime:
    """A time without a zone is in the zone of the cameras' clocks."""
    return time if time.tzinfo else time.replace(tzinfo=zone)


def _is_skipped(time: datetime, zone: tzinfo) -> bool:
    """Whether clocks in the zone never show this time, because they are put forward over it."""
    here = _set_zone(time, zone)
    return here.astimezone(UTC).astimezone(here.tzinfo).replace(tzinfo=None) != here.replace(tzinfo=None)


def _comes_twice(time: datetime, zone: tzinfo) -> bool:
    """Whether clocks in the zone show this time twice, because they are put back over it."""
    here = _set_zone(time, zone)
    return here.utcoffset() != here.replace(fold=1).utcoffset()


def _stamp(time: datetime | None, zone: tzinfo) -> str:
    return "" if time is None else _set_zone(time, zone).isoformat(timespec="seconds")


def _describe(
    used: Mapping[str, Place],
    species: list[SpeciesName],
    *,
    title: str,
    contributor: str,
    created: datetime,
    sampling_design: str,
) -> dict[str, Any]:
    west, east = (choose(place.longitude for place in used.values()) for choose in (min, max))
    south, north = (choose(place.latitude for place in used.values()) for choose in (min, max))
    starts = [place.start for place in used.values() if place.start]
    ends = [place.end for place in used.values() if place.end]
    return {
        "profile": f"{SCHEMAS}camtrap-dp-profile.json",
        "name": re.sub(r"[^a-z0-9._-]+", "-", title.lower()).strip("-") or "package",
        "title": title,
        "created": _stamp(created, UTC),
        "contributors": [{"title": contributor, "role": "contributor"}],
        "sources": [{"title": SOURCE, "version": VERSION}],
        "project": {
            "title": title,
            "samplingDesign": sampling_design,
            "captureMethod": ["activityDetection"],
            "individualAnimals": False,
            "observationLevel": ["media"],
        },
        "spatial": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "temporal": {"start": min(starts).date().isoformat(), "end": max(ends).date().isoformat()},
        "taxonomic": [_describe_taxon(one) for one in species],
        "resources": [
            {
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": f"{SCHEMAS}{name}-table-schema.json",
            }
            for name in ("deployments", "media", "observations")
        ],
    }
