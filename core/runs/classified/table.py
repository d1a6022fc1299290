"""The table of what a classifier says of a run's crops: ``classified.parquet`` in the run's folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from core.disk.files import write_stream
from core.disk.parquet import read_parquet, write_parquet
from core.errors import AnomalureError
from core.formats.classifiers.rolling_up import Decided
from core.runs.folder import RunFolder

FILE = "classified.parquet"
_LIST_OF_TEXT, _LIST_OF_NUMBERS = pa.list_(pa.string()), pa.list_(pa.float32())
SCHEMA = pa.schema(
    {
        "crop_id": pa.string(),
        "label": pa.string(),
        "label_score": pa.float32(),
        "level": pa.string(),
        "further": pa.int8(),
        "is_animal": pa.bool_(),
        "names": _LIST_OF_TEXT,
        "scores": _LIST_OF_NUMBERS,
        "source": pa.string(),
    }
)


@dataclass(frozen=True)
class Classified:
    """What a classifier says of the crops of a run; crops that it says nothing of are not in it.

    ``table`` has the columns of ``SCHEMA``: ``label`` is what the crop is called, empty for an unknown animal, with its
    score; ``further``: how many levels it was rolled up beyond the chosen one; ``names`` are the likeliest names with
    their ``scores``, the label first.
    """

    table: pa.Table

    @property
    def source(self) -> str:
        """The classifier, as people call it."""
        return str(self.table["source"][0].as_py()) if self.table.num_rows else ""

    def labels(self, *, animals_only: bool = False, at_level_only: bool = False) -> dict[str, str]:
        """What each crop is called, by its id; unknown animals are left out.

        Args:
            animals_only: Without people, vehicles and crops with no animal.
            at_level_only: Without names that were rolled up beyond the chosen level.
        """
        chosen = pc.not_equal(self.table["label"], "")
        if animals_only:
            chosen = pc.and_(chosen, self.table["is_animal"])
        if at_level_only:
            chosen = pc.and_(chosen, pc.equal(self.table["further"], 0))
        found = self.table.filter(chosen)
        return dict(zip(found["crop_id"].to_pylist(), found["label"].to_pylist(), strict=True))


def write_classified(run: RunFolder, decided: Mapping[str, Decided], *, source: str) -> None:
    """Keep what is said of the crops, and replace what was kept before."""
    rows: Sequence[Decided] = list(decided.values())
    columns = {
        "crop_id": list(decided),
        "label": [one.name for one in rows],
        "label_score": [one.score for one in rows],
        "level": [one.level for one in rows],
        "further": [one.further for one in rows],
        "is_animal": [one.is_animal for one in rows],
        "names": [[name for name, _ in one.names] for one in rows],
        "scores": [[score for _, score in one.names] for one in rows],
        "source": [source] * len(rows),
    }
    table = pa.table({name: pa.array(values, SCHEMA.field(name).type) for name, values in columns.items()})
    write_stream(run.path / FILE, lambda file: write_parquet(table, file))


def read_classified(run: RunFolder) -> Classified | None:
    """What is kept for a run; None if it has no file of classifications, or is not scored yet.

    Raises:
        AnomalureError: If it cannot be read.
    """
    try:
        return Classified(read_parquet(run.path / FILE, schema=SCHEMA))
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        raise AnomalureError(
            f"What the classifier said of run {run.run_id} cannot be read ({error}). Put {FILE} back from a copy, or "
            f"resume the run (cli.py run --resume {run.run_id}): it is then read again from the file."
        ) from error


def has_classified(run: RunFolder) -> bool:
    """Whether a classifier's file says something of the run's crops."""
    return (run.path / FILE).is_file()
