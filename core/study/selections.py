"""Selections: named lists of crops of one run, to be reviewed, exported or looked at together.

Each is one Parquet file that never changes, under ``selections/`` of the project. It can hold hundreds of thousands
of crops, and reading it does not lock the database.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from core.disk.files import replace_file, temporary_beside
from core.disk.json import parse_values
from core.disk.parquet import read_parquet, write_parquet
from core.errors import AnomalureError
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder
from core.team.acting import refuse
from core.team.roles import Action

FOLDER = "selections"
LONGEST_NAME = 120
_SELECTION_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
_RECORD = b"anomalure.selection"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A named list of crops of one run.

    ``source`` says in words how they were chosen; ``created_at`` is in UTC; ``problem`` is a sentence if the file
    cannot be read (there are no crops to be had then), else empty.
    """

    selection_id: str
    name: str
    run_id: str
    source: str
    created_at: datetime
    n_crops: int
    path: Path
    problem: str = ""

    def crop_ids(self) -> list[str]:
        """The crops in the order in which they were given, each once.

        Raises:
            AnomalureError: If the file cannot be read.
        """
        try:
            return [str(crop_id) for crop_id in read_parquet(self.path, columns=["crop_id"])["crop_id"].to_pylist()]
        except (OSError, pa.ArrowException) as error:
            raise AnomalureError(_say_damaged(self.path, error)) from error


def write_selection(
    project_path: Path, name: str, run: RunFolder, crop_ids: Iterable[str], *, source: str
) -> Selection:
    """Keep a list of crops under a name; names need not differ, each selection has an id of its own.

    Args:
        project_path: The folder of the project to keep it in.
        name: What people call it; blanks are tidied, at most ``LONGEST_NAME`` characters are kept.
        run: The run that has all of the crops.
        crop_ids: The crops, in the order in which they are to be shown; one that comes twice counts once.
        source: How they were chosen, in words, such as ``noise of DBSCAN, eps 2.5, on t-SNE 30``.

    Raises:
        AnomalureError: If there are no crops, the run has not all of them, or the file cannot be written.
    """
    refuse(project_path, Action.DECIDE)
    chosen = list(dict.fromkeys(crop_ids))
    if not chosen:
        raise AnomalureError("A selection needs at least one crop, and none is selected. Select some first.")
    known = set(read_catalogue(run, ["crop_id"])["crop_id"])
    strange = [crop_id for crop_id in chosen if crop_id not in known]
    if strange:
        raise AnomalureError(
            f"A selection is of crops of one run, but run {run.run_id} does not have {len(strange):,} of "
            f"the {len(chosen):,} crops, such as {strange[0]!r}. Select again."
        )
    now = datetime.now(UTC)
    tidy = " ".join(name.split())[:LONGEST_NAME] or f"{len(chosen):,} crops"
    selection_id = f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:8]}"
    path = project_path / FOLDER / f"{selection_id}.parquet"
    record = {"name": tidy, "run_id": run.run_id, "source": source, "created_at": now.isoformat()}
    table = pa.table({"crop_id": pa.array(chosen, pa.string())}).replace_schema_metadata(
        {_RECORD: json.dumps(record, ensure_ascii=False).encode()}
    )
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(exist_ok=True)
        write_parquet(table, temporary)
        replace_file(temporary, path)
    except OSError as error:
        raise AnomalureError(
            f"The selection cannot be kept in {path.parent} ({error.strerror or error}). "
            "Make room there, or let Anomalure write to it."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return read_selection(project_path, selection_id)


def read_selection(project_path: Path, selection_id: str) -> Selection:
    """The selection of that id.

    Raises:
        AnomalureError: If there is none, or it cannot be read.
    """
    path = project_path / FOLDER / f"{selection_id}.parquet"
    if not _SELECTION_ID.fullmatch(selection_id) or not path.is_file():
        raise AnomalureError(
            f"There is no selection {selection_id!r} in this project. Select the crops again on the Explore page."
        )
    found = _read(path)
    if found.problem:
        raise AnomalureError(found.problem)
    return found


def list_selections(project_path: Path) -> list[Selection]:
    """The project's selections, newest first; one that cannot be read has a ``problem``."""
    paths = [path for path in (project_path / FOLDER).glob("*.parquet") if _SELECTION_ID.fullmatch(path.stem)]
    found = [_read(path) for path in paths]
    return sorted(found, key=lambda one: (one.created_at, one.selection_id), reverse=True)


def _read(path: Path) -> Selection:
    try:
        parquet = pq.read_metadata(path)
        record = parse_values((parquet.metadata or {})[_RECORD])
        return Selection(
            selection_id=path.stem,
            name=str(record["name"]),
            run_id=str(record["run_id"]),
            source=str(record["source"]),
            created_at=datetime.fromisoformat(record["created_at"]),
            n_crops=parquet.num_rows,
            path=path,
        )
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        return Selection(
            selection_id=path.stem,
            name=path.stem,
            run_id="",
            source="",
            n_crops=0,
            path=path,
            created_at=datetime.strptime(path.stem[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC),
            problem=_say_damaged(path, error),
        )


def _say_damaged(path: Path, error: Exception) -> str:
    return (
        f"The selection {path} is not what Anomalure wrote ({error}). Put it back from a copy, or delete the file "
        "and select the crops again."
    )
