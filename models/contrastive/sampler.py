"""Chooses the crops of each training batch. Rare species can come as often as common ones; the order is seeded."""

from collections.abc import Sequence

import numpy as np


class CropSampler:
    """Puts crops into batches, epoch by epoch. In an epoch no crop comes twice before all others of its species."""

    def __init__(
        self, species: Sequence[str], *, batch_crops: int, balance: float, seed: int, together: int = 1
    ) -> None:
        """Plan the batches.

        Args:
            species: Species of each crop, shape ``(n,)``.
            batch_crops: Crops per batch, >= 1; fewer if there are fewer crops in all.
            balance: 0: a species comes in proportion to its number of crops; 1: all come equally often; between: in
                proportion to the number of crops to the power of ``1 - balance``.
            seed: Seed of the order. The batches of an epoch depend on the seed and the epoch alone.
            together: So many crops of one species are in a batch together (for triplets). If a species has fewer crops,
                some come twice, in different views.
        """
        if not len(species):
            raise ValueError("a sampler needs at least one crop, got none")
        if not 0 <= balance <= 1:
            raise ValueError(f"balance must be from 0 to 1, got {balance}")
        self.species = np.unique(np.asarray(species, dtype=object))
        self._members = [np.flatnonzero(np.asarray(species, dtype=object) == name) for name in self.species]
        counts = np.array([len(members) for members in self._members], dtype=float)
        self.shares = counts ** (1 - balance) / (counts ** (1 - balance)).sum()
        self._batch = min(batch_crops, len(species)) if together == 1 else batch_crops
        self._together = together
        self._seed = seed
        self.n_batches = max(1, round(len(species) / self._batch))

    @property
    def batch_crops(self) -> int:
        """Number of crops per batch."""
        return self._batch // self._together * self._together

    def deal_epoch(self, epoch: int) -> list[np.ndarray]:
        """The batches of one epoch, ``n_batches`` arrays of indices of shape ``(batch_crops,)``."""
        rng = np.random.default_rng((self._seed, epoch))
        n_draws = self.n_batches * (self._batch // self._together)
        drawn = self._draw_species(n_draws, rng)
        queues = [self._queue(i, int((drawn == i).sum()) * self._together, epoch) for i in range(len(self.species))]
        order: list[np.ndarray] = []
        used = [0] * len(self.species)
        for i in drawn:
            order.append(queues[i][used[i] : used[i] + self._together])
            used[i] += self._together
        return np.split(np.concatenate(order), self.n_batches)

    def _draw_species(self, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Numbers of species in random order, each as often as its share says, up to rounding."""
        wanted = self.shares * n_draws
        times = np.floor(wanted).astype(int)
        rest = n_draws - int(times.sum())
        if rest:
            left = wanted - times
            times[rng.choice(len(self.species), rest, replace=False, p=left / left.sum())] += 1
        return rng.permutation(np.repeat(np.arange(len(self.species)), times))

    def _queue(self, i: int, n: int, epoch: int) -> np.ndarray:
        """``n`` crops of a species: all of them in random order, then again in another order."""
        members = self._members[i]
        rng = np.random.default_rng((self._seed, epoch, i))
        rounds = [rng.permutation(members) for _ in range(-(-n // len(members)))]
        return np.concatenate([np.empty(0, dtype=int), *rounds])[:n]
