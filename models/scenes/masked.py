"""The masked model: each class is predicted from the other classes, and from the camera, the hour and the season.

One network with a straight way (a logistic regression for each class on all others) and a hidden layer beside it. It is
trained on scenes with one class left out, so that it never sees the class that it predicts: exactly the sum of
log p(class | the others) over all classes, the pseudo-likelihood. If one class was put into an ordinary scene at
random, the one with the lowest odds given the others is the likeliest; if one was taken out at random, the absent one
with the highest odds.

Source of the objective: Besag, "Statistical analysis of non-lattice data", The Statistician 1975.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from core.scenes.scene_set import SceneSet, list_pairs
from models.scenes.model import CHUNK_SCENES, FitSettings, SceneModel, base_log_odds, check_loss

HIDDEN = 96
EPOCHS, LEAST_STEPS = 12, 300
BATCH = 1_024
LEARNING_RATE = 5e-3
PRIOR = 4.0
"""Strength of the pull of all weights to 0: as much as this many scenes say against a weight of 1."""
FORGET_CONTEXT = 0.1
"""So often the camera, or the time, of a scene is hidden in training, so that new cameras and unknown times fit."""
DAYS_A_YEAR, HOURS_A_DAY = 365.25, 24.0
N_CYCLES = 2


@dataclass(frozen=True, eq=False)
class Masked(SceneModel):
    """``straight`` and ``inner`` lead from classes, cameras, hour and season (d in all) to k classes, or to h units."""

    label: ClassVar[str] = "Masked model"
    about: ClassVar[str] = "Predicts each class from the others, and from the camera, the hour and the season."
    shapes: ClassVar[Mapping[str, str]] = {"straight": "dk", "base": "k", "inner": "dh", "offset": "h", "outer": "hk"}
    uses_context: ClassVar[bool] = True

    straight: np.ndarray  # (d, k)
    base: np.ndarray  # (k,)
    inner: np.ndarray  # (d, h)
    offset: np.ndarray  # (h,)
    outer: np.ndarray  # (h, k)
    several_of: np.ndarray  # (k,)
    known_cameras: tuple[str, ...]

    @property
    def cameras(self) -> tuple[str, ...]:
        """See ``SceneModel.cameras``."""
        return self.known_cameras

    @classmethod
    def fit(cls, scenes: SceneSet, settings: FitSettings) -> "Masked":
        """See ``SceneModel.fit``."""
        import torch

        cameras = tuple(sorted({camera for camera in scenes.cameras if camera}))
        k = len(scenes.classes)
        features = describe_scenes(scenes, cameras)
        d = features.shape[1]
        examples = _list_examples(scenes)
        generator = torch.Generator().manual_seed(settings.seed)
        rng = np.random.default_rng(settings.seed)
        base = torch.from_numpy(base_log_odds(scenes).astype(np.float32)).requires_grad_()
        straight = torch.zeros((d, k), requires_grad=True)
        inner = (torch.randn((d, HIDDEN), generator=generator) * (2 / d) ** 0.5).requires_grad_()
        offset = torch.zeros(HIDDEN, requires_grad=True)
        outer = (torch.randn((HIDDEN, k), generator=generator) * 0.1 * HIDDEN**-0.5).requires_grad_()
        free, drawn_to_0 = [base, offset], [straight, inner, outer]
        groups: list[dict[str, Any]] = [{"params": free}, {"params": drawn_to_0, "weight_decay": PRIOR / len(examples)}]
        optimiser = torch.optim.Adam(groups, lr=LEARNING_RATE, fused=True)
        per_epoch = -(-len(examples) // BATCH)
        total = max(EPOCHS * per_epoch, LEAST_STEPS)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=total)
        for step in range(total):
            at = step % per_epoch * BATCH
            if at == 0:
                rng.shuffle(examples)
            asked = examples[at : at + BATCH]
            x, is_asked, is_there = map(torch.from_numpy, _hide(features, asked, scenes.several_of, rng))
            logits = x @ straight + base + torch.relu(x @ inner + offset) @ outer  # (batch, k)
            # The slope of the summed cross-entropy, written down: half of the time of a step.
            optimiser.zero_grad()
            logits.backward((torch.sigmoid(logits.detach()) - is_there) * is_asked / len(x))
            optimiser.step()
            schedule.step()
            if at == 0 or step == total - 1:
                check_loss(float(logits.detach().sum()))
                settings.on_step(step + 1, total)
        learned = {"straight": straight, "base": base, "inner": inner, "offset": offset, "outer": outer}
        arrays = {name: part.detach().numpy() for name, part in learned.items()}
        return cls(**arrays, several_of=scenes.several_of, known_cameras=cameras)

    def predict(self, scenes: SceneSet) -> np.ndarray:
        """See ``SceneModel.predict``."""
        log_odds = np.empty((len(scenes), len(self.base)), dtype=np.float32)
        features = describe_scenes(scenes, self.known_cameras)
        for start in range(0, len(scenes), CHUNK_SCENES):
            chunk = slice(start, start + CHUNK_SCENES)
            log_odds[chunk] = self._predict(features[chunk], scenes.present[chunk])
        return log_odds

    def _predict(self, features: sparse.csr_array, present: sparse.csr_array) -> np.ndarray:
        reached = features @ self.inner + self.offset  # (n, h)
        straight = features @ self.straight + self.base  # (n, k)
        log_odds = straight + np.maximum(reached, 0) @ self.outer  # (n, k)
        # What is there is predicted without itself: its own part is taken away again, and that of "2 or more" of it.
        rows, columns = list_pairs(present)
        without = reached[rows] - self.inner[columns]  # (pairs, h)
        direct = straight[rows, columns] - self.straight[columns, columns]
        ones = self.several_of[columns]  # of which class a pair says "2 or more"; -1 for most
        several = np.flatnonzero(ones >= 0)
        place = rows.astype(np.int64) * len(self.base)
        pairs, wanted = place + columns, (place + ones)[several]
        several = several[np.isin(wanted, pairs)]  # in an experiment "2 or more" may stand alone
        of_one = np.searchsorted(pairs, (place + ones)[several])
        without[of_one] -= self.inner[columns[several]]
        direct[of_one] -= self.straight[columns[several], ones[several]]
        log_odds[rows, columns] = direct + (np.maximum(without, 0) * self.outer.T[columns]).sum(axis=1)
        return log_odds

    def to_arrays(self) -> dict[str, np.ndarray]:
        """See ``SceneModel.to_arrays``."""
        return {name: getattr(self, name) for name in self.shapes}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], *, several_of: np.ndarray, cameras: tuple[str, ...]
    ) -> "Masked":
        """See ``SceneModel.from_arrays``."""
        d, k = arrays["straight"].shape
        expected = k + len(cameras) + 4 * N_CYCLES
        if d != expected:
            raise ValueError(
                f"straight must have {expected} rows for its {k} classes and {len(cameras)} cameras, got {d}"
            )
        return cls(**{name: arrays[name] for name in cls.shapes}, several_of=several_of, known_cameras=cameras)


def describe_scenes(scenes: SceneSet, cameras: Sequence[str]) -> sparse.csr_array:
    """What the masked model sees of scenes: float32, sparse, shape ``(n, k + len(cameras) + 8)``.

    The classes, the camera as one of those known (none of them for a new one), and hour and season each as two cycles
    of sine and cosine, which are 0 if unknown.
    """
    n = len(scenes)
    index = {camera: i for i, camera in enumerate(cameras)}
    places = np.array([index.get(camera, -1) for camera in scenes.cameras], dtype=int)
    known = np.flatnonzero(places >= 0)
    at = sparse.csr_array(
        (np.ones(len(known), dtype=np.float32), (known, places[known])), shape=(n, len(cameras)), dtype=np.float32
    )
    waves = []
    for values, length in ((scenes.hours, HOURS_A_DAY), (scenes.days, DAYS_A_YEAR)):
        for cycle in range(1, N_CYCLES + 1):
            turn = 2 * np.pi * cycle * values / length
            waves += [np.nan_to_num(np.sin(turn)), np.nan_to_num(np.cos(turn))]
    times = sparse.csr_array(np.stack(waves, axis=1).astype(np.float32))
    return sparse.csr_array(sparse.hstack([scenes.present.astype(np.float32), at, times], format="csr"))


def _list_examples(scenes: SceneSet) -> np.ndarray:
    """What the model is asked: each scene as it is (class -1), and each of its classes left out, shape ``(m, 2)``."""
    rows, columns = list_pairs(scenes.present)
    whole = np.stack([np.arange(len(scenes)), np.full(len(scenes), -1)], axis=1)
    return np.concatenate([whole, np.stack([rows, columns], axis=1)])


def _hide(
    features: sparse.csr_array, examples: np.ndarray, several_of: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The features without the class that is asked, which classes are asked, and whether these are there.

    A whole scene asks for all classes that it has not; a scene without one of its classes asks for that one.
    """
    k = len(several_of)
    x = features[examples[:, 0]].toarray()  # (batch, d)
    out = np.flatnonzero(examples[:, 1] >= 0)
    column = examples[out, 1]
    is_there = np.zeros((len(x), k), dtype=np.float32)
    is_asked = 1 - x[:, :k]
    is_asked[out] = 0
    is_asked[out, column] = 1
    is_there[out, column] = 1
    x[out, column] = 0
    for more in np.flatnonzero(several_of >= 0):
        x[out[column == several_of[more]], more] = 0
        # Several of a species that is not there are not asked for.
        is_asked[:, more] *= (x[:, several_of[more]] > 0) | (is_there[:, more] > 0)
    n_times = 4 * N_CYCLES
    if x.shape[1] > k + n_times:
        x[rng.random(len(x)) < FORGET_CONTEXT, k:-n_times] = 0
    x[rng.random(len(x)) < FORGET_CONTEXT, -n_times:] = 0
    return x, is_asked.astype(np.float32), is_there


MODEL = Masked
