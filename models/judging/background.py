"""The background class: tells boxes on nothing and on people from animals, also from animals that nobody knows yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from models.judging.normaliser import Normaliser
from models.one_class.scored_rows import pack_arrays

LEAST_CROPS, LEAST_GROUPS = 20, 5
"""Boxes on nothing or on people, and photos or events that they come from, without which there is no such class."""
LEAST_SPECIES = 2
"""A single species cannot show what becomes of a species that the background model has not seen."""
LOST = 0.02
"""A crop is called nothing only if it scores higher than all but this share of the animals of *every* known species,
each scored by a model that never saw the species. So few animals of a new species are called nothing."""
STRENGTH = 10.0
"""Of the ridge. Chosen by the mean and the worst AUROC over each species unknown in turn (docs/decisions/0014)."""
PULL = 0.5
"""What a tenth of the share of animals that look as much like nothing takes from a score, in its units."""


@dataclass(frozen=True)
class Background:
    """A linear model of boxes on nothing and on people against animals. Its score is higher for nothing.

    Attributes:
        normaliser: Brings raw embeddings to a common scale.
        direction: Weight of each normalised column, shape ``(q,)``, float32.
        offset: Added to the weighted sum.
        animals: For each known species, ascending scores of its crops by a model that never saw the species.
        n_nothing: Boxes on nothing that it was trained on.
        n_people: Boxes of people that it was trained on.
    """

    normaliser: Normaliser
    direction: np.ndarray
    offset: float
    animals: Mapping[str, np.ndarray]
    n_nothing: int = 0
    n_people: int = 0

    def score(self, rows: np.ndarray) -> np.ndarray:
        """How much raw embeddings of shape ``(n, d)`` look like nothing: about -1 (an animal) to 1 (nothing)."""
        return (self.normaliser.transform(rows) @ self.direction + self.offset).astype(np.float64)

    def share_of_animals(self, scores: np.ndarray) -> np.ndarray:
        """The share of animals that look at least as much like nothing, of the species where it is largest.

        Shape ``(n,)``, over 0 to 1; small for what is probably nothing.
        """
        shares = [
            (1 + len(own) - np.searchsorted(own, scores, side="left")) / (1 + len(own)) for own in self.animals.values()
        ]
        return np.max(shares, axis=0)

    def pull(self, scores: np.ndarray) -> np.ndarray:
        """What to add to the anomaly scores of crops with these background scores, shape ``(n,)``, at most 0."""
        return PULL * np.log10(self.share_of_animals(scores))

    def is_nothing(self, scores: np.ndarray) -> np.ndarray:
        """Which crops with these scores show probably no animal, shape ``(n,)``, bool."""
        return scores > self.limit

    @property
    def limit(self) -> float:
        """Crops with a higher score show probably no animal."""
        return max(float(np.quantile(own, 1 - LOST)) for own in self.animals.values())

    @property
    def n_animals_lost(self) -> dict[str, int]:
        """How many crops of each species a model that never saw the species would call nothing."""
        return {name: int((own > self.limit).sum()) for name, own in self.animals.items()}

    def to_bytes(self) -> bytes:
        """A safetensors file; the names of the species and the counts are kept elsewhere."""
        arrays = self.normaliser.to_arrays()
        arrays |= {"direction": self.direction, "offset": np.array([self.offset])}
        arrays |= {f"animals-{i:03d}": own for i, own in enumerate(self.animals.values())}
        return pack_arrays(arrays)

    @classmethod
    def from_bytes(cls, content: bytes, *, species: Sequence[str], n_nothing: int, n_people: int) -> "Background":
        """Read what ``to_bytes`` gave.

        Raises:
            ValueError: If it is not such a file, or its arrays do not fit each other.
        """
        try:
            arrays = safetensors.numpy.load(content)
        except (SafetensorError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"it is not a file of a background model ({error})") from error
        normaliser = Normaliser.from_arrays(arrays)
        names = [f"animals-{i:03d}" for i in range(len(species))]
        missing = [name for name in ("direction", "offset", *names) if name not in arrays]
        if missing or not species:
            raise ValueError(f"a background model needs {', '.join(missing) or 'species'}")
        direction = arrays["direction"]
        if direction.shape != (normaliser.width,) or not np.isfinite(direction).all():
            raise ValueError(f"direction must be finite and of shape ({normaliser.width},), got {direction.shape}")
        animals = {name: arrays[key].astype(np.float64) for name, key in zip(species, names, strict=True)}
        if any(own.ndim != 1 or not len(own) or not np.isfinite(own).all() for own in animals.values()):
            raise ValueError("each species of a background model needs finite scores")
        return cls(
            normaliser, direction.astype(np.float32), float(arrays["offset"][0]), animals, int(n_nothing), int(n_people)
        )


@dataclass(frozen=True)
class NothingRows:
    """Crops without an animal, for the background class.

    Attributes:
        rows: Raw embeddings, shape ``(m, d)``.
        groups: The event or photo of each, shape ``(m,)``, str.
        people: Which of them show people, shape ``(m,)``, bool.
    """

    rows: np.ndarray
    groups: np.ndarray
    people: np.ndarray

    def explain_too_few(self, n_species: int) -> str:
        """Why no background class can be trained, in a sentence; empty if it can."""
        n, n_groups = len(self.rows), len(set(self.groups.tolist()))
        if n_species < LEAST_SPECIES:
            return "There is no background class: that needs at least two species, to see that no animal is lost."
        if n < LEAST_CROPS or n_groups < LEAST_GROUPS:
            return (
                f"There is no background class: there are {n} boxes on nothing or on people, of {n_groups} events or "
                f"photos; at least {LEAST_CROPS} of {LEAST_GROUPS} are needed."
            )
        return ""


def fit_background(
    rows: np.ndarray,
    kinds: np.ndarray,
    nothing: NothingRows,
    *,
    folds: np.ndarray,
    groups: np.ndarray,
    sections: Sequence[int],
    weights: Sequence[float] = (),
) -> tuple[Background, np.ndarray]:
    """Learn to tell nothing from animals, and score every animal by a model that was not trained on its fold.

    Args:
        rows: Raw embeddings of animals, shape ``(n, d)``.
        kinds: The species of each, shape ``(n,)``, at least two.
        nothing: Crops without an animal.
        folds: The fold of each animal, shape ``(n,)``.
        groups: The event or photo of each animal, shape ``(n,)``.
        sections: As ``Normaliser.fit``, like ``weights``.
        weights: How much each section counts.

    Returns:
        The model, and the held-out scores of the animals, shape ``(n,)``, for the calibration: their species is known.

    Source: ridge regression (Hoerl and Kennard, 1970) on +1 and -1, both classes weighted alike; one species is left
    out at a time to see what becomes of a species that nobody knows.
    """

    def fit(learn: np.ndarray, kept: np.ndarray) -> Background:
        return _fit_direction(rows[learn], nothing.rows[kept], sections=sections, weights=weights)

    every = np.ones(len(nothing.rows), dtype=bool)
    animals = {
        str(name): np.sort(fit(kinds != name, every).score(rows[kinds == name])) for name in sorted(set(kinds.tolist()))
    }
    held_out = np.empty(len(rows))
    for fold in np.unique(folds):
        own = folds == fold
        # A photo of this fold may show nothing elsewhere: those crops are held out with it.
        kept = ~np.isin(nothing.groups, list(set(groups[own].tolist())))
        held_out[own] = fit(~own, kept if kept.any() else every).score(rows[own])
    model = fit(np.ones(len(rows), dtype=bool), every)
    n_people = int(nothing.people.sum())
    return replace(model, animals=animals, n_nothing=len(nothing.rows) - n_people, n_people=n_people), held_out


def _fit_direction(
    animals: np.ndarray, nothing: np.ndarray, *, sections: Sequence[int], weights: Sequence[float]
) -> Background:
    from sklearn.linear_model import Ridge

    both = np.concatenate([animals, nothing])
    normaliser = Normaliser.fit(both, sections=sections, weights=weights)
    wanted = np.repeat([-1.0, 1.0], [len(animals), len(nothing)])
    counts = np.repeat([len(both) / (2 * len(animals)), len(both) / (2 * len(nothing))], [len(animals), len(nothing)])
    ridge = Ridge(alpha=STRENGTH).fit(normaliser.transform(both), wanted, sample_weight=counts)
    return Background(normaliser, ridge.coef_.astype(np.float32), float(ridge.intercept_), {})
