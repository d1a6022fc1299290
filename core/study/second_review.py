"""A blind second review of a share of the crops, how well the two agree, and conflicts to settle.

The share is drawn by the crop's id and a seed, so that it is the same for everybody and however many crops are decided
by then. A second verdict is a row of its own (``Round.SECOND``) that never changes what holds. Where it differs from
the first, somebody settles it with one more row (``Round.SETTLED``), which holds like any other.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core.errors import AnomalureError
from core.records import Decision, Round, Verdict, name_key
from core.review.holding import take_latest
from core.species import fold_name
from core.study.agreement import Agreement, compare_reviewers
from core.study.project import Project

SETTING = "second_review"
DEFAULT_SHARE = 0.1
_STEPS = 1 << 32
DECISIONS = tuple(str(decision) for decision in Decision)


@dataclass(frozen=True, kw_only=True)
class SecondReview:
    """How much is reviewed twice: ``share`` of the decided crops, 0 to 1, drawn with ``seed``.

    Raises:
        AnomalureError: If the share is out of range.
    """

    share: float = DEFAULT_SHARE
    seed: int = 7

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise AnomalureError(f"The share to review twice is from 0 to 1, got {self.share}.")

    def draws(self, crop_id: str) -> bool:
        """Whether a crop is in the share; raising the share keeps those that are in it."""
        digest = hashlib.blake2b(f"{self.seed}:{crop_id}".encode(), digest_size=4).digest()
        return int.from_bytes(digest) < self.share * _STEPS


def read_second_review(project: Project) -> SecondReview:
    """The project's setting; a tenth by default."""
    kept = project.store.get_setting(SETTING, {})
    try:
        return SecondReview(share=float(kept["share"]), seed=int(kept["seed"]))
    except (KeyError, TypeError, ValueError, AnomalureError):
        return SecondReview()


def keep_second_review(project: Project, plan: SecondReview) -> None:
    """Save the setting for all reviewers."""
    project.store.set_setting(SETTING, {"share": plan.share, "seed": plan.seed})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one reviewer's second review is: ``n_done`` of ``n_drawn`` crops are decided.

    ``rows`` are those still to decide, with ``VERDICT_COLUMNS`` but without the first verdict.
    """

    rows: pd.DataFrame
    n_done: int
    n_drawn: int


_TELLING = ("verdict", "species", "note", "reviewer", "decided_at", "round", "sequence", "verdict_id", "given_to")


def second_queue(project: Project, reviewer: str) -> Progress:
    """The crops that this reviewer has to look at blind: drawn, decided by somebody else, not yet by them.

    The first verdict is not in it. The order is random, so it gives no hint of the score or of the first verdict.

    Raises:
        AnomalureError: If the reviewer has no name: nobody could tell the two apart.
    """
    if not reviewer:
        raise AnomalureError("A second review needs your name: give it in the bar on the left.")
    plan = read_second_review(project)
    given = project.store.verdicts(with_second=True)
    first = _first_verdicts(given)
    seconds = _second_verdicts(given)
    mine = set(seconds.loc[_is_of(seconds, reviewer), "crop_id"])
    drawn = first[~_is_of(first, reviewer) & first["crop_id"].map(plan.draws).astype(bool)]
    left = drawn[~drawn["crop_id"].isin(mine)].drop(columns=list(_TELLING))
    order = left["crop_id"].map(lambda crop_id: hashlib.blake2b(f"{plan.seed}/{crop_id}".encode()).digest())
    left = left.assign(_order=order).sort_values("_order").drop(columns="_order").reset_index(drop=True)
    return Progress(left, len(drawn) - len(left), len(drawn))


def save_second(
    project: Project,
    crop: Mapping[str, Any],
    verdict: Decision | str,
    *,
    reviewer: str,
    species: str = "",
    note: str = "",
) -> Verdict:
    """Save a blind second verdict; the valid verdict does not change.

    Raises:
        AnomalureError: If the reviewer has no name, or gave the first verdict too.
    """
    if not reviewer:
        raise AnomalureError("A second review needs your name: give it in the bar on the left.")
    first = _first_verdicts(project.store.verdicts())
    if ((first["crop_id"] == crop["crop_id"]) & _is_of(first, reviewer)).any():
        raise AnomalureError("You gave the first verdict on this crop: a second one is for somebody else.")
    (saved,) = project.save_verdicts([crop], verdict, reviewer=reviewer, species=species, note=note, round=Round.SECOND)
    return saved


def pair_verdicts(given: pd.DataFrame) -> pd.DataFrame:
    """Crops with a first and a blind second verdict, a row a crop and second reviewer, oldest second verdict first.

    Columns: ``crop_id, photo_id, kind, run, first_reviewer, first, first_species, first_note, second_reviewer, second,
    second_species, second_note, settled``: the verdict that settled them, or empty; ``differs``.

    Args:
        given: ``Store.verdicts(with_second=True)``.
    """
    given = _spell_alike(given)
    first, second = _first_verdicts(given), _second_verdicts(given)
    pairs = second.merge(first, on="crop_id", suffixes=("_of_second", ""))
    pairs = pairs[pairs["reviewer"] != pairs["reviewer_of_second"]]
    settled = take_latest(given, rounds=(Round.SETTLED,))
    pairs = pairs.merge(
        settled[["crop_id", "sequence", "verdict"]], on="crop_id", how="left", suffixes=("", "_settled")
    )
    newest = pairs[["sequence", "sequence_of_second"]].max(axis=1)
    pairs["settled"] = pairs["verdict_settled"].where(pairs["sequence_settled"] > newest, "").fillna("")
    out = pd.DataFrame(
        {
            "crop_id": pairs["crop_id"],
            "photo_id": pairs["photo_id"],
            "kind": pairs["kind"],
            "run": pairs["run"],
            "first_reviewer": pairs["reviewer"],
            "first": pairs["verdict"],
            "first_species": pairs["species"],
            "first_note": pairs["note"],
            "second_reviewer": pairs["reviewer_of_second"],
            "second": pairs["verdict_of_second"],
            "second_species": pairs["species_of_second"],
            "second_note": pairs["note_of_second"],
            "settled": pairs["settled"],
        }
    )
    named = (out["first_species"] != "") & (out["second_species"] != "")
    other = out["first_species"].map(fold_name) != out["second_species"].map(fold_name)
    out["differs"] = (out["first"] != out["second"]) | (named & other)
    return out.reset_index(drop=True)


def find_conflicts(given: pd.DataFrame) -> pd.DataFrame:
    """The pairs that differ and that nobody has settled since, as ``pair_verdicts``: in the verdict, or in the species
    where both named one."""
    pairs = pair_verdicts(given)
    return pairs[pairs["differs"] & (pairs["settled"] == "")].reset_index(drop=True)


def measure_agreement(pairs: pd.DataFrame) -> Agreement:
    """Cohen's kappa of pairs of ``pair_verdicts``, on the verdict alone."""
    return compare_reviewers(pairs["first"].tolist(), pairs["second"].tolist(), categories=DECISIONS)


def measure_by_reviewers(pairs: pd.DataFrame) -> dict[tuple[str, str], Agreement]:
    """The same for each first and second reviewer, by their names."""
    return {
        (str(first), str(second)): measure_agreement(some)
        for (first, second), some in pairs.groupby(["first_reviewer", "second_reviewer"], sort=True)
    }


def is_party(conflicts: Sequence[Mapping[Any, Any]], reviewer: str) -> bool:
    """Whether a reviewer gave one of the two verdicts of a conflict."""
    names = {str(one[f"{which}_reviewer"]) for one in conflicts for which in ("first", "second")}
    return name_key(reviewer) in {name_key(name) for name in names if name}


def settle(
    project: Project,
    crop_id: str,
    verdict: Decision | str,
    *,
    reviewer: str,
    species: str = "",
    note: str = "",
    together: bool = False,
) -> Verdict:
    """Decide between two reviewers with one more row, which becomes the valid verdict.

    Args:
        project: The study.
        crop_id: A crop of ``find_conflicts``.
        verdict: What holds from now on.
        reviewer: Who settles it.
        species: The species, if one is given.
        note: A note, if one is given.
        together: Whether both whom the conflict is between have agreed; only then may one of them settle it.

    Raises:
        AnomalureError: If there is no such conflict any more, the reviewer has no name, or is a party to it alone.
    """
    if not reviewer:
        raise AnomalureError("To settle a conflict, give your name in the bar on the left.")
    given = project.store.verdicts(with_second=True)
    first = _first_verdicts(given)
    rows = first[first["crop_id"] == crop_id]
    if rows.empty:
        raise AnomalureError(f"There is no verdict on crop {crop_id} to settle.")
    open_ones = find_conflicts(given)
    parties = open_ones[open_ones["crop_id"] == crop_id]
    if parties.empty:
        raise AnomalureError("It is settled already, or the two agree meanwhile.")
    if is_party(parties.to_dict("records"), reviewer):
        if not together:
            raise AnomalureError("You gave one of the two verdicts. Let somebody else settle it, or agree on it first.")
        names = dict.fromkeys([*parties["first_reviewer"], *parties["second_reviewer"]])
        note = f"Agreed by {' and '.join(name or 'somebody' for name in names)}. {note}".strip()
    crop = rows.iloc[0].drop(labels=["verdict", "species", "note", "reviewer"])
    (saved,) = project.save_verdicts(
        [crop], verdict, reviewer=reviewer, species=species, note=note, round=Round.SETTLED
    )
    return saved


def _is_of(verdicts: pd.DataFrame, reviewer: str) -> "pd.Series[bool]":
    return (verdicts["reviewer"].map(name_key) == name_key(reviewer)).astype(bool)


def _spell_alike(given: pd.DataFrame) -> pd.DataFrame:
    """The verdicts with one spelling of each reviewer's name, the last that was used."""
    names = {name_key(name): name for name in given["reviewer"].unique()}
    return given.assign(reviewer=given["reviewer"].map(lambda name: names[name_key(name)]))


def _first_verdicts(given: pd.DataFrame) -> pd.DataFrame:
    """The verdict of the first round that holds for each crop, less those taken back."""
    return take_latest(given, rounds=(Round.FIRST,))


def _second_verdicts(given: pd.DataFrame) -> pd.DataFrame:
    """The latest second verdict of each reviewer on each crop, less those taken back."""
    return take_latest(given, by=("crop_id", "reviewer"), rounds=(Round.SECOND,))
