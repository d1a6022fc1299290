"""Guesses at what each crop of a run shows: what a classifier's file says of it, else those of the encoder's classes.

The latter are computed from the embeddings that the run has stored, so no photo is read again. They are kept beside the
run's catalogue. The file is whole or absent, and its rows are those of the catalogue, in the same order.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.disk.files import write_stream
from core.disk.parquet import read_parquet, write_parquet
from core.runs.catalogue import find_kept, open_catalogue
from core.runs.classified.table import Classified, read_classified
from core.runs.folder import RunFolder

N_KEPT = 3
LEAST_SHOWN = 0.05
"""Guesses with a smaller share are not shown."""
# To be increased if the columns, the names or the order of the catalogue change, so that older files are made again.
_FORMAT = 2
_ROWS_AT_ONCE = 4_096

GuessRows = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From class scores, shape ``(n, d)``, to names and shares, shape ``(n, N_KEPT)``, the most likely first."""


@dataclass(frozen=True)
class RunGuesses:
    """The likely names of a run's crops, in the order of its catalogue.

    ``codes``, shape ``(n, N_KEPT)``, int16, are rows of ``names``; -1: none. ``shares`` has the same shape.
    ``is_classified``, shape ``(n,)``, bool: the names are those of ``classifier`` and the shares its scores; of the
    other crops they are the encoder's. None: of no crop.
    """

    names: tuple[str, ...]
    codes: np.ndarray
    shares: np.ndarray
    classifier: str = ""
    is_classified: np.ndarray | None = None

    def say_sources(self, rows: np.ndarray | Sequence[int]) -> list[str]:
        """The classifier that names each of these rows; empty for the encoder's guesses."""
        if self.is_classified is None:
            return [""] * len(rows)
        return [self.classifier if one else "" for one in self.is_classified[np.asarray(rows, dtype=np.int64)]]

    def take(self, rows: np.ndarray | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Names, object, and shares of these rows of the catalogue, shape ``(len(rows), N_KEPT)``; "" for none."""
        codes = self.codes[np.asarray(rows, dtype=np.int64)]
        return np.array([*self.names, ""], dtype=object)[codes], self.shares[np.asarray(rows, dtype=np.int64)]

    def say(
        self,
        rows: np.ndarray | Sequence[int],
        *,
        own_names: Mapping[str, str] | None = None,
        least: float = LEAST_SHOWN,
    ) -> list[list[tuple[str, float]]]:
        """The guesses of each row that have at least this share, as names and shares.

        ``own_names`` says how the project spells some of the names.
        """
        own = own_names or {}
        return [
            [(own.get(name, name), float(share)) for name, share in zip(*row, strict=True) if name and share >= least]
            for row in zip(*self.take(rows), strict=True)
        ]

    def rename(self, own_names: Mapping[str, str]) -> "RunGuesses":
        """The same guesses, with some names spelled as the project does."""
        return replace(self, names=tuple(own_names.get(name, name) for name in self.names))

    def count_first(self) -> dict[str, int]:
        """How many crops have each name as their first guess, sorted by name."""
        first = self.codes[:, 0]
        counts = np.bincount(first[first >= 0], minlength=len(self.names))
        return {name: int(n) for name, n in sorted(zip(self.names, counts, strict=True)) if n}

    def to_table(self) -> pa.Table:
        """Columns ``place`` (row of the catalogue), ``classifier``, ``guess_1, share_1, ...``; a missing guess is
        null."""
        names = pa.array(self.names, pa.string())
        places = np.arange(len(self.codes), dtype=np.int32)
        columns: dict[str, pa.Array] = {
            "place": pa.array(places),
            "classifier": pa.array(self.say_sources(places), pa.string()),
        }
        for nth in range(N_KEPT):
            code = self.codes[:, nth]
            columns[f"guess_{nth + 1}"] = pa.DictionaryArray.from_arrays(pa.array(code, mask=code < 0), names)
            columns[f"share_{nth + 1}"] = pa.array(self.shares[:, nth])
        return pa.table(columns)


NO_GUESSES = RunGuesses((), np.empty((0, N_KEPT), dtype=np.int16), np.empty((0, N_KEPT), dtype=np.float32))


def find_guesses(run: RunFolder) -> Path | None:
    """The path of the file, which may not be there; None before the run is done."""
    catalogue = find_kept(run)
    return None if catalogue is None else run.path / f"guesses-{_FORMAT}-{catalogue.stem.rsplit('-', 1)[1]}.parquet"


def read_guesses(run: RunFolder) -> RunGuesses | None:
    """The guesses of the run as it is now; None if there are none.

    Raises:
        AnomalureError: If what a classifier said of the run is damaged.
    """
    computed = _read_computed(run)
    said = read_classified(run) if find_kept(run) is not None else None
    return computed if said is None or not said.table.num_rows else _put_first(said, computed, run)


def _put_first(said: Classified, computed: RunGuesses | None, run: RunFolder) -> RunGuesses:
    """The classifier's names where it says something, else those that were computed."""
    n = len(open_catalogue(run))
    crops = open_catalogue(run).table.column("crop_id").combine_chunks()
    if computed is None or len(computed.codes) != n:
        computed = RunGuesses((), np.full((n, N_KEPT), -1, np.int16), np.zeros((n, N_KEPT), np.float32))
    code_of = {name: code for code, name in enumerate(computed.names)}
    codes, shares = computed.codes.copy(), computed.shares.copy()
    table = said.table
    places = pc.index_in(table["crop_id"], value_set=crops).to_pylist()
    is_classified = np.zeros(n, dtype=bool)
    for place, names, scores in zip(places, table["names"].to_pylist(), table["scores"].to_pylist(), strict=True):
        if place is None or not names:
            continue
        is_classified[place] = True
        codes[place], shares[place] = -1, 0
        for nth, (name, score) in enumerate(zip(names[:N_KEPT], scores, strict=False)):
            codes[place, nth], shares[place, nth] = code_of.setdefault(name, len(code_of)), score
    return RunGuesses(tuple(code_of), codes, shares, said.source, is_classified)


def _read_computed(run: RunFolder) -> RunGuesses | None:
    path = find_guesses(run)
    if path is None:
        return None
    try:
        table = read_parquet(path)
        columns = [table.column(f"guess_{nth + 1}").combine_chunks() for nth in range(N_KEPT)]
        names = tuple(columns[0].dictionary.to_pylist())
        codes = [column.indices.fill_null(-1).to_numpy(zero_copy_only=False) for column in columns]
        shares = [table.column(f"share_{nth + 1}").to_numpy() for nth in range(N_KEPT)]
    except (OSError, pa.ArrowException, KeyError, AttributeError):
        return None  # not there, or damaged: guesses are a help, and a page works without them
    if any(tuple(column.dictionary.to_pylist()) != names for column in columns):
        return None
    return RunGuesses(names, np.stack(codes, axis=1).astype(np.int16), np.stack(shares, axis=1).astype(np.float32))


def keep_guesses(run: RunFolder, guess: GuessRows, *, columns: slice) -> bool:
    """Make the file of a finished run if it is missing; False if the run is not done, or a file cannot be used.

    Args:
        run: The run. A few thousand of its embeddings are in memory at a time.
        guess: Guesses names from class scores.
        columns: Where the class scores are in an embedding.
    """
    path = find_guesses(run)
    if path is None or path.is_file():
        return path is not None
    try:
        kept = _guess_all(run, guess, columns)
        write_stream(path, lambda file: write_parquet(kept, file))
    except (OSError, pa.ArrowException):
        return False  # a read-only project, a full disk or damaged embeddings: there are no guesses then
    for old in run.path.glob("guesses-*"):
        if old != path:
            with suppress(OSError):
                old.unlink(missing_ok=True)
    return True


def _guess_all(run: RunFolder, guess: GuessRows, columns: slice) -> pa.Table:
    code_of: dict[str, int] = {}
    ids: list[pa.Array] = [pa.array([], pa.string())]
    codes = [np.empty((0, N_KEPT), dtype=np.int16)]
    shares = [np.empty((0, N_KEPT), dtype=np.float32)]
    for crop_ids, embeddings in _read_embeddings(run):
        names, share = guess(embeddings[:, columns])
        coded = [code_of.setdefault(name, len(code_of)) for name in names.ravel()]
        ids.append(crop_ids)
        codes.append(np.array(coded, dtype=np.int16).reshape(len(names), N_KEPT))
        shares.append(share)
    wanted = open_catalogue(run).table.column("crop_id").combine_chunks()
    found = pc.index_in(wanted, value_set=pa.concat_arrays(ids)).fill_null(sum(map(len, ids))).to_numpy()
    none = (np.full((1, N_KEPT), -1, dtype=np.int16), np.zeros((1, N_KEPT), dtype=np.float32))
    guesses = RunGuesses(
        tuple(code_of), np.concatenate([*codes, none[0]])[found], np.concatenate([*shares, none[1]])[found]
    )
    return guesses.to_table().add_column(0, "crop_id", wanted)


def _read_embeddings(run: RunFolder) -> Iterator[tuple[pa.Array, np.ndarray]]:
    """Crop ids with their embeddings, float16, shape ``(n, d)``, a few thousand at a time."""
    for path in run.tables("embeddings"):
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["crop_id", "embedding"]):
                if batch.num_rows:
                    values = batch.column("embedding").flatten().to_numpy(zero_copy_only=False)
                    yield batch.column("crop_id"), values.reshape(batch.num_rows, -1)
