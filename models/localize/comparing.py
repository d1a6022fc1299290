"""Methods that find a square, measured on photos whose square is known and which they did not learn from."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import AnomalureError, PhotoUnreadable
from core.settings.localize import LocalizeSettings
from core.squares.square import Square, SquareSettings
from models.localize.heat_map import HeatMapModel
from models.localize.methods import CONSTANT, HEAT_MAP, METHODS
from models.localize.photos import PhotoSet, Scaled, check_some, make_example
from models.localize.published import locate, train_published
from models.localize.training import train_heat_map

Finder = Callable[[Scaled, Square], tuple[float, float]]


@dataclass(frozen=True)
class Distances:
    """How far the found centres are from the true ones.

    Attributes:
        shares: Distances as shares of the photo's longer side, shape ``(n,)``.
        within: Whether each distance is at most the square's radius, shape ``(n,)``.
    """

    shares: np.ndarray
    within: np.ndarray

    def summarise(self) -> dict[str, Any]:
        """Mean and median distance, and the share found within r, fit for JSON."""
        return {
            "mean": float(self.shares.mean()),
            "median": float(np.median(self.shares)),
            "within_r": float(self.within.mean()),
            "n": len(self.shares),
        }


def measure_distance(row: float, column: float, square: Square, scaled: Scaled) -> tuple[float, bool]:
    """The distance of a found centre from the true one as a share of the longer side, and whether it is within r."""
    distance = math.hypot(row - square.row, column - square.column)
    return distance / max(scaled.pixels.shape[:2]), distance <= square.r


def join(parts: Sequence[Distances]) -> Distances:
    """The distances of all folds together."""
    return Distances(np.concatenate([one.shares for one in parts]), np.concatenate([one.within for one in parts]))


def split_folds(n: int, n_folds: int, *, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each fold the numbers of the photos to learn from and of those to ask for.

    Raises:
        AnomalureError: If there are fewer photos than folds, or fewer than two folds.
    """
    if not 2 <= n_folds <= n // 2:
        raise AnomalureError(
            f"Photos are divided into 2 folds or more, of 2 photos or more each; got {n_folds} folds and {n} photos."
        )
    order = np.random.default_rng(seed).permutation(n)
    return [(np.sort(np.delete(order, np.s_[fold::n_folds])), np.sort(order[fold::n_folds])) for fold in range(n_folds)]


def make_finder(
    method: str,
    photos: PhotoSet,
    settings: LocalizeSettings,
    *,
    epochs: int = 20,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Finder:
    """Train a method; the finder gives row and column of the centre in a scaled photo.

    Args:
        method: One of ``METHODS``. Those with numbers are told radius and ratio of the square, as they were published.
        photos: With squares.
        epochs: Of the published networks.
    """
    if method == CONSTANT:
        return lambda scaled, square: (scaled.pixels.shape[0] / 2, scaled.pixels.shape[1] / 2)
    if method == HEAT_MAP:
        return find_with(train_heat_map(photos, settings, on_step=on_step))
    net = train_published(method, photos, epochs=epochs, seed=settings.localize_seed, on_step=on_step)
    return lambda scaled, square: locate(net, scaled, square)


def find_with(model: HeatMapModel) -> Finder:
    """The finder of a heat-map model, which is not told the square."""

    def find(scaled: Scaled, square: Square) -> tuple[float, float]:
        found = model.look_at(scaled)
        return found.row / scaled.scale, found.column / scaled.scale

    return find


def measure_carried(
    find: Finder, photos: PhotoSet, *, on_step: Callable[[int, int], None] = lambda done, total: None
) -> Distances:
    """How well the squares are found that the photos carry.

    Raises:
        AnomalureError: If none of them can be read.
    """
    found = []
    for number in range(len(photos)):
        try:
            scaled, square = photos.read(number)
        except PhotoUnreadable:
            continue
        if square is not None:
            found.append(measure_distance(*find(scaled, square), square, scaled))
        on_step(number + 1, len(photos))
    return _gather(found, photos)


def measure_made(
    model: HeatMapModel,
    photos: PhotoSet,
    *,
    seed: int = 0,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Distances:
    """How well squares are found that are made anew in these photos, saturating.

    A photo that carries a square already has two then. Places that overlap the old one are passed over, or it would
    often be found instead.

    Raises:
        AnomalureError: If no photo can be read.
    """
    settings = SquareSettings(
        least_r=model.settings.least_r,
        most_r=model.settings.most_r,
        least_ratio=model.settings.least_ratio,
        most_ratio=model.settings.most_ratio,
    )
    found = []
    for number in range(len(photos)):
        try:
            scaled, carried = photos.read(number)
        except PhotoUnreadable:
            continue
        rng = np.random.default_rng([seed, number])
        image, square = make_example(scaled.pixels, settings, rng)
        again = Scaled(image, scaled.scale, scaled.height_px, scaled.width_px)
        places, scores = model.net.score(image)
        if carried is not None:
            scores[places.overlap(carried).numpy() > 0.2] = -np.inf
        place = model.find(places, scores, again)
        found.append(measure_distance(place.row / scaled.scale, place.column / scaled.scale, square, scaled))
        on_step(number + 1, len(photos))
    return _gather(found, photos)


def cross_validate(
    photos: PhotoSet,
    method: str,
    settings: LocalizeSettings,
    *,
    n_folds: int = 5,
    epochs: int = 20,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Distances:
    """How well a method finds the squares of photos that it did not learn from.

    Raises:
        AnomalureError: If the method is unknown, or there are too few photos.
    """
    if method not in METHODS:
        raise AnomalureError(f"There is no method {method!r}. There are: {', '.join(METHODS)}.")
    check_some(photos, 2 * n_folds, what=f"To measure with {n_folds} folds")
    parts = []
    for number, (learn, ask) in enumerate(split_folds(len(photos), n_folds, seed=settings.localize_seed)):

        def follow(done: int, total: int, number: int = number) -> None:
            on_step(number * 1000 + round(1000 * done / total), n_folds * 1000)

        find = make_finder(method, photos.take(list(learn)), settings, epochs=epochs, on_step=follow)
        parts.append(measure_carried(find, photos.take(list(ask))))
    return join(parts)


def _gather(found: list[tuple[float, bool]], photos: PhotoSet) -> Distances:
    if not found:
        raise AnomalureError(f"No photo with a square in {photos.folder} can be read.")
    shares, within = zip(*found, strict=True)
    return Distances(np.array(shares), np.array(within))
