"""Camtrap DP, the exchange format of camera trap data. Format: camtrap-dp.tdwg.org (Bubnicki et al. 2024)."""

import re
import zipfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from core.disk.bounded import open_ordinary, read_bounded, read_member, unpack_gzip
from core.disk.inside import LeadsOut, inside
from core.disk.text import Table, parse_json, parse_table, quote_known
from core.errors import FileFormatError
from core.formats.account import BOX, COUNT, KIND, MOST_ANIMALS, PHOTO, SPECIES, Reading, quote_names
from core.formats.camtrap_dp.media import USED_OF_MEDIA, Medium, in_utc, read_instant, read_media
from core.formats.csv import unescape_formula
from core.formats.labelled import RELATIVE_FRAME, Label, LabelFile, make_label_file, read_box, read_confidence
from core.species import EMPTY, fold_name, is_empty_name, is_person_name, is_thing_name, read_species

FORMAT_NAME = "Camtrap DP"
PACKAGE_FILE = "datapackage.json"
TAG_BAR = "%7C"
VERNACULAR_TAG = "vernacularName"
"""The key of a tag of an observation that holds the local name of a species without a scientific name."""
_EXPECTED = "a Camtrap DP package: datapackage.json with the resources deployments, media and observations"
_MEDIA_COLUMNS = ("mediaID", "deploymentID", "timestamp", "filePath")
ANIMAL = "animal"
_USED_OF_OBSERVATIONS = {
    "mediaID": PHOTO,
    "deploymentID": "deployment",
    "sequenceID": "event",
    "eventID": "event",
    "eventStart": "event",
    "eventEnd": "event",
    "observationLevel": "whether it is about an event",
    "observationType": KIND,
    "scientificName": SPECIES,
    "observationTags": "local name of the species",
    "count": COUNT,
    "classificationMethod": "who said it",
    "classificationProbability": "confidence of the species",
    "classificationConfidence": "confidence of the species",
    "bboxX": BOX,
    "bboxY": BOX,
    "bboxWidth": BOX,
    "bboxHeight": BOX,
}
_BOX_COLUMNS = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")

# The address of the profile, or of a table's schema, holds the version.
_VERSION = re.compile(r"camtrap-dp/v?(\d+)\.(\d+)[\w.-]*/")
_KNOWN_VERSIONS = "0.1 to 0.1.6 and 1.0 to 1.x"

Fetch = Callable[[str], bytes]


def read_camtrap_dp(path: Path) -> LabelFile:
    """The photos and observations of a package: its folder, its ``datapackage.json``, or a zip of it.

    Boxes are relative. ``captured_at`` is the local time as written, without its zone. Observations of an event become
    labels (``of_event``) of those of its photos that have no observation of their own.

    Raises:
        FileFormatError: If it is not such a package, or a table or a column is missing.
    """
    if path.is_dir():
        path = path / PACKAGE_FILE
    try:
        with open_ordinary(path) as file:
            if zipfile.is_zipfile(file):  # it may hold the photos, too, so it is not read as a whole
                with zipfile.ZipFile(file) as archive:
                    return _parse(*_open_zip(archive, path.name), source=path.name)
        content = read_bounded(path)
    except FileNotFoundError as error:
        raise FileFormatError(f"There is no file {path}; expected {_EXPECTED}.") from error
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}; expected {_EXPECTED}.") from error
    value = parse_json(content, source=path.name, expected=_EXPECTED)
    return parse_camtrap_dp(value, folder=path.parent, source=path.name)


def is_camtrap_dp(content: object) -> bool:
    """Whether the value of a JSON file has the shape of a package's description."""
    return isinstance(content, dict) and isinstance(content.get("resources"), list)


def parse_camtrap_dp(content: object, *, folder: Path, source: str) -> LabelFile:
    """As ``read_camtrap_dp``, from the value of ``datapackage.json`` and the folder that it describes."""

    def fetch(name: str) -> bytes:
        try:
            return read_bounded(inside(folder, name))
        except LeadsOut as error:
            raise FileFormatError(f"{source} names a table that is not inside the package: {error}") from error
        except OSError as error:
            raise FileFormatError(
                f"{source} names the table {name}, which cannot be read: {error.strerror}."
            ) from error

    return _parse(content, fetch, source=source)


def _make_labels() -> dict[bool, dict[str, list[Label]]]:
    return {False: defaultdict(list), True: defaultdict(list)}


@dataclass
class _Said:
    """The labels of photos by their id, and those of their events, of people (False) and of machines (True)."""

    of_photos: dict[bool, dict[str, list[Label]]] = field(default_factory=_make_labels)
    of_events: dict[bool, dict[str, list[Label]]] = field(default_factory=_make_labels)

    def choose(self, media_id: str, problems: Reading) -> list[Label]:
        """The labels of a photo: its own, else those of its event. What a machine says against people is left out."""
        people, machine = (self.of_photos[who][media_id] for who in (False, True))
        of_people = people or self.of_events[False][media_id]
        if any(label.box is not None for label in of_people):
            of_people = []  # a person's box says nothing about the others of the photo
        named = {fold_name(label.species) for label in of_people}
        sees_animals = not all(label.is_empty for label in of_people)
        kept = [
            label
            for label in machine
            if not named or (fold_name(label.species) in named if label.species else sees_animals)
        ]
        if len(kept) < len(machine):
            problems.add(
                "observations by a machine that contradict those of people", media_id, entries=len(machine) - len(kept)
            )
        species = {label.species for label in of_people if label.detector_class == ANIMAL}
        if len(species) == 1:  # what people saw of one species, the machine's boxes show
            kept = [
                label if label.species or label.detector_class != ANIMAL else replace(label, species=min(species))
                for label in kept
            ]
        return [*people, *kept] or self.of_events[False][media_id] or self.of_events[True][media_id]


def _parse(content: object, fetch: Fetch, *, source: str) -> LabelFile:
    _check_version(content, source=source)
    media = _read_resource(content, "media", fetch, source=source, columns=_MEDIA_COLUMNS)
    observations = _read_resource(content, "observations", fetch, source=source, columns=("observationType",))
    problems = Reading(things="observations", n_entries=len(observations))
    for row in media:
        problems.see_keys(row, of="media", used=USED_OF_MEDIA)
    for row in observations:
        problems.see_keys(row, of="observations", used=_USED_OF_OBSERVATIONS)
    observations = Table(observations.columns, _upgrade_observations(observations, media))
    by_id = read_media(media, problems)
    _warn_of_clocks(content, fetch, problems, source=source)
    said = _Said()
    events: dict[str, str] = {}
    incomplete: set[str] = set()
    of_events = []
    for row in observations:
        media_id = row.get("mediaID", "")
        if row.get("observationLevel", "media" if media_id else "event") == "event" and not media_id:
            of_events.append(row)
        elif media_id not in by_id:
            problems.add(
                "observations of media that are not in the package or not photos", row.get("observationID"), entries=1
            )
        else:
            events.setdefault(media_id, row.get("eventID", ""))
            read = _read_labels(row, problems)
            said.of_photos[_is_of_machine(row)][media_id] += read
            if not read:
                incomplete.add(media_id)
    _spread_events(of_events, by_id, said=said, events=events, problems=problems)
    photos = [
        replace(
            medium.photo,
            labels=tuple(dict.fromkeys(said.choose(media_id, problems))),
            event_id=events.get(media_id, ""),
            is_incomplete=media_id in incomplete,
        )
        for media_id, medium in by_id.items()
    ]
    return make_label_file(photos, problems, format_name=FORMAT_NAME)


def _warn_of_clocks(content: object, fetch: Fetch, reading: Reading, *, source: str) -> None:
    """Warn of deployments whose times are said to be wrong."""
    try:
        deployments = _read_resource(content, "deployments", fetch, source=source, columns=("deploymentID",))
    except FileFormatError:  # the labels can be read without them
        return
    wrong = [row["deploymentID"] for row in deployments if row.get("timestampIssues", "").strip().casefold() == "true"]
    if wrong:
        reading.warn(f"the package says that the times of these deployments are wrong: {quote_names(wrong)}")


def _read_labels(row: Mapping[str, str], problems: Reading) -> list[Label]:
    kind, written = row["observationType"].strip().casefold(), row.get("scientificName", "")
    species = problems.name(written, read_species(written)) if written.strip() else ""
    species = species or read_species(_read_vernacular(row.get("observationTags", "")))
    if kind == "unclassified":
        problems.add("observations that are unclassified", row.get("observationID"), entries=1)
        return []
    is_other = bool(species) and not is_empty_name(species)
    if is_other and (
        kind == "blank" or (kind in ("human", "vehicle") and not is_person_name(species) and not is_thing_name(species))
    ):
        problems.add(f"observations of {kind} that name another species", row.get("observationID"), entries=1)
        return []
    if row.get("count", "").strip() == "0" and is_other and not is_person_name(species):
        problems.add("observations that name a species and count no animal", row.get("observationID"), entries=1)
        return []
    if kind == "blank":
        species = EMPTY
    elif kind in ("human", "vehicle"):
        species = species or read_species(kind)
    sureness = read_confidence(row.get("classificationProbability", ""))
    box = None
    cells = [row.get(column, "").strip() for column in _BOX_COLUMNS]
    if any(cells):
        try:
            numbers = [float(cell) for cell in cells]
        except ValueError:
            numbers = []
        where = row.get("observationID", "")
        box = read_box(numbers, frame=RELATIVE_FRAME, problems=problems, where=where, things="observations")
        if box is None:
            return []
    is_machine = _is_of_machine(row)
    count = _read_count(row.get("count", ""))
    return [Label(species, box, sureness if box is not None and is_machine else None, kind, sureness, count=count)]


def _is_of_machine(row: Mapping[str, str]) -> bool:
    return row.get("classificationMethod", "").strip().lower() == "machine"


def _read_count(text: str) -> int:
    """How many animals an observation is about; 1 if it does not say."""
    return min(int(text), MOST_ANIMALS) if text.strip().isdecimal() and int(text) > 0 else 1


def _read_vernacular(tags: str) -> str:
    """The local name that a package of ours has among the tags where no scientific name is known."""
    for tag in tags.split("|"):
        key, _, value = tag.strip().partition(":")
        if key == VERNACULAR_TAG:
            return value.strip().replace(TAG_BAR, "|")
    return ""


def _spread_events(
    rows: Iterable[Mapping[str, str]],
    by_id: Mapping[str, Medium],
    *,
    said: _Said,
    events: dict[str, str],
    problems: Reading,
) -> None:
    """Note the observations of an event for its photos."""
    by_deployment: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for media_id, medium in by_id.items():
        if medium.instant is not None:
            by_deployment[medium.photo.deployment].append((medium.instant, media_id))
    for timed in by_deployment.values():
        timed.sort()
    for row in rows:
        start, end = (in_utc(read_instant(row.get(name, ""))) for name in ("eventStart", "eventEnd"))
        if start is None or end is None:
            problems.add("observations of events without a start and an end", row.get("observationID"), entries=1)
            continue
        timed = by_deployment.get(row.get("deploymentID", ""), [])
        inside = timed[bisect_left(timed, (start, "")) : bisect_right(timed, (end, "\U0010ffff"))]
        if not inside:
            problems.add("observations of events without a photo", row.get("observationID"), entries=1)
            continue
        labels = _read_labels(row, problems)
        for _, media_id in inside:
            events.setdefault(media_id, row.get("eventID", ""))
            said.of_events[_is_of_machine(row)][media_id] += [
                Label(
                    label.species,
                    None,
                    None,
                    label.detector_class,
                    label.species_confidence,
                    of_event=True,
                    count=label.count,
                )
                for label in labels
            ]


def _read_resource(content: object, name: str, fetch: Fetch, *, source: str, columns: tuple[str, ...]) -> Table:
    resources = content.get("resources") if isinstance(content, dict) else None
    named: dict[str, Any] = {
        str(resource.get("name")): resource
        for resource in (resources if isinstance(resources, list) else ())
        if isinstance(resource, dict)
    }
    if name not in named:
        raise FileFormatError(f"{source}: expected {_EXPECTED}; it has no resource {name}.")
    paths = named[name].get("path")
    paths = [paths] if isinstance(paths, str) else paths
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise FileFormatError(f"{source}: the resource {name} has no path.")
    rows: list[dict[str, str]] = []
    table = Table((), [])
    for path in paths:
        # The format allows web addresses and forbids paths outside the package. Neither is followed.
        if "://" in path or PurePosixPath(path).is_absolute() or ".." in path.split("/") or ":" in path:
            raise FileFormatError(
                f"{source}: the table {path} is not inside the package. Download it into the package."
            )
        data = fetch(path)
        if path.endswith(".gz"):
            try:
                data = unpack_gzip(data, source=path)
            except (OSError, EOFError) as error:
                raise FileFormatError(f"{path} cannot be unpacked: {error}.") from error
        table = parse_table(data, source=path, expected=f"the table {name} of a Camtrap DP package")
        missing = [column for column in columns if column not in table.columns]
        if missing:
            raise FileFormatError(
                f"{path}: the table {name} lacks the columns {', '.join(missing)}; it has {quote_known(table.columns)}."
            )
        rows += table.rows
    if not _names_sources(content):
        # Earlier versions of Anomalure, which named no sources, put an apostrophe before names such as -33.45_18.42.
        rows = [{column: unescape_formula(cell) for column, cell in row.items()} for row in rows]
    return Table(table.columns, rows)


def _names_sources(content: object) -> bool:
    return isinstance(content, dict) and bool(content.get("sources"))


def _open_zip(archive: zipfile.ZipFile, source: str) -> tuple[Any, Fetch]:
    packages = [name for name in archive.namelist() if PurePosixPath(name).name == PACKAGE_FILE]
    if not packages:
        has_others = any(name.lower().endswith((".csv", ".json")) for name in archive.namelist())
        unpack = " Of another tool: unpack it, and give the CSV or JSON file that is in it." if has_others else ""
        raise FileFormatError(f"{source} has no {PACKAGE_FILE} in it; expected {_EXPECTED}.{unpack}")
    root = PurePosixPath(min(packages, key=len)).parent

    def fetch(name: str) -> bytes:
        try:
            about = archive.getinfo(str(root / name))
        except KeyError as error:
            raise FileFormatError(f"{source} has no table {name} in it.") from error
        try:
            return read_member(archive, about)
        except OSError as error:
            raise FileFormatError(f"{source}, {name}: {error.strerror or error}.") from error

    return parse_json(fetch(PACKAGE_FILE), source=f"{source}, {PACKAGE_FILE}", expected=_EXPECTED), fetch


def _check_version(content: object, *, source: str) -> None:
    """Refuse a package of a version whose tables may mean something else.

    Raises:
        FileFormatError: If the package names a version that is not known. One without a version is read.
    """
    values = content if isinstance(content, dict) else {}
    resources = values.get("resources")
    schemas = [one.get("schema") for one in resources if isinstance(one, dict)] if isinstance(resources, list) else []
    for address in (values.get("profile"), values.get("$schema"), *schemas):
        found = _VERSION.search(address) if isinstance(address, str) else None
        if found is None:
            continue
        version = (int(found[1]), int(found[2]))
        if version != (0, 1) and version[0] != 1:
            raise FileFormatError(
                f"{source} is a Camtrap DP package of version {found[1]}.{found[2]}. Versions {_KNOWN_VERSIONS} "
                "are read: export it again in one of them."
            )
        return


def _upgrade_observations(
    observations: Iterable[Mapping[str, str]], media: Iterable[Mapping[str, str]]
) -> list[dict[str, str]]:
    """Observations of version 0.1 as version 1.0 writes them; those of 1.0 as they are.

    In 0.1 an observation can be about a sequence of media, which they share by ``sequenceID``, and the probability is
    ``classificationConfidence``.
    """
    times: dict[str, list[str]] = defaultdict(list)
    for row in media:
        if row.get("sequenceID") and row.get("timestamp"):
            times[row["sequenceID"]].append(row["timestamp"])
    upgraded = []
    for row in observations:
        new = dict(row)
        if "classificationConfidence" in row:
            new.setdefault("classificationProbability", row["classificationConfidence"])
        sequence = row.get("sequenceID", "")
        if sequence and not row.get("eventID"):
            new["eventID"] = sequence
            if not row.get("mediaID") and times[sequence]:
                new["eventStart"], new["eventEnd"] = min(times[sequence]), max(times[sequence])
        upgraded.append(new)
    return upgraded
