"""What the columns of a table of labels mean, in the words of the tools that write such tables.

Known are the tables of Timelapse, camtrapR, Camelot, Wildlife Insights, TRAPPER, Agouti, AddaxAI, TensorFlow and our
own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.formats.account import Reading
from core.formats.csv import unescape_formula

_FILES = (
    "filename",
    "imagename",
    "imagefilename",
    "photofilename",
    "mediafilename",
    "file",
    "filepath",
    "imagepath",
    "image",
    "photo",
    "photoname",
    "sourcefile",
    "path",
    "relativepath",
)
_FOLDERS = ("relativepath", "directory", "folder", "folderpath", "subfolder", "dir")
_PATHS = ("filepath", "imagepath", "path", "absolutepath", "sourcefile", "location", "url", "imageurl", "mediaurl")
_ROOT = ("rootfolder",)
_IDS = ("mediaid", "imageid")
_SPECIES = (
    "verdictspecies",
    "species",
    "scientificname",
    "speciesname",
    "taxon",
    "taxonname",
    "commonname",
    "vernacularname",
    "speciesscientificname",
    "speciescommonname",
    "common",
    "truth",
    "groundtruth",
    "truespecies",
    "truelabel",
    "label",
    "category",
    "class",
    "prediction",
    "classname",
    "categoryname",
    "labelname",
    "trueclass",
)
_RANKS = ("class", "order", "family", "genus", "species")
_COMMON_NAMES = ("commonname", "vernacularname")
_KINDS = ("observationtype",)
_BLANKS = ("isblank", "blank", "isempty", "empty")
_COUNTS = (
    "count",
    "counts",
    "individualcount",
    "numberofindividuals",
    "numberofanimals",
    "numberofobjects",
    "nindividuals",
    "groupsize",
    "howmany",
    "speciescount",
    "labelcount",
    "sightingquantity",
    "sightingcount",
    "howmanyanimals",
    "animalcount",
    "number",
    "abundance",
    "quantity",
    "anzahl",
)
_DEPLOYMENTS = ("deployment", "deploymentid", "deploymentname")
_STATIONS = (
    "station",
    "trapstationname",
    "stationid",
    "site",
    "siteid",
    "sitename",
    "placename",
    "location",
    "locationid",
    "locationname",
)
_CAMERAS = ("camera", "cameraid", "cameraname")
_TIMES = (
    "capturedat",
    "datetime",
    "datetimeoriginal",
    "timestamp",
    "dateandtime",
    "datecaptured",
    "capturetime",
    "daterecorded",
    "mediacapturetimestamp",
    "imagedatetime",
    "imagedate",
    "picturedate",
    "photodatetime",
    "datetaken",
    "createdate",
    "begintime",
    "begindatetime",
    "eventdate",
)
_DATES = ("date", "capturedate", "photodate", "dateoriginal")
_CLOCKS = ("time", "phototime", "timeoriginal")
# Parts of the names of columns that may hold times, also in other languages.
_TIME_WORDS = re.compile(
    r"(?<!li)date|time|(?<![a-z])(year|month|day|hour|jahr|monat|stunde|mois|jour|mes|día)(?![a-z])|datum|uhrzeit|zeit|heure|fecha|hora\b|ora\b",
    re.I,
)
_HALVES = ("ampm", "amorpm", "meridiem")
_EVENTS = ("eventid", "sequenceid", "seqid", "event", "sequence")
_SPLITS = ("split",)
_CONFIDENCES = ("detectorconfidence", "conf", "confidence")
_WIDTHS = ("imagewidth", "filewidth", "photowidth", "photowidthpx", "imgwidth", "width")
_HEIGHTS = ("imageheight", "fileheight", "photoheight", "photoheightpx", "imgheight", "height")

_CORNER_AND_SIZE = (
    ("bboxx", "bboxy", "bboxwidth", "bboxheight"),
    ("bboxx", "bboxy", "bboxw", "bboxh"),
    ("bboxleft", "bboxtop", "bboxwidth", "bboxheight"),
    ("boxx", "boxy", "boxwidth", "boxheight"),
    ("bbox1", "bbox2", "bbox3", "bbox4"),  # Animl
    ("left", "top", "width", "height"),
    ("x", "y", "width", "height"),
    ("x", "y", "w", "h"),
)
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("bboxxmin", "bboxymin", "bboxxmax", "bboxymax"),
    ("bboxleft", "bboxtop", "bboxright", "bboxbottom"),
    ("left", "top", "right", "bottom"),
    ("minx", "miny", "maxx", "maxy"),
    ("x1", "y1", "x2", "y2"),
    ("bboxx1", "bboxy1", "bboxx2", "bboxy2"),
)
_MIDDLE_AND_SIZE = (("xcenter", "ycenter", "width", "height"), ("xcentre", "ycentre", "width", "height"))
_ONE_CELL = ("bbox", "boundingbox")
_CORNER_SIGNS = re.compile(r"[\[\](){}]")
_QUOTED_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
_ODD_SIGNS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """The columns of one table by what they mean; a tuple is empty if the table has none.

    ``box_form`` is ``size`` (corner and size), ``corners``, ``middle`` or ``cell`` (all four in one), or empty.
    """

    file: str
    folders: tuple[str, ...]
    paths: tuple[str, ...]
    roots: tuple[str, ...]
    ids: tuple[str, ...]
    species: tuple[str, ...]
    ranks: tuple[str, ...]
    common_names: tuple[str, ...]
    kinds: tuple[str, ...]
    blanks: tuple[str, ...]
    counts: tuple[str, ...]
    box: tuple[str, ...]
    box_form: str
    size: tuple[str, ...]
    confidences: tuple[str, ...]
    deployments: tuple[str, ...]
    stations: tuple[str, ...]
    cameras: tuple[str, ...]
    times: tuple[str, ...]
    dates: tuple[str, ...]
    clocks: tuple[str, ...]
    halves: tuple[str, ...]
    events: tuple[str, ...]
    splits: tuple[str, ...]


def find_columns(columns: Sequence[str]) -> LabelColumns | None:
    """The meaning of a table's columns; ``None`` if there is no file name, or neither a species nor a box.

    Capitals, blanks and signs in a column's name do not matter: ``Relative Path`` is ``RelativePath``.
    """
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(fold_column(column), column)

    def find(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(by_name[name] for name in names if name in by_name)

    box, box_form = _find_box(by_name)
    files = find(_FILES)
    is_taxonomy = "genus" in by_name
    species = find(_SPECIES)
    if not files or not (species or box or is_taxonomy):
        return None
    return LabelColumns(
        file=files[0],
        # Beside RelativePath, Timelapse calls the study's folder Folder.
        folders=tuple(column for column in find(_FOLDERS) if column != files[0])[
            : 1 if "relativepath" in by_name else None
        ],
        paths=tuple(column for column in find(_PATHS) if column != files[0]),
        roots=find(_ROOT),
        ids=find(_IDS),
        species=tuple(column for column in species if not is_taxonomy or fold_column(column) == "verdictspecies"),
        ranks=tuple(by_name.get(rank, "") for rank in _RANKS) if is_taxonomy else (),
        common_names=find(_COMMON_NAMES),
        kinds=find(_KINDS),
        blanks=find(_BLANKS),
        counts=find(_COUNTS),
        box=box,
        box_form=box_form,
        size=tuple(column for names in (_WIDTHS, _HEIGHTS) for column in [c for c in find(names) if c not in box][:1]),
        confidences=find(_CONFIDENCES),
        deployments=find(_DEPLOYMENTS),
        stations=find(_STATIONS),
        cameras=find(_CAMERAS),
        times=find(_TIMES),
        dates=find(_DATES),
        clocks=find(_CLOCKS),
        halves=find(_HALVES),
        events=find(_EVENTS),
        splits=find(_SPLITS),
    )


def find_unused_times(columns: Sequence[str], used: LabelColumns) -> list[str]:
    """The columns that may hold the times of photos by their names, if the table has none that is known to."""
    if used.times or used.dates or used.clocks:
        return []
    return [column for column in columns if _TIME_WORDS.search(column)]


def has_file_column(columns: Sequence[str]) -> bool:
    """Whether one of a table's columns is known to hold the names of photos."""
    return any(fold_column(column) in _FILES for column in columns)


def find_file_columns(columns: Sequence[str]) -> list[str]:
    """The columns that are known to hold the names of photos, the most telling first."""
    by_name = {fold_column(column): column for column in reversed(columns)}
    return [by_name[name] for name in _FILES if name in by_name]


def fold_column(column: str) -> str:
    """A column's name without what does not matter: ``Relative Path`` and ``relative_path`` are ``relativepath``."""
    return _ODD_SIGNS.sub("", column.casefold())


def read_cell(row: Mapping[str, str], columns: Iterable[str]) -> str:
    """The first of these cells that holds something, tidied."""
    return next((text for text in (tidy_cell(row[column]) for column in columns if column) if text), "")


class Cells:
    """Reads cells, and notes which of the columns was used as what."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def read(self, row: Mapping[str, str], columns: Iterable[str], meaning: str) -> str:
        """The first of these cells that holds something, tidied; it counts as used."""
        for column in columns:
            if column and (text := tidy_cell(row[column])):
                self._reading.use(column, meaning)
                return text
        return ""


def tidy_cell(cell: str) -> str:
    """A cell without the signs by which spreadsheets are told that it is text: ``'-33_18`` and ``="0012"``."""
    text = cell.strip()
    quoted = _QUOTED_FORMULA.fullmatch(text)
    if len(text) > 2 and text[0] == text[-1] == "'" and "'" not in text[1:-1]:
        text = text[1:-1]
    return (quoted[1].replace('""', '"') if quoted else unescape_formula(text)).strip()


def split_box_cell(cell: str) -> list[str]:
    """The numbers of a box that stands in one cell, such as ``[0.1, 0.2, 0.3, 0.4]``."""
    text = _CORNER_SIGNS.sub(" ", cell).strip()
    return [part for part in re.split(r"[,;\s]+", text) if part]


def corner_and_size(numbers: Sequence[float], form: str) -> list[float]:
    """A box as left, top, width and height."""
    a, b, c, d = numbers
    if form == "corners":
        return [a, b, c - a, d - b]
    if form == "middle":
        return [a - c / 2, b - d / 2, c, d]
    return [a, b, c, d]


def _find_box(by_name: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    for sets, form in ((_CORNERS, "corners"), (_MIDDLE_AND_SIZE, "middle"), (_CORNER_AND_SIZE, "size")):
        for names in sets:
            if all(name in by_name for name in names):
                return tuple(by_name[name] for name in names), form
    for name in _ONE_CELL:
        if name in by_name:
            return (by_name[name],), "cell"
    return (), ""
