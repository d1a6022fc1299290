"""The project's database: verdicts, the registry of runs and bundles, settings. The only SQL on it."""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.disk.json import parse_values
from core.errors import AnomalureError, NotNow, Overtaken, StoreBusy, did_you_mean
from core.records import Round, Verdict, drop_hidden_signs, name_key
from core.store.opening import Change, DatabaseFile
from core.store.rule import IS_OWN, find_holding
from core.team.acting import note, refuse
from core.team.roles import Action


class _Batch:
    """Verdicts of one thread, to be saved all or none; ``written`` is set once they were saved or refused."""

    def __init__(self, verdicts: Sequence[Verdict], *, after: int | None = None) -> None:
        self.verdicts = verdicts
        self.after = after
        self.written = threading.Event()
        self.sequences: dict[str, int] = {}
        self.error: BaseException | None = None


VERDICT_COLUMNS = (
    "sequence",
    "verdict_id",
    "photo_id",
    "crop_id",
    "kind",
    "x",
    "y",
    "width",
    "height",
    "verdict",
    "decided_at",
    "reviewer",
    "species",
    "note",
    "run",
    "bundle",
    "score",
    "p_value",
    "false_alarm_rate",
    "round",
    "given_to",
)
_KINDS = {
    "sequence": pa.int64(),
    "decided_at": pa.timestamp("us"),
    **dict.fromkeys(("x", "y", "width", "height", "score", "p_value", "false_alarm_rate"), pa.float64()),
}
_VERDICT = pa.schema([(name, _KINDS.get(name, pa.string())) for name in VERDICT_COLUMNS])
_ROWS_AT_ONCE = 65_536
_TYPED = ("species", "note")
_SHOWN = ", ".join("coalesce(verdict, '') AS verdict" if name == "verdict" else name for name in VERDICT_COLUMNS)


class Store(DatabaseFile):
    """``anomalure.duckdb`` of a project; ``DatabaseFile`` lists the errors that every method may raise."""

    # Verdicts

    def append_verdicts(self, verdicts: Sequence[Verdict], *, after: int | None = None) -> dict[str, int]:
        """Add verdicts, all or none. When this returns they are on the disk.

        With ``after``, none is added if somebody gave another verdict on one of their photos after that number.

        A verdict whose id is there already is not added again, so that a retry cannot double it. Threads that wait
        for their turn are written together: opening the database costs as much for one verdict as for a hundred.

        Returns:
            The number (``sequence``) of each verdict by its id.

        Raises:
            Overtaken: If verdicts on the same photos came ``after``.
        """
        refuse(self.path.parent, Action.DECIDE)
        if not verdicts:
            return {}
        batch = _Batch(verdicts, after=after)
        with self._turn.guard:
            self._turn.waiting.append(batch)
        try:
            with self._wait_for_turn():
                if not batch.written.is_set():
                    with self._turn.guard:
                        batches, self._turn.waiting = self._turn.waiting, []
                    self._write_batches(batches)
        except StoreBusy:
            with self._turn.guard:
                if batch in self._turn.waiting:
                    self._turn.waiting.remove(batch)
                    raise
            batch.written.wait()
        if batch.error is not None:
            raise batch.error
        return batch.sequences

    def _write_batches(self, batches: Sequence[_Batch]) -> None:
        try:
            with self._hold_file():
                with self._transaction() as connection:
                    newest = 0
                    for batch in batches:
                        if _is_overtaken(connection, batch):
                            batch.error = Overtaken("Somebody decided about the same photos at this moment. Try again.")
                            continue
                        batch.sequences, newest = _insert(connection, batch.verdicts)
                if newest:
                    self._turn.left = self.look_for_change(), newest
        except NotNow as error:  # that of all of them
            for batch in batches:
                batch.error = error
        except Exception as error:
            if len(batches) > 1:  # one of them is invalid: the others must still be saved
                for batch in batches:
                    self._write_batches([batch])
                return
            batches[0].error = error
        except BaseException as error:
            for batch in batches:
                batch.error = error
        for batch in batches:
            batch.written.set()

    def verdicts(self, *, after: int = 0, with_second: bool = False) -> pd.DataFrame:
        """Every verdict ever given, oldest first; columns ``VERDICT_COLUMNS``, ``decided_at`` in UTC without zone.

        ``verdict`` is empty where a row takes an earlier verdict back. Those of the blind second round are never valid,
        so they are returned only ``with_second``. ``after``: only those with a higher ``sequence``.
        """
        which = "" if with_second else f"AND round <> '{Round.SECOND}'"
        return self._read_verdicts(
            f"SELECT {_SHOWN} FROM verdicts WHERE sequence > ? {which} ORDER BY sequence", [after]
        )

    def verdicts_of_photo(self, photo_id: str) -> pd.DataFrame:
        """Every verdict on the crops of one photo, oldest first; columns as ``verdicts()``."""
        return self._read_verdicts(f"SELECT {_SHOWN} FROM verdicts WHERE photo_id = ? ORDER BY sequence", [photo_id])

    def last_verdicts(self, *, run: str, reviewer: str, limit: int) -> pd.DataFrame:
        """A reviewer's last decisions in a run that still hold, newest first; columns as ``verdicts()`` and ``before``.

        ``before``, ``species_before``, ``note_before`` and ``given_to_before`` are of the valid verdict before each;
        empty if there is none. Verdicts that were given to groups are not listed: ``core.groups.naming`` undoes those.
        """
        shown = ", ".join(
            f"coalesce(now.{name}, '') AS {name}" if name == "verdict" else f"now.{name}" for name in VERDICT_COLUMNS
        )
        return self._read_verdicts(
            f"""WITH mine AS (SELECT crop_id FROM verdicts WHERE run = $run AND reviewer IN (SELECT unnest($spelt))
                                    AND round <> '{Round.SECOND}' AND {IS_OWN.format("")}
                              ORDER BY sequence DESC LIMIT {20 * limit:d}),
                heard AS (SELECT * FROM verdicts WHERE crop_id IN (SELECT crop_id FROM mine)
                                                        AND round <> '{Round.SECOND}'),
                now AS (SELECT * FROM heard
                        WHERE sequence IN (SELECT {find_holding()} FROM heard GROUP BY crop_id)
                            AND verdict IS NOT NULL AND {IS_OWN.format("")}
                            AND reviewer IN (SELECT unnest($spelt)) AND run = $run
                        ORDER BY sequence DESC LIMIT {limit:d}),
                earlier AS (SELECT now.sequence AS of, {find_holding("heard")} AS sequence
                            FROM now JOIN heard USING (crop_id) WHERE heard.sequence < now.sequence GROUP BY 1)
                SELECT {shown}, coalesce(was.verdict, '') AS before, coalesce(was.species, '') AS species_before,
                       coalesce(was.note, '') AS note_before, coalesce(was.given_to, '') AS given_to_before
                FROM now LEFT JOIN earlier ON earlier.of = now.sequence
                LEFT JOIN heard was ON was.sequence = earlier.sequence
                ORDER BY now.sequence DESC""",
            {"run": run, "spelt": self._spell(reviewer)},
        )

    def _read_verdicts(self, query: str, values: Sequence[Any] | Mapping[str, Any]) -> pd.DataFrame:
        """Verdicts with the names and notes that people typed, without signs that nobody sees.

        Earlier versions kept such signs, of which some turn the order of letters around.
        """
        table = self._read(query, values)
        for name in [column for column in table.columns if str(column).removesuffix("_before") in _TYPED]:
            odd = {text: drop_hidden_signs(text) for text in table[name].unique() if isinstance(text, str)}
            if any(text != tidy for text, tidy in odd.items()):
                table[name] = table[name].map(lambda text, odd=odd: odd.get(text, text))
        return table

    def reviewers(self) -> list[str]:
        """The names under which verdicts were given, in the order of their last one."""
        table = self._read(
            "SELECT reviewer FROM verdicts WHERE reviewer <> '' GROUP BY reviewer ORDER BY max(sequence)"
        )
        return [str(name) for name in table["reviewer"]]

    def _spell(self, reviewer: str) -> list[str]:
        """Every spelling of a reviewer's name in the verdicts."""
        return [reviewer, *(one for one in self.reviewers() if name_key(one) == name_key(reviewer))]

    def count_decided(self, *, reviewer: str, since: datetime) -> tuple[int, datetime | None]:
        """The number of crops that a reviewer looked at and decided since a time, and the time of the first; UTC."""
        table = self._read(
            f"""SELECT count(DISTINCT crop_id) AS n, min(decided_at) AS first FROM verdicts
                WHERE decided_at >= ? AND reviewer IN (SELECT unnest(?)) AND verdict IS NOT NULL
                    AND {IS_OWN.format("")} AND round <> '{Round.SECOND}'""",
            [to_utc(since), self._spell(reviewer)],
        )
        first = table["first"].iloc[0]
        return int(table["n"].iloc[0]), None if pd.isna(first) else first.to_pydatetime()

    def is_ours(self, change: Change, *, last: int) -> bool:
        """Whether the file is as this process left it when it wrote the verdict ``last`` as the newest of all."""
        return self._turn.left == (change, last)

    def copy_verdicts(self, path: Path) -> None:
        """Write ``verdicts()`` to a Parquet file, however many there are, without having them in memory."""
        columns = ", ".join("coalesce(verdict, '') AS verdict" if c == "verdict" else c for c in VERDICT_COLUMNS)
        query = f"SELECT {columns} FROM verdicts WHERE round <> '{Round.SECOND}'"
        with (
            self.reading(),
            self._reader.connection.sql(query).to_arrow_reader(_ROWS_AT_ONCE) as batches,
            pq.ParquetWriter(path, batches.schema) as file,
        ):
            for batch in batches:
                file.write_batch(_drop_hidden_of(batch))

    # Groups, in core/groups/actions.py's words

    def append_group_action(
        self,
        *,
        action_id: str,
        run: str,
        tree: str,
        kind: str,
        body: str,
        reviewer: str,
        given_at: datetime,
        verdicts: Sequence[Verdict],
        after: int,
    ) -> bool:
        """Add an action on the groups of a tree and the verdicts that it gives, all or none.

        Returns:
            False, and nothing is added, if there is an action of that id, or one on this tree with a number over
            ``after``: the verdicts may then be wrong.
        """
        refuse(self.path.parent, Action.DECIDE)
        with self._write() as connection:
            ((clashes, last),) = connection.execute(
                """SELECT count(*) FILTER (action_id = $id OR (run = $run AND tree = $tree AND sequence > $after)),
                       coalesce(max(sequence), 0) FROM group_actions""",
                {"id": action_id, "run": run, "tree": tree, "after": after},
            ).fetchall()
            if clashes:
                return False
            connection.execute(
                "INSERT INTO group_actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [last + 1, action_id, run, tree, kind, body, reviewer, to_utc(given_at), len(verdicts)],
            )
            if verdicts:
                _insert(connection, verdicts)
        return True

    def group_actions(self, *, run: str = "", tree: str = "", action_id: str = "") -> pd.DataFrame:
        """The actions on one tree of a run, or the one of that id, oldest first: sequence, action_id, run, tree, kind,
        body (JSON), reviewer, given_at (UTC), n (how many verdicts)."""
        which, values = ("action_id = ?", [action_id]) if action_id else ("run = ? AND tree = ?", [run, tree])
        return self._read(f"SELECT * FROM group_actions WHERE {which} ORDER BY sequence", values)

    def find_ids(self, verdict_ids: Sequence[str]) -> set[str]:
        """Which of these verdicts are there."""
        table = self._read(
            "SELECT verdict_id FROM verdicts WHERE verdict_id IN (SELECT unnest($ids))", {"ids": list(verdict_ids)}
        )
        return set(table["verdict_id"])

    def find_verdicts(self, sequences: Sequence[int]) -> pd.DataFrame:
        """The verdicts of these numbers, oldest first; columns ``VERDICT_COLUMNS``."""
        return self._read_verdicts(
            f"SELECT {_SHOWN} FROM verdicts WHERE sequence IN (SELECT unnest($numbers)) ORDER BY sequence",
            {"numbers": [int(number) for number in sequences]},
        )

    # Notes on undecided crops, in core/store/notes.py's words

    def append_notes(self, notes: Sequence[tuple[str, str, str, str, str, str, datetime]]) -> None:
        """Add notes: id, photo, crop, text, reviewer, run, moment. One whose id is there already is not added again."""
        refuse(self.path.parent, Action.DECIDE)
        with self._write() as connection:
            for *texts, written_at in notes:
                connection.execute(
                    """INSERT INTO notes SELECT (SELECT coalesce(max(sequence), 0) + 1 FROM notes), ?, ?, ?, ?, ?, ?, ?
                       WHERE NOT EXISTS (SELECT 1 FROM notes WHERE note_id = ?)""",
                    [*texts, to_utc(written_at), texts[0]],
                )

    def notes(self, *, photo_id: str = "") -> pd.DataFrame:
        """The notes, of one photo or of all, oldest first: sequence, note_id, photo_id, crop_id, note, reviewer, run,
        written_at (UTC)."""
        return self._read("SELECT * FROM notes WHERE ? IN ('', photo_id) ORDER BY sequence", [photo_id])

    # Registry

    def register_run(self, *, run_id: str, name: str, folder: str, bundle: str, created_at: datetime) -> None:
        """Register a run, or replace its entry."""
        with self._write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)", [run_id, name, folder, bundle, to_utc(created_at)]
            )

    def runs(self) -> pd.DataFrame:
        """The registered runs, newest first: run_id, name, folder, bundle, created_at (UTC)."""
        return self._read("SELECT * FROM runs ORDER BY created_at DESC, run_id")

    def register_bundle(self, name: str, *, made_from: str = "", created_at: datetime | None = None) -> None:
        """Register a bundle, which never changes once made; ``made_from`` is the bundle that it was retrained from.

        Raises:
            AnomalureError: If there is one of that name.
        """
        refuse(self.path.parent, Action.TRAIN)
        with self._write() as connection:
            if connection.execute("SELECT 1 FROM bundles WHERE name = ?", [name]).fetchone():
                raise AnomalureError(
                    f"There is a bundle named {name} already, and a bundle never changes. Choose another name."
                )
            connection.execute(
                "INSERT INTO bundles VALUES (?, ?, ?)", [name, made_from, to_utc(created_at or datetime.now(UTC))]
            )

    def bundles(self) -> pd.DataFrame:
        """The registered bundles, newest first: name, made_from, created_at (UTC), active."""
        return self._read(
            "SELECT *, name = coalesce((SELECT bundle FROM activations ORDER BY sequence DESC LIMIT 1), '') AS active "
            "FROM bundles ORDER BY created_at DESC, name"
        )

    def active_bundle(self) -> str:
        """The name of the bundle that runs use by default; empty: first look."""
        table = self._read("SELECT bundle FROM activations ORDER BY sequence DESC LIMIT 1")
        return str(table["bundle"].iloc[0]) if len(table) else ""

    def activate_bundle(self, name: str) -> None:
        """Make a bundle the active one; an empty name goes back to first looks.

        Raises:
            AnomalureError: If there is no bundle of that name.
        """
        refuse(self.path.parent, Action.TRAIN)
        with self._write() as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM bundles ORDER BY name").fetchall()]
            if name and name not in names:
                raise AnomalureError(
                    f"There is no bundle named {name!r}; there are: {', '.join(names) or 'none'}."
                    + did_you_mean(name, names)
                )
            connection.execute(
                "INSERT INTO activations SELECT coalesce(max(sequence), 0) + 1, ?, ? FROM activations",
                [name, to_utc(datetime.now(UTC))],
            )
        note(self.path.parent, "activated bundle", name or "none")

    # Settings

    def get_setting(self, key: str, default: Any = None) -> Any:
        """A value that was set, or ``default``."""
        table = self._read("SELECT value FROM settings WHERE key = ?", [key])
        try:
            return parse_values(table["value"].iloc[0]) if len(table) else default
        except ValueError as error:
            raise AnomalureError(
                f"The setting {key} is damaged in the project's database. Put the database back from a copy."
            ) from error

    def set_setting(self, key: str, value: Any, *, needs: Action = Action.SETTLE) -> None:
        """Keep a value that fits JSON; ``needs`` is what somebody must be allowed to do for that."""
        refuse(self.path.parent, needs)
        with self._write() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [key, json.dumps(value)])

    # Saved views, in core/store/saved_views.py's words

    def add_saved_view(self, *, view_id: str, name: str, address: str, created_at: datetime) -> None:
        """Keep a view; there may be others of its name."""
        refuse(self.path.parent, Action.DECIDE)
        with self._write() as connection:
            connection.execute(
                "INSERT INTO saved_views VALUES (?, ?, ?, ?)", [view_id, name, address, to_utc(created_at)]
            )

    def remove_saved_view(self, view_id: str) -> None:
        """Forget a view; one that is not there is no error."""
        refuse(self.path.parent, Action.DECIDE)
        with self._write() as connection:
            connection.execute("DELETE FROM saved_views WHERE view_id = ?", [view_id])

    def saved_views(self) -> pd.DataFrame:
        """The views, newest first: view_id, name, address, created_at (UTC)."""
        return self._read("SELECT * FROM saved_views ORDER BY created_at DESC, view_id")


def to_utc(moment: datetime) -> datetime:
    """A moment in UTC without zone, as the database keeps it; one without zone is taken to be in UTC."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _drop_hidden_of(verdicts: pa.RecordBatch) -> pa.RecordBatch:
    """As ``Store._read_verdicts`` tidies them."""
    for name in _TYPED:
        at = verdicts.schema.get_field_index(name)
        texts = verdicts.column(at).to_pylist()
        tidy = [drop_hidden_signs(text) if text else text for text in texts]
        if tidy != texts:
            verdicts = verdicts.set_column(
                at, verdicts.schema.field(at), pa.array(tidy, verdicts.schema.field(at).type)
            )
    return verdicts


def _is_overtaken(connection: duckdb.DuckDBPyConnection, batch: _Batch) -> bool:
    if batch.after is None:
        return False
    own = {
        "after": batch.after,
        "photos": list({item.photo_id for item in batch.verdicts}),
        "ids": [item.verdict_id for item in batch.verdicts],
    }
    ((n,),) = connection.execute(
        f"""SELECT count(*) FROM verdicts WHERE sequence > $after AND round <> '{Round.SECOND}'
            AND photo_id IN (SELECT unnest($photos)) AND verdict_id NOT IN (SELECT unnest($ids))""",
        own,
    ).fetchall()
    return bool(n)


def _insert(connection: duckdb.DuckDBPyConnection, verdicts: Sequence[Verdict]) -> tuple[dict[str, int], int]:
    """The numbers of the verdicts by their ids, and that of the newest verdict of all."""
    connection.register(
        "asked", pa.table({"verdict_id": pa.array({item.verdict_id for item in verdicts}, pa.string())})
    )
    there = connection.execute("SELECT verdict_id, sequence FROM verdicts JOIN asked USING (verdict_id)").fetchall()
    connection.unregister("asked")
    sequences = {str(verdict_id): int(sequence) for verdict_id, sequence in there}
    ((last,),) = connection.execute("SELECT coalesce(max(sequence), 0) FROM verdicts").fetchall()
    rows = []
    for item in verdicts:
        if item.verdict_id in sequences:
            continue
        last += 1
        sequences[item.verdict_id] = last
        rows.append(
            (
                last,
                item.verdict_id,
                item.photo_id,
                item.crop_id,
                str(item.kind),
                item.box.x,
                item.box.y,
                item.box.width,
                item.box.height,
                None if item.verdict is None else str(item.verdict),
                to_utc(item.decided_at),
                item.reviewer,
                item.species,
                item.note,
                item.run,
                item.bundle,
                item.score,
                item.p_value,
                item.false_alarm_rate,
                str(item.round),
                item.given_to,
            )
        )
    if rows:
        # One statement for all: to insert a thousand rows one by one takes seconds.
        columns = zip(*rows, strict=True)
        connection.register(
            "added",
            pa.table(
                [pa.array(values, kind) for values, kind in zip(columns, _VERDICT.types, strict=True)], schema=_VERDICT
            ),
        )
        connection.execute("INSERT INTO verdicts BY NAME SELECT * FROM added ORDER BY sequence")
        connection.unregister("added")
    return sequences, int(last)
