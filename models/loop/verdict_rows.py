"""The crops that reviewers decided about, with their embeddings, gathered from the runs of a project."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.disk.parquet import read_parquet
from core.records import NOTHING, CropKind, Decision
from core.review.holding import match_crops
from core.review.training_labels import UNNAMED, TrainingLabels, find_background, name_group
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder
from core.study.project import Project
from models.bundles.rows import COLUMNS, TrainingRows
from models.encoders.sources.source import find_source
from models.encoders.spec import EncoderSpec

FROM_VERDICTS = "verdicts"
# The value of models/encoders/loading.py, which is not imported because it imports torch.
_BOX = ["crop_id", "photo_id", "kind", "x", "y", "width", "height"]
_OF_RUN = [*_BOX, "file_name", "deployment", "captured_at", "event_id", "species", "score", "p_value"]


@dataclass(frozen=True)
class VerdictRows:
    """Decided crops with their embeddings and facts, in the order of their verdicts.

    Attributes:
        rows: One row a crop; ``species`` is the reviewer's, else the predicted one, else ``UNNAMED``; it is empty for a
            whole frame without a species or with nothing on it.
        verdicts: The labels of these rows, same order.
        found_in: The newest run with the crop, shape ``(n,)``, str.
        scores: The scores in that run, shape ``(n,)``; NaN before it is scored.
        named: Whether the reviewer gave the species, shape ``(n,)``, bool.
        missing: Number of labels whose crop is in no run with this encoder.
    """

    rows: TrainingRows
    verdicts: pd.DataFrame
    found_in: np.ndarray
    scores: np.ndarray
    named: np.ndarray
    missing: pd.DataFrame

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def anomalous(self) -> np.ndarray:
        """Which are anomalies, shape ``(n,)``, bool."""
        return (self.verdicts["verdict"] == Decision.ANOMALY).to_numpy(dtype=bool)

    @property
    def is_background(self) -> np.ndarray:
        """Which are normal and show no animal, shape ``(n,)``, bool."""
        return find_background(self.verdicts)

    def select(self, mask: np.ndarray) -> "VerdictRows":
        """The rows where ``mask``, shape ``(n,)``, is true; ``missing`` stays the same."""
        return VerdictRows(
            self.rows.select(mask),
            self.verdicts[mask].reset_index(drop=True),
            self.found_in[mask],
            self.scores[mask],
            self.named[mask],
            self.missing,
        )


def identify_encoders(encoders: Iterable[Mapping[str, Any]], *, project: Path) -> tuple[tuple[str, ...], ...]:
    """Identifies encoders that give the same embeddings: by the content of their weights, not by their path.

    ``project`` is the project's folder now; it may have been moved since the encoders were written down.
    """
    return tuple(_identify(values, project) for values in encoders)


def gather_verdict_rows(
    project: Project, labels: TrainingLabels, *, encoders: Iterable[Mapping[str, Any]]
) -> VerdictRows:
    """Find the crops of labels, and their embeddings by these encoders, in the project's runs.

    A crop that was decided in one run is found in another by the content of its photo and its box.

    Args:
        project: The study.
        labels: The verdicts.
        encoders: As ``RunInfo.encoders`` or a bundle's, in order.
    """
    wanted = identify_encoders(encoders, project=project.path)
    table = labels.table
    n = len(table)
    groups, runs_of, described = [""] * n, [""] * n, [None] * n
    vectors: list[np.ndarray | None] = [None] * n
    species, scores = [""] * n, np.full(n, np.nan)
    for run in sorted((run for run in project.runs() if not run.problem), key=lambda run: run.info.created_at):
        if not n or not run.tables("crops"):
            continue
        crops = read_catalogue(run, _OF_RUN)
        crops = crops[crops["photo_id"].isin(table["photo_id"])].reset_index(drop=True)
        places = match_crops(table, crops)
        same = identify_encoders(run.info.encoders, project=project.path) == wanted
        embedded = read_embeddings(run, [crops["crop_id"][place] for place in places if place >= 0]) if same else {}
        for i in np.flatnonzero(places >= 0):
            crop = crops.iloc[int(places[i])]
            # The first run names the event, so that later runs cannot move a verdict between training and held out.
            groups[i] = groups[i] or name_group(crop["photo_id"], crop["event_id"])
            if crop["crop_id"] in embedded:
                vectors[i], runs_of[i], described[i] = embedded[crop["crop_id"]], run.run_id, crop
                species[i] = crop["species"] or species[i]
                scores[i] = np.nan if pd.isna(crop["score"]) else float(crop["score"])
    there = np.array([vector is not None for vector in vectors], dtype=bool)
    kept = table[there].reset_index(drop=True)
    named = (kept["species"] != "").to_numpy(dtype=bool)
    records: list[dict[str, Any]] = []
    for i in np.flatnonzero(there):
        crop, label = described[i], table.iloc[i]
        assert crop is not None
        guess = label["species"] or species[i] or UNNAMED
        records.append(
            {
                **{name: crop[name] for name in (*_BOX, "file_name", "deployment", "captured_at")},
                "species": "" if crop["kind"] == CropKind.FRAME and label["species"] in ("", NOTHING) else guess,
                "owner": groups[i],
                "origin": FROM_VERDICTS,
            }
        )
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    frame["captured_at"] = pd.to_datetime(frame["captured_at"]).astype("datetime64[us]")
    found = [vector for vector in vectors if vector is not None]
    stacked = np.stack(found) if found else np.empty((0, 0), dtype=np.float16)
    return VerdictRows(
        TrainingRows(frame, stacked),
        kept,
        np.array(runs_of, dtype=object)[there],
        scores[there],
        named,
        table[~there].reset_index(drop=True),
    )


def read_embeddings(run: RunFolder, crop_ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Raw embeddings (float16) of these crops of a run, by crop id; reads only the shards that hold them."""
    wanted = set(crop_ids)
    found: dict[str, np.ndarray] = {}
    for path in run.tables("embeddings") if wanted else []:
        ids = read_parquet(path, columns=["crop_id"]).column("crop_id").to_pylist()
        places = [place for place, crop_id in enumerate(ids) if crop_id in wanted]
        if not places:
            continue
        column = read_parquet(path, columns=["embedding"]).column("embedding").combine_chunks()
        vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(ids), column.type.list_size)
        found.update({ids[place]: vectors[place].astype(np.float16) for place in places})
    return found


def _identify(values: Mapping[str, Any], project: Path) -> tuple[str, ...]:
    backbone, weights, detector = (str(values.get(key, "")) for key in ("backbone", "weights", "detector"))
    spec = EncoderSpec(backbone=backbone, weights=weights, detector=detector)
    return (backbone, str(values.get("input_px", "")), find_source(spec).identify(spec, project))
