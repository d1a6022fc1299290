"""An index of a run in memory, which answers the queries of the review at once, also for a million crops.

The crops are mapped from disk. The verdicts that hold are kept beside them by row, and only new verdicts are read from
the store.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from cachetools import LRUCache

from core.disk.memory import connect_memory
from core.records import NOTHING, PERSON, Verdict, tidy_species
from core.review.filters import APART, ORDERS, RANKED, QueueFilters
from core.review.holding import HOLDING
from core.review.rankings import read_ranking
from core.runs.catalogue import MAPPED, open_catalogue
from core.runs.folder import RunFolder
from core.runs.guesses import NO_GUESSES, RunGuesses, read_guesses
from core.species import Spellings, fold_species
from core.store.database import to_utc
from core.store.people import PEOPLE_CLASSES, find_people, people_sql
from core.store.rule import find_holding, find_taking_back

# A view takes 4 bytes per crop, so those of several reviewers with several filters fit. A dropped view is made again.
_VIEWS_KEPT = 24
_DECIDED = ("given_on", "verdict", "verdict_species", "note", "reviewer", "decided_at", "given_to", "verdict_id")
_UNDECIDED = ("", "", "", "", "", None, "", "")
_NAMES = {"given_on": "verdict_crop_id"}
_USUAL = QueueFilters()


@dataclass(frozen=True)
class QueueView:
    """The rows of the crops of a queue in their order, as they were when it was opened, and how many there are.

    ``n_selected`` match all filters but ``undecided_only``, and ``n_decided`` of those have a verdict.
    """

    places: np.ndarray
    n_selected: int
    n_decided: int


class ReviewIndex:
    """The crops of a run with the verdicts that hold. May be shared by threads."""

    def __init__(self, run: RunFolder, *, people_classes: Sequence[str] = PEOPLE_CLASSES) -> None:
        self.run = run
        self.catalogue = open_catalogue(run)
        self.sequence = 0
        self._lock = threading.RLock()
        self._views: LRUCache[tuple[QueueFilters, int], QueueView] = LRUCache(_VIEWS_KEPT)
        self._places: dict[str, int] = {}
        self._photos: dict[str, str] = {}
        self._known: dict[str, Any] = {}
        self._notes: dict[str, str] = {}
        info = run.info
        self.bundle = info.bundle
        self.own_rate: float | None = info.settings.get("false_alarm_rate")
        self._connection = connect_memory()
        self._connection.register(MAPPED, self.catalogue.table)
        self._connection.execute(f"CREATE TEMP VIEW catalogue AS SELECT * FROM {MAPPED}")
        self._connection.execute("""
            CREATE TEMP TABLE decided (
                place INTEGER, given_on TEXT, sequence BIGINT, verdict TEXT, verdict_species TEXT, note TEXT,
                reviewer TEXT, decided_at TIMESTAMP, given_to TEXT, verdict_id TEXT)""")
        self._is_person = self._say_people(people_classes)

    # Verdicts

    def add_verdicts(self, verdicts: pd.DataFrame) -> None:
        """Add newer verdicts, from ``Store.verdicts(after=index.sequence)``.

        ``core.review.holding.HOLDING`` decides which of them hold.
        """
        if verdicts.empty:
            return
        known = [*self.names("species"), *self.named_species()]
        # Earlier versions kept a species as it was typed: "Fox" beside "fox".
        verdicts = verdicts.assign(species=fold_species(verdicts["species"].astype(str).tolist(), known=known))
        with self._lock:
            self._connection.register("given", _typed(verdicts))
            self._connection.execute(f"""
                CREATE OR REPLACE TEMP TABLE holding AS
                SELECT h.place, h.given_on AS crop_id, g.sequence, g.verdict, g.species, g.note, g.reviewer,
                    g.decided_at, g.given_to, h.takes_back, g.verdict_id
                FROM ({HOLDING}) h JOIN given g USING (sequence)""")
            self._hold("holding")
            self.sequence = max(self.sequence, int(verdicts["sequence"].max()))
            self._connection.unregister("given")

    def note_verdicts(self, verdicts: Sequence[tuple[int, Verdict, int]]) -> None:
        """Add verdicts on crops of this run: the row of the crop, the verdict and its number in the store.

        Faster than ``add_verdicts``, which searches for the crops. Does nothing unless these verdicts directly follow
        the known ones: then others wrote some in between, and ``add_verdicts`` has to read them.
        """
        rows = [
            {
                "place": place,
                "crop_id": one.crop_id,
                "sequence": sequence,
                "verdict": str(one.verdict or ""),
                "species": one.species,
                "note": one.note,
                "reviewer": one.reviewer,
                "decided_at": one.decided_at.replace(tzinfo=None),
                "given_to": one.given_to,
                "verdict_id": one.verdict_id,
            }
            for place, one, sequence in sorted(verdicts, key=lambda item: item[2])
        ]
        with self._lock:
            numbers = sorted(sequence for _, _, sequence in verdicts)
            if not rows or numbers != list(range(self.sequence + 1, self.sequence + 1 + len(rows))):
                return
            table = pd.DataFrame(rows)
            table["decided_at"] = pd.to_datetime(table["decided_at"])
            self._connection.register("noted", table)
            self._connection.execute(f"""
                CREATE OR REPLACE TEMP TABLE holding AS
                SELECT n.*, h.takes_back FROM noted n JOIN (
                    SELECT place, {find_holding()} AS sequence, {find_taking_back()} AS takes_back
                    FROM noted GROUP BY place) h USING (place, sequence)""")
            self._connection.unregister("noted")
            self._hold("holding")
            self.sequence = numbers[-1]

    def _hold(self, table: str) -> None:
        self._connection.begin()
        self._connection.execute(f"""
            DELETE FROM {table} WHERE given_to <> '' AND NOT takes_back
                AND place IN (SELECT place FROM decided WHERE given_to = '')""")  # a reviewer's own look counts more
        self._connection.execute(f"DELETE FROM decided WHERE place IN (SELECT place FROM {table})")
        self._connection.execute(f"""
            INSERT INTO decided SELECT place, crop_id, sequence, verdict, species, note, reviewer, decided_at, given_to,
                                       verdict_id
            FROM {table} WHERE verdict <> ''""")
        self._connection.commit()

    def add_notes(self, notes: Iterable[tuple[str, str]]) -> None:
        """Take the notes on crops that nobody has decided about, crop and text, oldest first."""
        with self._lock:
            self._notes.update(notes)

    # Queue

    def open_view(self, filters: QueueFilters) -> QueueView:
        """The crops that match now, in their order.

        With ``decided_since`` the answer stays the same while somebody decides, so that pages follow each other without
        gaps. Without it, the answer is kept until the next verdict is written.
        """
        with self._lock:
            key = (filters, 0 if filters.decided_since else self.sequence)
            found = self._views.get(key)
            if found is None:
                found = self._views[key] = self._make_view(filters)
            return found

    def _make_view(self, filters: QueueFilters) -> QueueView:
        where, values = filters.conditions()
        since = to_utc(filters.decided_since) if filters.decided_since else datetime.max
        order = "" if filters.order == "score" else f"ORDER BY {ORDERS[filters.order]}"
        chosen = "queue"
        if filters.crop_ids is not None:
            self._connection.register(
                "chosen",
                pa.table({"crop_id": pa.array(filters.crop_ids, pa.string()), "nth": np.arange(len(filters.crop_ids))}),
            )
            chosen = "queue JOIN chosen USING (crop_id)"
        if filters.order in RANKED:
            self._connection.register("ranked", pa.Table.from_pandas(read_ranking(self.run), preserve_index=False))
            chosen += " LEFT JOIN ranked USING (crop_id)"
        table = self._connection.execute(
            f"""{self._with_queue(filters)} SELECT place, verdict <> '' AS is_decided,
                coalesce(decided_at >= $since, false) AS is_recent FROM {chosen} WHERE {where} {order}""",
            self._values(filters) | values | {"since": since},
        ).fetchnumpy()
        places = np.asarray(table["place"], dtype=np.int32)
        decided, recent = np.asarray(table["is_decided"], dtype=bool), np.asarray(table["is_recent"], dtype=bool)
        n_selected, n_decided = len(places), int(decided.sum())
        if filters.undecided_only:
            places = places[~decided | recent]
        if not order:
            places = np.sort(places)
        return QueueView(places, n_selected, n_decided)

    def count_flagged(self, filters: QueueFilters) -> int:
        """How many crops of the species and camera are flagged, whatever the other filters."""
        only = QueueFilters(
            species=filters.species,
            kind=filters.kind,
            camera=filters.camera,
            with_people=filters.with_people,
            false_alarm_rate=filters.false_alarm_rate,
        )
        where, values = only.conditions()
        with self._lock:
            # All rows are fetched: DuckDB 2 refuses the next statement while a result is unfinished.
            rows = self._connection.execute(
                f"{self._with_queue()} SELECT count(*) FROM queue WHERE {where}", self._values(filters) | values
            ).fetchall()
        return int(rows[0][0])

    def rows(self, places: np.ndarray | Sequence[int], *, false_alarm_rate: float | None = None) -> pd.DataFrame:
        """The crops in these rows, in that order.

        Columns: ``QUEUE_COLUMNS``, ``given_to_group``, ``place``, ``shard``, and ``verdict_id`` of the valid verdict.
        The note of an undecided crop is the last that was written about it.
        """
        rows = self.catalogue.take(np.asarray(places))
        with self._lock:
            if len(self._places) > 200_000:
                self._places.clear()
                self._photos.clear()
            self._places.update(zip(rows["crop_id"], rows["place"].astype(int), strict=True))
            self._photos.update(zip(rows["photo_id"], rows["file_name"], strict=True))
            decided = {
                row[0]: row[1:]
                for row in self._connection.execute(
                    f"SELECT place, {', '.join(_DECIDED)} FROM decided WHERE place IN (SELECT unnest($places))",
                    {"places": [int(place) for place in places]},
                ).fetchall()
            }
        verdicts = [decided.get(int(place), _UNDECIDED) for place in places]
        for name, values in zip(
            _DECIDED, zip(*verdicts, strict=True) if verdicts else [()] * len(_DECIDED), strict=True
        ):
            rows[_NAMES.get(name, name)] = pd.Series(values, dtype="datetime64[us]" if name == "decided_at" else object)
        if self._notes:
            undecided = rows["verdict"] == ""
            rows.loc[undecided, "note"] = rows.loc[undecided, "crop_id"].map(lambda crop: self._notes.get(crop, ""))
        if false_alarm_rate is not None:
            rows["flagged"] = rows["p_value"].le(false_alarm_rate)  # a missing p-value compares false
        rate = self.own_rate if false_alarm_rate is None else false_alarm_rate
        return rows.assign(
            run=self.run.run_id,
            bundle=self.bundle,
            false_alarm_rate=np.nan if rate is None else rate,
            given_to_group=rows["given_to"] != "",
        )

    def count_people(self, filters: QueueFilters) -> int:
        """How many crops of people and vehicles a queue leaves out without ``with_people``, decided or not."""
        where, values = replace(filters, with_people=True).conditions()
        with self._lock:
            rows = self._connection.execute(
                f"""{self._with_queue(filters)} SELECT count(*) FROM queue
                WHERE is_person AND {where}""",
                self._values(filters) | values,
            ).fetchall()
        return int(rows[0][0])

    def count_apart(self, filters: QueueFilters) -> dict[str, int]:
        """How many crops of the camera are kept apart, decided or not, by the names of ``APART``."""
        counts = {}
        for name in APART:
            where, values = QueueFilters(camera=filters.camera, only=name).conditions()
            with self._lock:
                rows = self._connection.execute(
                    f"{self._with_queue()} SELECT count(*) FROM queue WHERE {where}", self._values(filters) | values
                ).fetchall()
            counts[name] = int(rows[0][0])
        return counts

    def list_people(self) -> list[str]:
        """The crops of people and vehicles, which ``with_people`` includes."""
        with self._lock:
            rows = self._connection.execute(
                f"{self._with_queue()} SELECT crop_id FROM queue WHERE is_person", self._values(QueueFilters())
            ).fetchall()
        return [str(crop_id) for (crop_id,) in rows]

    def find_places(self, crop_ids: Sequence[str]) -> dict[str, int]:
        """The row of each of these crops, where the run has it."""
        with self._lock:
            found = {crop_id: self._places[crop_id] for crop_id in crop_ids if crop_id in self._places}
            missing = [crop_id for crop_id in dict.fromkeys(crop_ids) if crop_id not in found]
            if missing:
                self._connection.register("looked_for", pa.table({"crop_id": pa.array(missing, pa.string())}))
                found.update(
                    self._connection.execute(
                        "SELECT crop_id, place FROM catalogue JOIN looked_for USING (crop_id)"
                    ).fetchall()
                )
                self._connection.unregister("looked_for")
        return found

    def known_photo(self, photo_id: str) -> str | None:
        """The file name of a photo whose crop was shown lately; otherwise None."""
        return self._photos.get(photo_id)

    def find_event(self, place: int) -> np.ndarray:
        """The rows of the crops of the same event, oldest first; those of the same photo if it has no event."""
        row = self.catalogue.take(np.array([place])).iloc[0]
        column = "event_id" if row["event_id"] else "photo_id"
        with self._lock:
            table = self._connection.execute(
                f"""SELECT place FROM catalogue WHERE {column} = $name
                    ORDER BY captured_at NULLS LAST, file_name, crop_id""",
                {"name": row[column]},
            ).fetchnumpy()
        return np.asarray(table["place"], dtype=np.int32)

    def find_normal(
        self, *, kind: str, species: str, camera: str = "", only_decided: bool, most: int = 60_000
    ) -> pd.DataFrame:
        """Crops of a species that a reviewer called normal; or those that are neither flagged nor decided, too.

        Without a species these are the crops of a camera, of whatever species a reviewer called them; never nothing or
        people. Columns ``place, crop_id, shard``; at most ``most``: those called normal first, then the least odd.
        """
        where = "deployment = $camera" if camera else "$camera = ''"
        decided = f"""d.verdict = 'normal' AND d.verdict_species NOT IN ('{NOTHING}', '{PERSON}')
            AND ($species = '' OR coalesce(nullif(d.verdict_species, ''), c.species) = $species)"""
        other = "FALSE" if only_decided else "d.verdict IS NULL AND NOT flagged AND species = $species"
        with self._lock:
            return self._connection.execute(
                f"""SELECT c.place, c.crop_id, c.shard FROM catalogue c LEFT JOIN decided d USING (place)
                    WHERE kind = $kind AND {where} AND (({decided}) OR ({other}))
                    ORDER BY d.verdict IS NULL, c.place DESC LIMIT {most:d}""",
                {"kind": kind, "species": species, "camera": camera},
            ).df()

    def read_values(self, column: str) -> dict[str, int]:
        """How many crops there are for each value of a text column, sorted by value."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {column}, count(*) FROM catalogue WHERE {column} <> '' GROUP BY 1 ORDER BY 1"
            ).fetchall()
        return {str(name): int(n) for name, n in rows}

    def names(self, column: str) -> list[str]:
        """The values of a text column, sorted; read once, because the crops of an index never change."""
        if column not in self._known:
            self._known[column] = list(self.read_values(column))
        names: list[str] = self._known[column]
        return names

    def ranges(self) -> dict[str, Any]:
        """The same as ``read_ranges``, but read only once."""
        if "ranges" not in self._known:
            self._known["ranges"] = self.read_ranges()
        ranges: dict[str, Any] = self._known["ranges"]
        return ranges

    def read_ranges(self) -> dict[str, Any]:
        """``first_day``, ``last_day`` of the photos, ``score_from``, ``score_to``; None where there is nothing."""
        with self._lock:
            rows = self._connection.execute("""SELECT min(captured_at)::DATE, max(captured_at)::DATE, min(score),
                                               max(score) FROM catalogue""").fetchall()
        return dict(zip(("first_day", "last_day", "score_from", "score_to"), rows[0], strict=True))

    def reviewers(self) -> list[str]:
        """The reviewers who gave the verdicts that hold."""
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT reviewer FROM decided ORDER BY 1").fetchall()
        return [str(row[0]) for row in rows if row[0]]

    def named_species(self) -> list[str]:
        """The species that reviewers gave in the verdicts that hold."""
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT verdict_species FROM decided ORDER BY 1").fetchall()
        return [str(row[0]) for row in rows if row[0]]

    def spell_species(self, name: str) -> str:
        """A name that somebody typed, as the run or earlier verdicts spell it: ``Fox`` and ``fox`` are one species."""
        tidy = tidy_species(name)
        return Spellings([*self.names("species"), *self.named_species()]).spell(tidy) if tidy else ""

    def read_decided(self) -> pa.Table:
        """The verdicts that hold: ``place, given_on, sequence, verdict, verdict_species, note, reviewer, decided_at,
        given_to, verdict_id``."""
        with self._lock:
            return self._connection.sql("SELECT * FROM decided").to_arrow_table()

    @property
    def guesses(self) -> RunGuesses | None:
        """What each crop looks like, by its row; None while no guesses are kept for the run."""
        with self._lock:
            if "guesses" not in self._known:
                found = read_guesses(self.run)
                if found is None or len(found.codes) != len(self.catalogue):  # the run was scored again meanwhile
                    return None
                self._known["guesses"] = found
            guesses: RunGuesses = self._known["guesses"]
        return guesses

    def _with_queue(self, filters: QueueFilters = _USUAL) -> str:
        guess, joined = "", ""
        if filters.guess is not None:
            self._connection.register("guessed", (self.guesses or NO_GUESSES).to_table())
            guess, joined = "g.guess_1,", "LEFT JOIN guessed g USING (place)"
        return f"""WITH queue AS (
            SELECT c.* REPLACE (CASE WHEN $rate::DOUBLE IS NULL THEN flagged
                                     ELSE coalesce(p_value <= $rate::DOUBLE, false) END AS flagged),
                $own_rate::DOUBLE AS own_rate,
                coalesce(d.verdict, '') AS verdict, coalesce(d.reviewer, '') AS reviewer, d.decided_at,
                coalesce(d.verdict_species, '') AS verdict_species,
                {guess} {self._is_person} AS is_person
            FROM catalogue c LEFT JOIN decided d USING (place) {joined})"""

    def _say_people(self, classes: Sequence[str]) -> str:
        """SQL over a crop ``c`` and its verdict ``d``. The detector's classes are compared as they are written, so
        that a million crops take only the time of reading one column."""
        names = [
            str(name)
            for (name,) in self._connection.execute(
                "SELECT DISTINCT detector_class FROM catalogue ORDER BY 1"
            ).fetchall()
        ]
        shown = [name for name, is_person in zip(names, find_people(names, classes=classes), strict=True) if is_person]
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in shown)
        by_detector = f"c.detector_class IN ({listed})" if shown else "false"
        by_reviewer = people_sql(classes, detector_class="''", said="d.verdict_species")
        return f"CASE WHEN coalesce(d.verdict_species, '') <> '' THEN {by_reviewer} ELSE {by_detector} END"

    def _values(self, filters: QueueFilters) -> dict[str, Any]:
        return {"rate": filters.false_alarm_rate, "own_rate": self.own_rate}


def _typed(verdicts: pd.DataFrame) -> pa.Table:
    texts = ("photo_id", "crop_id", "kind", "verdict", "species", "note", "reviewer", "given_to", "verdict_id")
    schema = pa.schema(
        [
            *((name, pa.string()) for name in texts),
            *((name, pa.float64()) for name in ("x", "y", "width", "height")),
            ("sequence", pa.int64()),
            ("decided_at", pa.timestamp("us")),
        ]
    )
    if "verdict_id" not in verdicts:
        verdicts = verdicts.assign(verdict_id="")
    return pa.Table.from_pandas(verdicts[schema.names], schema=schema, preserve_index=False)
