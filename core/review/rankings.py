"""Rankings of a run's undecided crops by the verdicts so far; each is a file in the run's folder that never changes."""

import json
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.disk.files import write_stream
from core.disk.json import parse_values
from core.disk.parquet import read_parquet, write_parquet
from core.review.stopping import Remaining
from core.runs.folder import RunFolder

RERANK_EVERY = 10
"""After this many new verdicts a new ranking is made."""
SCHEMA = pa.schema(
    [("crop_id", pa.string()), ("likelihood", pa.float32()), ("likely_place", pa.int32()), ("learn_place", pa.int32())]
)
_NAME = re.compile(r"ranking-(\d{12})\.parquet")
_ABOUT = b"anomalure"
_KEPT = 2  # a page may still be reading the ranking before the newest


@dataclass(frozen=True)
class RankingInfo:
    """What a ranking was made from.

    Attributes:
        run: Its run.
        after: Sequence of the last verdict that was used; 0: none.
        n_anomalies: Anomalies in its training labels, including those of other runs.
        n_normal: Normal crops in its training labels.
        remaining: The estimate of the anomalies left in this run.
    """

    run: str
    after: int
    n_anomalies: int
    n_normal: int
    remaining: Remaining

    def to_values(self) -> dict[str, Any]:
        """Name to value, fit for JSON."""
        said = self.remaining
        return {
            **asdict(self),
            "remaining": {**asdict(said), "share_found": said.share_found, "can_stop": said.can_stop},
        }


def write_ranking(
    run: RunFolder,
    info: RankingInfo,
    *,
    crop_ids: list[str],
    likelihoods: np.ndarray,
    likely_places: np.ndarray,
    learn_places: np.ndarray,
) -> Path:
    """Write a ranking into the run's folder, completely or not at all, and delete all older ones except the last.

    Args:
        run: Whose crops.
        info: What it was made from.
        crop_ids: The undecided crops, shape ``(n,)``.
        likelihoods: Probability that each is an anomaly, 0 to 1.
        likely_places: 0 for the one to look at first when looking for anomalies, shape ``(n,)``.
        learn_places: 0 for the most informative crop, shape ``(n,)``.
    """
    table = pa.table(
        [
            pa.array(crop_ids, pa.string()),
            pa.array(likelihoods.astype(np.float32)),
            pa.array(likely_places.astype(np.int32)),
            pa.array(learn_places.astype(np.int32)),
        ],
        schema=SCHEMA.with_metadata({_ABOUT: json.dumps(info.to_values()).encode()}),
    )
    path = run.path / f"ranking-{info.after:012d}.parquet"
    write_stream(path, lambda file: write_parquet(table, file), durable=True)
    for old in _list_rankings(run)[:-_KEPT]:
        with suppress(OSError):
            old.unlink(missing_ok=True)
    return path


def find_ranking(run: RunFolder) -> Path | None:
    """The newest ranking's file, or None."""
    there = _list_rankings(run)
    return there[-1] if there else None


def latest_sequence(run: RunFolder) -> int:
    """Sequence of the last verdict that the newest ranking used; -1 without a ranking. Reads only file names."""
    path = find_ranking(run)
    match = _NAME.fullmatch(path.name) if path else None
    return int(match.group(1)) if match else -1


def read_ranking_info(run: RunFolder) -> RankingInfo | None:
    """What the newest ranking was made from, without its rows; None without one, or if it cannot be read."""
    path = find_ranking(run)
    if path is None:
        return None
    try:
        values = parse_values((pq.read_schema(path).metadata or {})[_ABOUT])
        said = {name: values["remaining"][name] for name in Remaining.__dataclass_fields__}
        return RankingInfo(values["run"], values["after"], values["n_anomalies"], values["n_normal"], Remaining(**said))
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None


def read_ranking(run: RunFolder) -> pd.DataFrame:
    """The newest ranking, columns of ``SCHEMA``; empty without one, or if it cannot be read."""
    path = find_ranking(run)
    try:
        table = SCHEMA.empty_table() if path is None else read_parquet(path, columns=SCHEMA.names)
    except (OSError, pa.ArrowException):
        table = SCHEMA.empty_table()
    return table.to_pandas()


def _list_rankings(run: RunFolder) -> list[Path]:
    """Oldest first."""
    return sorted(path for path in run.path.glob("ranking-*.parquet") if _NAME.fullmatch(path.name))
