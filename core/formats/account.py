"""The account of a file of labels, which every reader gives: what it used and not, how it read names and dates.

A file of another tool may hold columns that nobody here has heard of, or a known name that means something else. What
was used is therefore noted where it is used and not promised: a column of which no cell was used is named as not used.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.disk.json import to_values

MOST_NAMED = 20
"""So many names and columns of a kind are kept, and counted beyond."""
MOST_SIGNS = 60
OWN_KEY = "anomalure"
"""What our exports add to formats of others, and no reader takes back."""
_WHOLE = (OWN_KEY, "segmentation")
MOST_ANIMALS = 1_000_000
"""Of one label; larger counts are taken as this."""
OF = "[]."
"""Between a list of JSON and a key of its objects: ``images[].file_name``."""

PHOTO, SPECIES, BOX, TIME, COUNT, KIND = "photo", "species", "box", "time", "number of animals", "kind of observation"
FOLDER, DEPLOYMENT = "folder of the photo", "deployment"

# What the names of columns say that are missed if they are not used, also in other languages, and the meanings of
# columns by which they are not missed: a table with a time has more dates, such as that of its upload.
_OF_SPECIES = re.compile(
    r"species|animal|taxon|genus|scientific|\bcommon\b|vernacular|identif|\btiere?\b|\bart\b|espe[cè]"
)
_TELLING = (
    (_OF_SPECIES, ()),
    (re.compile(r"label|class|categor|\bprediction|\bguess"), (SPECIES,)),
    (re.compile(r"box|xmin|polygon|segmentation|^[xy] ?\d?$|^[wh]$|\bleft\b|\bright\b|\btop\b|\bbottom\b"), (BOX,)),
    (re.compile(r"(?<!li)date|time|datum|uhrzeit|zeit|heure|fecha|\bhora\b|\bora\b"), (TIME,)),
    (
        re.compile(r"\bcounts?\b|number of|quantity|abundance|individuals|group size|\banzahl\b|\bnombre\b|cantidad"),
        (COUNT,),
    ),
    (re.compile(r"\bempty|blank|nothing|\bleer\b|\bvide\b|vac[ií]o"), (KIND,)),
    (re.compile(r"person|human(?! ?verif)|people|vehicle"), ()),
    (re.compile(r"delete|reject|exclude|discard|corrupt|crowd|\bignore"), ()),
    (
        re.compile(
            r"folder|ordner|verzeichnis|dossier|carpeta|pasta|\b(sd )?card\b|\bsites?\b|station|\bplots?\b|transect"
            r"|camera(?! ?(make|model|serial|setup|type|height|angle|brand))|\btrap\b|location|\bplaces?\b"
        ),
        (FOLDER, DEPLOYMENT),
    ),
    (re.compile(r"utc ?offset|time ?zone|\btz\b"), ()),
    (re.compile(r"timestamp ?issues"), ()),
    (re.compile(r"keyword|\btags?\b|subject"), (SPECIES,)),
)
_HARMLESS = re.compile(
    r"by$|^classif(?!ications$)|method|confidence|probab|score|precision|upload|license|remark|comment|^uncertainty"
    r"|blank ?species|lifestage|^sampling|species list|taxon ?id|prediction ?base"
)
REJECTED = frozenset(
    {"rejected", "reject", "invalid", "discarded", "discard", "wrong", "incorrect", "unusable", "delete"}
)
"""What stands in a cell of an entry that somebody does not want to be used."""
_NOTHING = frozenset(
    {"", "0", "0.0", "false", "no", "n", "none", "null", "na", "nan", "f", "falsch", "nein", "[]", "{}"}
)
_WORD_BORDERS = re.compile(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Ý])|[^A-Za-zÀ-ÿ0-9]+")


@dataclass(frozen=True, kw_only=True)
class Used:
    """Columns, or keys of JSON, that were used as something, and in how many entries."""

    columns: tuple[str, ...]
    meaning: str
    n: int = 0


@dataclass(frozen=True, kw_only=True)
class DatesRead:
    """How the dates of a column were read: which part came first, and what was said of their zone."""

    columns: tuple[str, ...]
    order: str
    zone: str
    n: int
    n_not_read: int
    example: str


@dataclass(frozen=True, kw_only=True)
class NamesRead:
    """Names that a file writes, which were read as one name; an empty one says nothing."""

    name: str
    written: tuple[str, ...]
    n_written: int


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Entries that gave no label, with the reason and the first of them."""

    reason: str
    n: int
    first: str


@dataclass(frozen=True, kw_only=True)
class LabelAccount:
    """What was made of one file of labels.

    Attributes:
        file: The file's name.
        format: The name of its format.
        things: What its entries are, in the plural: rows, annotations, detections, observations, predictions.
        n_entries: Their number. Each gave a label or is counted in ``left_out``.
        used: Which columns were used and as what.
        not_used: Columns of which no cell was used.
        important: Those of them that have something in them and a name that seems to matter.
        warnings: Sentences about what may have been misunderstood, the most important first.
        labels: Number of labels by their kind: boxes, whole photos, of events, empty, people and vehicles.
        left_out: Why entries gave no label.
        notes: Sentences about what else could not be used.
        names: Species that the file writes in other ways than they are called here.
        dates: How dates were read.
        n_photos: The photos of the file.
        n_not_in_folder: Those of them that are not in the folder; ``None`` if no folder was looked at.
        n_without_labels: The photos of the folder that the file does not name.
    """

    file: str = ""
    format: str
    things: str
    n_entries: int
    used: tuple[Used, ...] = ()
    not_used: tuple[str, ...] = ()
    important: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    names: tuple[NamesRead, ...] = ()
    dates: tuple[DatesRead, ...] = ()
    n_photos: int = 0
    n_not_in_folder: int | None = None
    n_without_labels: int | None = None

    @property
    def n_left_out(self) -> int:
        """How many entries gave no label."""
        return sum(one.n for one in self.left_out)

    def to_values(self) -> dict[str, Any]:
        """As JSON values, with the sentences as ``said``."""
        values: dict[str, Any] = to_values(self)
        return values | {"n_left_out": self.n_left_out, "said": self.lines()}

    def summary(self) -> str:
        """One line: ``labels.csv: 120 rows, of which 3 gave no label. 90 boxes, 27 empty.``"""
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in self.labels.items() if n) or "no label"
        left = f", of which {self.n_left_out:,} gave no label" if self.n_left_out else ""
        return f"{self.file or self.format}: {self.n_entries:,} {self.things}{left}. {kinds}."

    def lines(self) -> list[str]:
        """The account as sentences: warnings first."""
        lines = [f"WARNING: {one}" for one in self.warnings]
        lines.append(self.summary())
        for one in self.used:
            share = "" if one.n == self.n_entries or not one.n else f" (in {one.n:,} {self.things})"
            lines.append(f"Used: {', '.join(one.columns)} -> {one.meaning}{share}.")
        if self.not_used:
            lines.append(f"Not used: {_list(self.not_used, len(self.not_used))}.")
        lines += [f"Gave no label: {one.n:,} {one.reason}" + _first(one.first) + "." for one in self.left_out]
        lines += [f"Also: {note}." for note in self.notes]
        for name in self.names:
            lines.append(f"{_list(name.written, name.n_written)} -> {name.name or 'no species'}.")
        for dates in self.dates:
            where = f" in {', '.join(dates.columns)}" if dates.columns else ""
            not_read = f", {dates.n_not_read:,} not read" if dates.n_not_read else ""
            lines.append(f"Dates{where}: {dates.order}; {dates.zone}{not_read}. {dates.example}".rstrip())
        if self.n_not_in_folder is not None:
            lines.append(
                f"{self.n_photos:,} photos in the file, {self.n_not_in_folder:,} of them not in the folder; "
                f"{self.n_without_labels or 0:,} photos of the folder are not in the file."
            )
        return lines


@dataclass(slots=True)
class Problems:
    """Counts by reason what cannot be used, and keeps the first case of each reason."""

    _counts: dict[str, int] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)
    _entries: Counter[str] = field(default_factory=Counter)
    _dates: list[DatesRead] = field(default_factory=list)

    def add(self, reason: str, first: object = "", *, entries: int = 0) -> None:
        """Count one case of ``reason`` ("annotations without a category"); ``entries`` gave no label because of it."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self._first.setdefault(reason, str(first))
        if entries:
            self._entries[reason] += entries

    def note_dates(self, dates: DatesRead) -> None:
        """How the dates of a column were read."""
        self._dates.append(dates)

    def quote(self, lines: Iterable[str]) -> None:
        """Report what the reader of the labels counted, too."""
        for line in lines:
            self._counts[f"in the labels: {line}"] = 0

    def lines(self, *, but_for: Collection[str] = ()) -> tuple[str, ...]:
        """For example ``3 annotations of unknown photos (the first: 17)``, without those of some reasons."""
        return tuple(
            (f"{count} {reason}" if count else reason) + _first(self._first.get(reason, ""))
            for reason, count in self._counts.items()
            if reason not in but_for
        )


@dataclass(slots=True)
class Reading(Problems):
    """What a reader notes while it reads; ``account`` is made of it.

    Args:
        things: What the entries of the file are, in the plural.
    """

    things: str = "entries"
    n_entries: int = 0
    _used: dict[tuple[str, str], int] = field(default_factory=dict)
    _there: dict[str, bool] = field(default_factory=dict)
    _names: dict[str, Counter[str]] = field(default_factory=dict)
    _warnings: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def use(self, column: str, meaning: str, n: int = 1) -> None:
        """A cell of this column, or the value of this key, was used as that."""
        self._used[column, meaning] = self._used.get((column, meaning), 0) + n

    def see(self, column: str, value: object) -> None:
        """This column, or key, is there, with this in it."""
        self._there[column] = self._there.get(column, False) or has_something(value)

    def see_keys(self, values: object, *, of: str, used: Mapping[str, str]) -> None:
        """The keys of an object of JSON, some of which are used as something wherever they hold a value."""
        if not isinstance(values, dict):
            return
        for key, value in values.items():
            name = f"{of}{OF}{key}"
            if isinstance(value, dict) and key not in used and key not in _WHOLE:
                for inner, one in value.items():
                    self.see(f"{name}{OF}{inner}", one)
                continue
            self.see(name, value)
            if isinstance(value, str) and value.casefold() in REJECTED:
                self.warn(f"“{name}” is {value.casefold()} in some entries, and these were used as well")
            if key in used and value not in (None, "", []):
                self.use(name, used[key])

    def list_used(self, *, but_for: str = "") -> list[str]:
        """The columns that were used so far, without those that were used only for one meaning."""
        return list(dict.fromkeys(column for column, meaning in self._used if meaning != but_for))

    def excuse(self, columns: Iterable[str]) -> None:
        """These are not missed if they are not used: they say again what is known."""
        self._known.update(columns)

    def warn(self, sentence: str) -> None:
        """Something may have been misunderstood."""
        if sentence not in self._warnings:
            self._warnings.append(sentence)

    def name(self, written: str, read: str) -> str:
        """Note that a name was read as another one, and return that."""
        if written.strip():
            self._names.setdefault(read, Counter())[written.strip()] += 1
        return read

    def account(
        self, *, format_name: str, labels: Mapping[str, int], n_photos: int, spelled: Mapping[str, str]
    ) -> LabelAccount:
        """The account; ``spelled`` is how each species was spelled in the end."""
        by_use: dict[tuple[str, int], list[str]] = {}
        for (column, meaning), n in self._used.items():
            by_use.setdefault((meaning, n), []).append(column)
        meanings = {meaning for _, meaning in self._used}
        taken = {column for column, _ in self._used}
        not_used = [column for column in self._there if column not in taken]
        important = [
            column
            for column in not_used
            if self._there[column] and column not in self._known and seems_important(column, meanings)
        ]
        warnings = list(self._warnings)
        if important:
            warnings.insert(0, _say_important(important))
        return LabelAccount(
            format=format_name,
            things=self.things,
            n_entries=self.n_entries,
            used=tuple(
                Used(columns=tuple(columns), meaning=meaning, n=n) for (meaning, n), columns in sorted(by_use.items())
            ),
            not_used=tuple(not_used),
            important=tuple(important),
            warnings=tuple(warnings),
            labels=dict(labels),
            left_out=tuple(LeftOut(reason=one, n=n, first=self._first[one]) for one, n in self._entries.items()),
            notes=self.lines(but_for=self._entries),
            names=self._list_names(spelled),
            dates=tuple(self._dates),
            n_photos=n_photos,
        )

    def _list_names(self, spelled: Mapping[str, str]) -> tuple[NamesRead, ...]:
        merged: dict[str, Counter[str]] = {}
        for read, written in self._names.items():
            merged.setdefault(spelled.get(read, read), Counter()).update(written)
        others = {name: [one for one, _ in written.most_common() if one != name] for name, written in merged.items()}
        return tuple(
            NamesRead(name=name, written=tuple(one[:MOST_SIGNS] for one in some[:MOST_NAMED]), n_written=len(some))
            for name, some in others.items()
            if some
        )


def seems_important(column: str, meanings: Iterable[str]) -> bool:
    """Whether a column that is not used is missed, by its name, in a table with columns of these meanings."""
    name = _part_words(column)
    if _HARMLESS.search(name) or column.startswith(f"categories{OF}"):
        return False
    had = set(meanings)
    return any(pattern.search(name) and not had.intersection(enough) for pattern, enough in _TELLING)


def may_name_species(column: str) -> bool:
    """Whether a column may name species, as far as its own name says."""
    name = _part_words(column)
    return any(pattern.search(name) for pattern, _ in _TELLING[:2]) and not _HARMLESS.search(name)


def is_harmless(column: str) -> bool:
    """Whether a column is about something else by its name, such as who said it, or how sure a program was."""
    return _HARMLESS.search(_part_words(column)) is not None


def _part_words(column: str) -> str:
    return _WORD_BORDERS.sub(" ", column.rpartition(OF)[2]).strip().casefold()


def has_something(value: object) -> bool:
    """Whether a cell or value says something: not an empty one, and not a flag that is off."""
    if isinstance(value, str):
        return value.strip().casefold() not in _NOTHING
    return value not in (None, False, 0) and value != [] and value != {}


def _say_important(columns: Sequence[str]) -> str:
    one = len(columns) == 1
    return (
        f"the column{'' if one else 's'} {_list(columns, len(columns))} {'seems' if one else 'seem'} to matter and "
        f"{'was' if one else 'were'} not used"
    )


def quote_names(names: Sequence[str]) -> str:
    """The first names in quotation marks, and how many more there are."""
    return _list(names, len(names))


def _list(names: Sequence[str], total: int) -> str:
    shown = [name if len(name) <= MOST_SIGNS else f"{name[:MOST_SIGNS]}…" for name in names[:MOST_NAMED]]
    more = f" and {total - len(shown):,} more" if total > len(shown) else ""
    return ", ".join(f"“{name}”" if name else "(without a name)" for name in shown) + more


def _first(first: str) -> str:
    return f" (the first: {first})" if first else ""
