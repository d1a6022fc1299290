"""Chooses the crops of an export by verdict, species, camera, day, reviewer and selection, and streams them."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from core.errors import AnomalureError, WrongUsage
from core.formats.exported import EXPORT_COLUMNS, FROM_ENCODER, GUESS_COLUMNS, MOST_LIKE_COLUMN, PHOTO_COLUMNS
from core.records import Decision
from core.review.holding import show_holding
from core.runs.catalogue import BY_SCORE, MAPPED, show_catalogue
from core.runs.guesses import LEAST_SHOWN, NO_GUESSES, read_guesses
from core.species import fold_species
from core.store.guesses import shows_guesses
from core.store.people import People, people_sql, read_people_classes
from core.study.project import Project

UNDECIDED = "undecided"
VERDICTS = (*(str(decision) for decision in Decision), UNDECIDED)
ROWS_A_BATCH = 10_000
# Sorting a million crops needs more than this, so DuckDB uses the disk for the rest.
_MOST_MEMORY = "128MB"
_MOST_THREADS = 2

_TOLD = (*EXPORT_COLUMNS, *GUESS_COLUMNS, MOST_LIKE_COLUMN)
BY_PHOTO = "file_name, x, y, crop_id"
"""The order of rows that the writers of ``core.formats`` need: photo by photo."""

# A species is one whatever its capitals and blanks, as in core.species.
_FOLDED = "lower(trim(regexp_replace({}, '[\\s_]+', ' ', 'g')))"
NameGuesses = Callable[[Iterable[str]], Mapping[str, str]]
_WITH_GUESSES = "marked LEFT JOIN guessed USING (place)"


@dataclass(frozen=True, kw_only=True)
class ExportChoice:
    """Which crops of a run to export. An empty tuple or text means any.

    ``verdicts`` are of ``VERDICTS``, ``species`` what a crop is called (as ``core.formats.exported.say_species``),
    ``from_day`` and ``to_day`` days of the camera's clock, both included; photos without a time are in no range.
    ``selection`` is the id or the name of a selection of the run. ``whole_events`` adds the other photos of each event
    that has a crop in the export, decided or not. ``people`` says what is done with people and vehicles.

    Raises:
        AnomalureError: If a verdict is unknown or the days are the wrong way round.
    """

    run: str = ""
    verdicts: tuple[str, ...] = (str(Decision.ANOMALY),)
    species: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    from_day: date | None = None
    to_day: date | None = None
    selection: str = ""
    flagged_only: bool = False
    whole_events: bool = False
    people: People = People.LEAVE_OUT

    def __post_init__(self) -> None:
        unknown = [verdict for verdict in self.verdicts if verdict not in VERDICTS]
        if unknown:
            raise AnomalureError(f"A verdict to export is one of {', '.join(VERDICTS)}, got {', '.join(unknown)}.")
        if self.from_day and self.to_day and self.from_day > self.to_day:
            raise WrongUsage(f"The first day to export, {self.from_day}, is after the last, {self.to_day}.")


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """How much an export holds, and what it leaves out: ``n_people`` crops of people, left out or not by
    ``ExportChoice.people``; ``n_timeless`` crops left out of a range of days because their photos have no time;
    ``n_duplicates`` files of the run with the same content as another one."""

    n_crops: int
    n_photos: int
    n_events: int
    n_people: int
    n_timeless: int
    n_duplicates: int


class Export:
    """The chosen crops, as a context manager. They can be counted, previewed, or read as a stream.

    It has the verdicts of the moment when it was opened. Memory does not grow with the run, because beyond a limit
    DuckDB sorts on the disk.

    ``name_guesses`` says, from the species of the run and of its verdicts, how the project spells the names of guesses.

    Raises:
        AnomalureError: When it is opened, if the run or the selection does not exist.
    """

    def __init__(self, project: Project, choice: ExportChoice, *, name_guesses: NameGuesses | None = None) -> None:
        self.project, self.choice = project, choice
        self._name_guesses = name_guesses

    def __enter__(self) -> "Export":
        self.run = self.project.run_or_latest(self.choice.run)
        self._folder = Path(mkdtemp(prefix="anomalure-export-"))
        try:
            self._connection = duckdb.connect(
                config={
                    "memory_limit": _MOST_MEMORY,
                    "threads": _MOST_THREADS,
                    "preserve_insertion_order": False,
                    "temp_directory": str(self._folder / "spill"),
                }
            )
            try:
                self._choose()
            except BaseException:
                self._connection.close()
                raise
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def count(self) -> ExportCounts:
        """The size of the export, and how much it leaves out."""
        days = self._days()
        (n_crops, n_photos, n_events, n_people, n_timeless) = self._connection.execute(f"""
            SELECT count(*) FILTER (exported), count(DISTINCT photo_id) FILTER (exported),
                count(DISTINCT event_id) FILTER (exported AND event_id <> ''), count(*) FILTER (chosen AND is_person),
                {"count(*) FILTER (matches AND captured_at IS NULL)" if days else "0"}
            FROM marked""").fetchone()  # type: ignore[misc]  # a count has a row
        return ExportCounts(n_crops, n_photos, n_events, n_people, n_timeless, self.run.counts().duplicates)

    def preview(self, limit: int) -> pd.DataFrame:
        """The first rows, most anomalous first; columns ``EXPORT_COLUMNS``, ``GUESS_COLUMNS`` and
        ``MOST_LIKE_COLUMN``."""
        columns = ", ".join(_TOLD)
        query = f"SELECT {columns} FROM {_WITH_GUESSES} WHERE exported ORDER BY {BY_SCORE} LIMIT {limit:d}"
        return self._connection.execute(query).df()

    def rows(self, *, by_photo: bool, for_pictures: bool = False) -> Iterator[dict[str, Any]]:
        """Row by row, photo by photo or most anomalous first; columns ``EXPORT_COLUMNS``, ``PHOTO_COLUMNS``,
        ``GUESS_COLUMNS`` and ``MOST_LIKE_COLUMN``.

        ``for_pictures`` adds ``shows_people``: whether people were detected in the photo, and ``same_name``: whether
        the name of another photo of the export differs only in capital letters or in how accents are written.
        """
        columns = ", ".join(_TOLD + PHOTO_COLUMNS)
        if for_pictures:
            columns += """, photo_id IN (SELECT photo_id FROM marked WHERE is_person) AS shows_people,
                nfc_normalize(lower(file_name)) IN (SELECT name FROM same_names) AS same_name"""
        yield from self._stream(
            f"SELECT {columns} FROM {_WITH_GUESSES} WHERE exported ORDER BY {BY_PHOTO if by_photo else BY_SCORE}"
        )

    def people_boxes(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Photos of the export that show people, by file name, with the boxes of these people: x, y, width, height in
        pixels of the upright photo. All people count, whether their crop is exported or not."""
        name = ""
        boxes: list[dict[str, Any]] = []
        found = self._stream("""
            SELECT file_name, x, y, width, height FROM marked
            WHERE is_person AND photo_id IN (SELECT photo_id FROM marked WHERE exported) ORDER BY file_name""")
        for row in found:
            if row["file_name"] != name and boxes:
                yield name, boxes
                boxes = []
            name = row["file_name"]
            boxes.append(row)
        if boxes:
            yield name, boxes

    def deployments(self) -> dict[str, tuple[Any, Any]]:
        """The cameras of the export with the time of their first and last photo; None if no photo has a time."""
        rows = self._connection.execute("""
            SELECT deployment, min(captured_at), max(captured_at) FROM marked WHERE exported GROUP BY 1 ORDER BY 1""")
        return {name: (first, last) for name, first, last in rows.fetchall()}

    def species(self) -> list[str]:
        """What the crops of the export are called, sorted; crops without a species aside."""
        rows = self._connection.execute(
            "SELECT DISTINCT species FROM marked WHERE exported AND species <> '' ORDER BY 1"
        )
        return [str(name) for (name,) in rows.fetchall()]

    def _stream(self, query: str) -> Iterator[dict[str, Any]]:
        with self._connection.cursor() as cursor:
            cursor.register(MAPPED, self._crops)
            for batch in cursor.sql(query).to_arrow_reader(ROWS_A_BATCH):
                yield from batch.to_pylist()

    def _days(self) -> str:
        first, last = self.choice.from_day, self.choice.to_day
        parts = [f"captured_at >= DATE '{first}'"] if first else []
        parts += [f"captured_at < DATE '{last + timedelta(days=1)}'"] if last else []
        return " AND ".join(parts)

    def _choose(self) -> None:
        connection, choice = self._connection, self.choice
        self._crops = show_catalogue(connection, self.run)
        verdicts = self._folder / "verdicts.parquet"
        self.project.store.copy_verdicts(verdicts)
        show_holding(connection, verdicts)
        self._spell_alike()
        self._keep("of_run", {"run": [self.run.run_id], "bundle": [self.run.info.bundle]})
        # A note on a decided crop is its verdict's; the last one on an undecided crop is kept in core/store/notes.py.
        written = self.project.store.notes().drop_duplicates("crop_id", keep="last")
        self._keep("notes_written", {"crop_id": written["crop_id"].tolist(), "written": written["note"].tolist()})
        wanted = []
        for column, values in (
            ("verdict", [v if v != UNDECIDED else "" for v in choice.verdicts]),
            ("species", choice.species),
            ("deployment", choice.cameras),
            ("reviewer", choice.reviewers),
        ):
            if values:
                self._keep(f"wanted_{column}", {column: values})
                fold = _FOLDED if column == "species" else "{}"
                wanted.append(f"{fold.format(column)} IN (SELECT {fold.format(column)} FROM wanted_{column})")
        if choice.selection:
            self._keep("wanted_crops", {"crop_id": self._selected()})
            wanted.append("crop_id IN (SELECT crop_id FROM wanted_crops)")
        if choice.flagged_only:
            wanted.append("flagged")
        person = people_sql(read_people_classes(self.project.store))
        left_out = "AND NOT is_person" if choice.people is People.LEAVE_OUT else ""
        chosen = "in_days"
        if choice.whole_events:
            chosen = "in_days OR (event_id <> '' AND event_id IN (SELECT event_id FROM matched WHERE in_days))"
        connection.execute(f"""
            CREATE VIEW queue AS
            SELECT c.* REPLACE (CASE WHEN coalesce(h.verdict_species, '') <> '' THEN h.verdict_species
                WHEN coalesce(h.verdict, '') IN ('', '{Decision.NORMAL}') THEN c.species ELSE '' END AS species),
                c.species AS most_like, c.photo_width AS photo_width_px, c.photo_height AS photo_height_px,
                coalesce(h.verdict, '') AS verdict, coalesce(h.verdict_species, '') AS verdict_species,
                coalesce(CASE WHEN coalesce(h.verdict, '') = '' THEN w.written ELSE h.note END, '') AS note,
                coalesce(h.reviewer, '') AS reviewer, h.decided_at, run, bundle,
                coalesce(h.given_to, '') <> '' AS given_to_group
            FROM catalogue c LEFT JOIN holding h USING (crop_id) LEFT JOIN notes_written w USING (crop_id)
                CROSS JOIN of_run""")
        connection.execute(f"""
            CREATE VIEW matched AS
            SELECT *, matches AND coalesce({self._days() or "true"}, false) AS in_days
            FROM (SELECT *, {" AND ".join(wanted) or "true"} AS matches, {person} AS is_person FROM queue)""")
        connection.execute(f"""
            CREATE VIEW marked AS
            SELECT *, chosen {left_out} AS exported FROM (SELECT *, {chosen} AS chosen FROM matched)""")
        connection.execute("""
            CREATE VIEW same_names AS
            SELECT nfc_normalize(lower(file_name)) AS name FROM marked WHERE exported
            GROUP BY 1 HAVING count(DISTINCT file_name) > 1""")
        self._add_guesses()

    def _spell_alike(self) -> None:
        """One spelling for each species of the verdicts that hold: earlier versions kept "Fox" beside "fox"."""
        connection = self._connection
        known = connection.execute("SELECT DISTINCT species FROM catalogue WHERE species <> '' ORDER BY 1").fetchall()
        given = "SELECT verdict_species FROM holding WHERE verdict_species <> '' ORDER BY decided_at"
        names = [str(name) for (name,) in connection.execute(given).fetchall()]
        spelled = dict(zip(names, fold_species(names, known=[str(name) for (name,) in known]), strict=True))
        for name, one in spelled.items():
            if one != name:
                connection.execute("UPDATE holding SET verdict_species = ? WHERE verdict_species = ?", [one, name])

    def _add_guesses(self) -> None:
        """Table ``guessed``, from the guesses that are kept for the run and are shown in the project."""
        guesses = read_guesses(self.run) if shows_guesses(self.project.store) else None
        if guesses is not None and self._name_guesses is not None:
            species = self._connection.execute("SELECT DISTINCT unnest([species, most_like]) FROM queue ORDER BY 1")
            guesses = guesses.rename(self._name_guesses([name for (name,) in species.fetchall() if name]))
        self._connection.register("given_here", (guesses or NO_GUESSES).to_table())
        self._connection.execute(f"""
            CREATE TABLE guessed AS
            SELECT place, guess_1::TEXT AS guess, round(share_1::DOUBLE, 3) AS guess_share, concat_ws('; ',
                CASE WHEN share_2 >= {LEAST_SHOWN} THEN guess_2 || ' ' || round(100 * share_2)::INTEGER || '%' END,
                CASE WHEN share_3 >= {LEAST_SHOWN} THEN guess_3 || ' ' || round(100 * share_3)::INTEGER || '%' END
            ) AS further_guesses, coalesce(nullif(classifier, ''), '{FROM_ENCODER}') AS guess_from
            FROM given_here WHERE share_1 >= {LEAST_SHOWN}""")
        self._connection.unregister("given_here")

    def _keep(self, name: str, columns: Mapping[str, Sequence[str]]) -> None:
        # A table, because only the connection itself would see a registered object, not its cursors.
        arrow = pa.table({column: pa.array(values, pa.string()) for column, values in columns.items()})
        self._connection.register("given_here", arrow)
        self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given_here")
        self._connection.unregister("given_here")

    def _selected(self) -> list[str]:
        wanted = self.choice.selection
        found = [one for one in self.project.selections() if wanted in (one.selection_id, one.name)]
        of_run = [one for one in found if one.run_id == self.run.run_id]
        if not of_run:
            names = ", ".join(one.name for one in self.project.selections() if one.run_id == self.run.run_id)
            raise AnomalureError(f"Run {self.run.run_id} has no selection {wanted!r}; it has: {names or 'none yet'}.")
        return of_run[0].crop_ids()  # the newest selection of that name
