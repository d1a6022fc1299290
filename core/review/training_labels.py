"""Training labels from verdicts: what each decided crop is, which events are held out, where reviewers disagree."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.records import NOTHING, PERSON, CropKind, Decision, Round
from core.review.holding import HOLDING_ROUNDS, find_last_taken_back, take_latest
from core.species import fold_species, name_decided

HELD_OUT_SHARE = 0.3
"""Share of the events that no bundle is ever trained on: their verdicts measure every bundle."""
UNNAMED = "animal"
"""The species of normal crops for which neither a reviewer nor a model gives one."""

LABEL_COLUMNS = (
    "crop_id",
    "photo_id",
    "kind",
    "x",
    "y",
    "width",
    "height",
    "verdict",
    "species",
    "reviewer",
    "run",
    "score",
    "p_value",
    "sequence",
    "given_to",
)
CONFLICT_COLUMNS = ("crop_id", "photo_id", "run", "said")
_SURE = (str(Decision.ANOMALY), str(Decision.NORMAL))


@dataclass(frozen=True)
class TrainingLabels:
    """The verdicts that hold, as labels for training.

    Attributes:
        table: One row for each crop decided as anomaly or normal, columns ``LABEL_COLUMNS``, in the order of the
            verdicts; ``species`` is the reviewer's correction or empty.
        conflicts: Crops on which reviewers disagree, columns ``CONFLICT_COLUMNS``; ``said`` has the verdicts in words.
        n_unsure: Crops about which the reviewer was unsure; they are not used.
        last: Sequence of the last verdict that was read; 0 without any.
    """

    table: pd.DataFrame
    conflicts: pd.DataFrame
    n_unsure: int
    last: int

    def __len__(self) -> int:
        return len(self.table)

    @property
    def anomalous(self) -> np.ndarray:
        """Which crops are anomalies, shape ``(n,)``, bool."""
        return (self.table["verdict"] == Decision.ANOMALY).to_numpy(dtype=bool)

    @property
    def is_background(self) -> np.ndarray:
        """Which crops are normal and show no animal, shape ``(n,)``, bool; see ``find_background``."""
        return find_background(self.table)


def sort_verdicts(verdicts: pd.DataFrame) -> TrainingLabels:
    """The training labels that verdicts give.

    The latest verdict of each reviewer on a crop counts. If two reviewers disagree about anomaly or normal, or about
    the species, the crop is not used and is listed as a conflict, until somebody settles it or one of them changes
    their mind. A verdict on the crop itself counts more than one that was given to a group, whoever gave it: only where
    nobody looked at the crop itself can the names of groups disagree. A crop whose verdicts were taken back has no
    label.

    Args:
        verdicts: ``Store.verdicts(with_second=True)``, oldest first.
    """
    if verdicts.empty:
        return TrainingLabels(
            pd.DataFrame(columns=list(LABEL_COLUMNS)), pd.DataFrame(columns=list(CONFLICT_COLUMNS)), 0, 0
        )
    last = int(verdicts["sequence"].max())
    # Two people who write a name with other capitals do not disagree, and it is one species for training.
    named = fold_species([name_decided(name) for name in verdicts["species"].astype(str)])
    verdicts = verdicts.assign(species=pd.Series(named, index=verdicts.index, dtype=object))
    holding = take_latest(verdicts)
    settled = set(holding.loc[holding["round"] == Round.SETTLED, "crop_id"])
    by_reviewer = take_latest(_leave_out_groups(verdicts, holding), by=("crop_id", "reviewer"), rounds=tuple(Round))
    by_reviewer = by_reviewer[by_reviewer["verdict"].isin(_SURE) & by_reviewer["crop_id"].isin(holding["crop_id"])]
    n_said = by_reviewer.groupby("crop_id")["verdict"].nunique()
    named = by_reviewer[by_reviewer["species"] != ""]
    n_named = named.groupby("crop_id")["species"].nunique()
    disputed = (set(n_said[n_said > 1].index) | set(n_named[n_named > 1].index)) - settled
    rows = []
    for crop_id, part in by_reviewer[by_reviewer["crop_id"].isin(disputed)].groupby("crop_id", sort=False):
        said = "; ".join(
            f"{row.reviewer or 'somebody'}: {row.verdict}" + (f", {row.species}" if row.species else "")
            for row in part.itertuples()
        )
        rows.append((crop_id, part["photo_id"].iloc[0], part["run"].iloc[-1], said))
    sure = holding[holding["verdict"].isin(_SURE) & ~holding["crop_id"].isin(disputed)]
    return TrainingLabels(
        sure[list(LABEL_COLUMNS)].reset_index(drop=True),
        pd.DataFrame(rows, columns=list(CONFLICT_COLUMNS)),
        int(((holding["verdict"] == Decision.UNSURE) & ~holding["crop_id"].isin(disputed)).sum()),
        last,
    )


def find_background(labels: pd.DataFrame) -> np.ndarray:
    """Which crops are normal but show no animal, shape ``(n,)``, bool. They are never trained as a species.

    These are boxes on nothing, and crops of people. A whole frame on which there is nothing is not one of them: it is
    what its camera usually shows.

    Args:
        labels: With the columns ``kind``, ``verdict`` and ``species``, the reviewer's.
    """
    called = labels["species"].astype(str).map(name_decided)
    on_nothing = (called == NOTHING) & (labels["kind"] != CropKind.FRAME)
    return ((labels["verdict"] == Decision.NORMAL) & (on_nothing | (called == PERSON))).to_numpy(dtype=bool)


def _leave_out_groups(verdicts: pd.DataFrame, holding: pd.DataFrame) -> pd.DataFrame:
    """The verdicts without those given to groups that are void, or that a reviewer's own look at the crop replaces."""
    to_group = verdicts["given_to"] != ""
    if not to_group.any():
        return verdicts
    looked_at = set(holding.loc[holding["given_to"] == "", "crop_id"])
    counted = verdicts[verdicts["round"].isin([str(one) for one in HOLDING_ROUNDS])]
    void = counted.index[counted["sequence"] <= find_last_taken_back(counted)]
    left_out = to_group & (verdicts.index.isin(void) | verdicts["crop_id"].isin(looked_at))
    return verdicts[~left_out]


def is_held_out(groups: pd.Series | np.ndarray) -> np.ndarray:
    """Which groups are held out, shape ``(n,)``, bool.

    Chosen by a hash of the group's name alone, so that it is the same in every retraining: no verdict ever trains one
    bundle and measures another.
    """
    names = [str(group) for group in groups]
    parts = {
        name: int.from_bytes(hashlib.blake2b(f"judge:{name}".encode(), digest_size=8).digest()) / 2**64
        for name in set(names)
    }
    return np.array([parts[name] < HELD_OUT_SHARE for name in names], dtype=bool)


def name_group(photo_id: str, event_id: str) -> str:
    """The group of a photo: its event, or the photo itself if it has no time or no event."""
    return photo_id if not event_id or "/no-time-" in event_id else event_id
