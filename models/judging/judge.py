"""Scores crops by the best-fitting of several known classes, each with a one-class model, and gives valid p-values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from core.errors import AnomalureError
from core.records import NOTHING, PERSON
from models.judging.background import Background, NothingRows, fit_background
from models.judging.calibration import (
    N_FOLDS,
    Units,
    assign_folds,
    compute_p_values,
    merge_small_groups,
    score_held_out,
)
from models.judging.normaliser import Normaliser
from models.one_class.methods import DEFAULT, fit_one_class, has_enough
from models.one_class.model import OneClassModel

LEAST_CROPS = 3
LEAST_GROUPS = 2
ENOUGH_HELD_OUT = 19
"""Held-out crops with which a p-value can be 1/20: a class with fewer shares its p-values with other small classes."""
ENOUGH_UNSEEN = 40
"""Crops that a trained encoder has not seen, with which p-values go down to 1 in 41."""
LEAST_FOR_UNITS = 10
NOTHING_OFFSET = 10.0
"""Taken from the scores of crops that show probably no animal, so that they come last in the queue."""
WORST_ERROR = 255.0
"""In grey levels: black where white was."""
NOTHING_GROUPS = {NOTHING: "boxes on nothing", PERSON: "boxes of people"}


@dataclass(frozen=True)
class Judged:
    """The scores of n rows.

    Attributes:
        kinds: The best-fitting class of each row, or ``nothing`` or ``person``; shape ``(n,)``, str.
        scores: In units of the reference group, higher is more anomalous; shape ``(n,)``, finite.
        p_values: Small when anomalous; shape ``(n,)``, over 0 to 1. A higher score never has a larger p-value.
        groups: The name of each row's reference group, shape ``(n,)``, str.
    """

    kinds: np.ndarray
    scores: np.ndarray
    p_values: np.ndarray
    groups: np.ndarray

    @property
    def is_nothing(self) -> np.ndarray:
        """Which rows show probably no animal, shape ``(n,)``, bool: neither odd nor an animal, p-value 1."""
        return np.isin(self.groups, list(NOTHING_GROUPS.values()))


@dataclass(frozen=True)
class Kind:
    """One known species (or camera).

    Attributes:
        name: Of the species.
        model: Its one-class model.
        units: Of its scores.
        group: Number of the group of held-out crops with which crops *taken for* this class are compared.
        held_out: Scores of its *own* held-out crops, in its units, ascending, shape ``(n,)``; for crops
            whose class the detector has named.
    """

    name: str
    model: OneClassModel
    units: Units
    group: int
    held_out: np.ndarray

    @cached_property
    def limits(self) -> Units:
        """As ``Group.units``, among its own held-out crops."""
        return Units.of_reference(self.held_out, least=ENOUGH_HELD_OUT)


@dataclass(frozen=True)
class Group:
    """Ascending scores of the held-out crops that fit one class best, or one of several small classes."""

    name: str
    scores: np.ndarray

    @property
    def least_p_value(self) -> float:
        """The smallest p-value that a crop can get if it is compared with this reference group alone."""
        return 1 / (1 + len(self.scores))

    @cached_property
    def units(self) -> Units:
        """0 is the group's median crop, and 1 its limit: one in twenty normal crops of the group is over it."""
        return Units.of_reference(self.scores, least=ENOUGH_HELD_OUT)


@dataclass(frozen=True)
class Judge:
    """Scores raw embeddings by the class that they fit best.

    With ``one_scale`` scores are in units of their reference group, and p-values count held-out crops of all groups,
    each in units of its own. So one order of all crops agrees with scores, p-values and flags
    (docs/decisions/0016-one-order.md). Bundles of earlier versions go on as they were made: scores in units of the
    class, p-values among the held-out crops of one group.

    With ``error_at`` crops still get the class that they fit best, but are scored by this column of their embedding,
    an autoencoder's error, compared with the errors of held-out crops that were taken for the same class.

    ``left_out`` says which classes have no model, and why. ``background`` tells crops without an animal; None: nothing
    is told apart.
    """

    normaliser: Normaliser
    kinds: tuple[Kind, ...]
    groups: tuple[Group, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    background: Background | None = None
    one_scale: bool = True
    error_at: int | None = None

    @cached_property
    def reference(self) -> np.ndarray:
        """The held-out crops that p-values are counted among, each in units of its own group, ascending."""
        return np.sort(np.concatenate([group.units.standardise(group.scores) for group in self.groups]))

    def list_limits(self) -> list[tuple[str, int, float]]:
        """What crops are compared with: its name, its number of held-out crops, and the smallest p-value."""
        if self.one_scale:
            n = len(self.reference)
            return [(", ".join(group.name for group in self.groups), n, 1 / (1 + n))]
        return [(group.name, len(group.scores), group.least_p_value) for group in self.groups]

    def find_least_p_value(self, kind: Kind) -> float:
        """The smallest p-value of crops that are taken for this class."""
        return 1 / (1 + len(self.reference)) if self.one_scale else self.groups[kind.group].least_p_value

    def judge(self, rows: np.ndarray, *, people: np.ndarray | None = None) -> Judged:
        """Score raw embeddings of shape ``(n, d)``; ``people``, shape ``(n,)``, bool: those detected as a person."""
        names = np.array([kind.name for kind in self.kinds], dtype=object)
        group_names = np.array([group.name for group in self.groups], dtype=object)
        normalised = self.normaliser.transform(rows)
        by_kind = np.empty((len(rows), len(self.kinds)))
        for i, kind in enumerate(self.kinds):
            by_kind[:, i] = kind.units.standardise(kind.model.score_samples(normalised))
        best = by_kind.argmin(axis=1)
        scores = by_kind[np.arange(len(rows)), best]
        background = None if self.background is None else self.background.score(rows)
        if self.error_at is not None:
            scores = read_errors(rows, self.error_at)
        elif self.background is not None and background is not None:
            scores = scores + self.background.pull(background)
        group_of = np.array([kind.group for kind in self.kinds])[best]
        if self.one_scale:
            for i, group in enumerate(self.groups):
                scores[group_of == i] = group.units.standardise(scores[group_of == i])
            p_values = compute_p_values(scores, reference=self.reference)
        else:
            p_values = np.ones(len(rows))
            for i, group in enumerate(self.groups):
                p_values[group_of == i] = compute_p_values(scores[group_of == i], reference=group.scores)
        judged = Judged(names[best], scores, p_values, group_names[group_of])
        if self.background is None or background is None:
            return judged
        people = np.zeros(len(rows), dtype=bool) if people is None else people
        nothing = self.background.is_nothing(background)
        for name, mask in ((NOTHING, nothing & ~people), (PERSON, nothing & people)):
            judged.kinds[mask], judged.groups[mask], judged.p_values[mask] = name, NOTHING_GROUPS[name], 1.0
            judged.scores[mask] -= NOTHING_OFFSET
        return judged

    def judge_as(self, rows: np.ndarray, name: str) -> Judged:
        """Score raw embeddings by one class, whatever else they may fit, for a detector that knows the species.

        They are compared with the held-out crops of all classes, each scored by its own class and in units of it; of a
        class with few held-out crops with these alone, because its units are too coarse for more.

        Raises:
            KeyError: If there is no class of that name.
        """
        kind = {item.name: item for item in self.kinds}[name]
        if self.error_at is not None:
            scores = read_errors(rows, self.error_at)
        else:
            scores = kind.units.standardise(kind.model.score_samples(self.normaliser.transform(rows)))
        if self.background is not None and self.error_at is None:
            scores = scores + self.background.pull(self.background.score(rows))
        same = np.full(len(rows), name, dtype=object)
        if not self.one_scale:
            return Judged(same, scores, compute_p_values(scores, reference=kind.held_out), same)
        enough = [one for one in self.kinds if len(one.held_out) >= ENOUGH_HELD_OUT]
        peers = enough if len(kind.held_out) >= ENOUGH_HELD_OUT else [kind]
        reference = np.concatenate([one.limits.standardise(one.held_out) for one in peers])
        scores = kind.limits.standardise(scores)
        return Judged(same, scores, compute_p_values(scores, reference=reference), same)


def fit_judge(
    rows: np.ndarray,
    kinds: Sequence[str],
    groups: Sequence[str],
    *,
    sections: Sequence[int],
    weights: Sequence[float] = (),
    components: int = 0,
    one_class: str = DEFAULT,
    n_folds: int = N_FOLDS,
    seed: int = 0,
    nothing: NothingRows | None = None,
    unseen: np.ndarray | None = None,
    error_at: int | None = None,
    on_fold: Callable[[int, int], None] = lambda done, total: None,
) -> Judge:
    """Fit a one-class model for each class, and calibrate the scores of crops that get the class they fit best.

    The models of each fold, fitted without the fold's groups, score its crops by *all* classes and take the
    best-fitting one, as in a run. The held-out scores are then grouped by the class that was chosen, not by the true
    one, so that choosing the lowest of many scores does not make p-values too large (or too small).

    Args:
        rows: Raw embeddings, shape ``(n, d)``.
        kinds: The class of each row, shape ``(n,)``.
        groups: The event or photo that each comes from, shape ``(n,)``; never split between folds.
        sections: As ``Normaliser.fit``, like ``weights`` and ``components``; there are fewer components if a
            fold has fewer crops.
        weights: How much each section counts.
        components: Number of principal components to reduce rows to; 0: not reduced.
        one_class: Name of the one-class model. A class with too few crops for it is scored by the distance
            from their mean.
        n_folds: >= 2.
        seed: For the folds and for approximate models.
        nothing: Crops without an animal; if there are enough, they become the background class.
        unseen: Rows that the encoder was not trained on, shape ``(n,)``, bool. A trained encoder knows its own crops
            too well, so only these calibrate the scores, if there are at least ``ENOUGH_UNSEEN``. None: all.
        error_at: The column of the embeddings that crops are scored by, see ``Judge``; None: the one-class models.
        on_fold: Called with the number of fits done and the total.

    Raises:
        AnomalureError: If there are too few crops of every class.

    Source: Vovk, Cross-conformal predictors, 2015; Mondrian categories (Vovk et al., 2005) on the prediction.
    """
    kinds_of, groups_of = np.asarray(kinds, dtype=object), np.asarray(groups, dtype=object)
    names, left_out = _choose_kinds(kinds_of, groups_of)
    if not names:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise AnomalureError(f"There are too few crops to train on. {reasons or 'No crop has a species.'}")
    learnable = np.isin(kinds_of, names)
    rows, kinds_of, groups_of = rows[learnable], kinds_of[learnable], groups_of[learnable]
    calibrates = choose_calibrating(None if unseen is None else np.asarray(unseen)[learnable], len(rows))
    folds = assign_folds(kinds_of.tolist(), groups_of.tolist(), n_folds=n_folds, seed=seed)
    centre = len(names) > 1  # see Normaliser.fit
    n_fits = len(np.unique(folds)) + 1
    done = 0
    least = [
        min(int((kinds_of[folds != fold] == name).sum()) for fold in np.unique(folds)) for name in names
    ]  # a class has the same method in all folds, because scores of different methods cannot be compared
    few = [not has_enough(n, name=one_class) for n in least]
    smallest_fit = min(int((folds != fold).sum()) for fold in np.unique(folds))
    components = min(components, smallest_fit, rows.shape[1])

    def normalise(learn: np.ndarray) -> Normaliser:
        return Normaliser.fit(learn, sections=sections, weights=weights, centre=centre, components=components)

    def fit_and_score(learn: np.ndarray, judged: np.ndarray) -> np.ndarray:
        nonlocal done
        normaliser = normalise(rows[learn])
        learnt, asked = normaliser.transform(rows[learn]), normaliser.transform(rows[judged])
        scores = np.full((len(judged), len(names)), np.inf)  # a class that is only in this fold cannot be chosen
        for i, name in enumerate(names):
            own = learnt[kinds_of[learn] == name]
            if len(own):
                scores[:, i] = fit_one_class(own, name=one_class, few=few[i], seed=seed).score_samples(asked)
        done += 1
        on_fold(done, n_fits)
        return scores

    held_out = score_held_out(len(rows), folds, fit_and_score=fit_and_score)
    units: list[Units] = []
    own_scores: list[np.ndarray] = []
    for i, name in enumerate(names):
        own = held_out[_prefer(kinds_of == name, calibrates, least=LEAST_FOR_UNITS), i]
        units.append(Units.of(own[np.isfinite(own)]))
        held_out[:, i] = units[i].standardise(held_out[:, i])
    background = None
    if nothing is not None and not nothing.explain_too_few(len(names)):
        background, looks = fit_background(
            rows, kinds_of, nothing, folds=folds, groups=groups_of, sections=sections, weights=weights
        )
        held_out += background.pull(looks)[:, None]  # as in a run, so that p-values stay valid
    errors = None if error_at is None else read_errors(rows, error_at)
    for i, name in enumerate(names):
        own_rows = _prefer(kinds_of == name, calibrates, least=LEAST_FOR_UNITS)
        own = held_out[own_rows, i] if errors is None else errors[own_rows]
        own_scores.append(np.sort(own[np.isfinite(own)]))
    held_out = held_out[calibrates]
    chosen = held_out.argmin(axis=1)
    scores = held_out[np.arange(len(held_out)), chosen] if errors is None else errors[calibrates]

    normaliser = normalise(rows)
    normalised = normaliser.transform(rows)
    models = [
        fit_one_class(normalised[kinds_of == name], name=one_class, few=few[i], seed=seed)
        for i, name in enumerate(names)
    ]
    on_fold(n_fits, n_fits)

    shared = merge_small_groups(np.bincount(chosen, minlength=len(names)).tolist(), enough=ENOUGH_HELD_OUT)
    leaders = sorted(set(shared.tolist()))
    calibrated = []
    for leader in leaders:
        members = [name for name, own in zip(names, shared, strict=True) if own == leader]
        calibrated.append(Group(", ".join(members), np.sort(scores[np.isin(chosen, np.flatnonzero(shared == leader))])))
    return Judge(
        normaliser,
        tuple(
            Kind(name, models[i], units[i], leaders.index(int(shared[i])), own_scores[i])
            for i, name in enumerate(names)
        ),
        tuple(calibrated),
        left_out,
        background,
        error_at=error_at,
    )


def read_errors(rows: np.ndarray, column: int) -> np.ndarray:
    """An autoencoder's errors in a column of embeddings, float64, shape ``(n,)``; what is no number is the worst."""
    errors = np.asarray(rows[:, column], dtype=float)
    return np.where(np.isfinite(errors), errors, WORST_ERROR)


def choose_calibrating(unseen: np.ndarray | None, n_rows: int) -> np.ndarray:
    """Which of ``n_rows`` crops calibrate the scores, shape ``(n_rows,)``, bool: the unseen ones if they are enough."""
    if unseen is None or unseen.sum() < ENOUGH_UNSEEN:
        return np.ones(n_rows, dtype=bool)
    return np.asarray(unseen, dtype=bool)


def _prefer(mask: np.ndarray, wanted: np.ndarray, *, least: int) -> np.ndarray:
    """The wanted ones of a mask, or all of it if those are fewer than ``least``."""
    both = mask & wanted
    return both if both.sum() >= least else mask


def _choose_kinds(kinds: np.ndarray, groups: np.ndarray) -> tuple[list[str], dict[str, str]]:
    """The classes with enough crops of enough events to hold some out, and why the others are left out."""
    names, left_out = [], {}
    for name in sorted(set(kinds.tolist())):
        n_crops, n_groups = int((kinds == name).sum()), len(set(groups[kinds == name].tolist()))
        if n_crops >= LEAST_CROPS and n_groups >= LEAST_GROUPS:
            names.append(name)
        else:
            left_out[name] = (
                f"{n_crops} crop{'s' * (n_crops != 1)} of {n_groups} event{'s' * (n_groups != 1)}; "
                f"at least {LEAST_CROPS} crops of {LEAST_GROUPS} events are needed"
            )
    return names, left_out
