"""Trains a heat-map model on squares that are made anew in a folder's photos, one photo at a time.

First the sides: whether a boundary between two pixels is a side, from many boundaries of each photo. Then the places:
which of the squares that the search finds likely is one, from many of them in each photo. A photo that is known to
carry a square already is learned with both.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from core.errors import AnomalureError, PhotoUnreadable
from core.settings.localize import LocalizeSettings
from core.squares.square import Square, SquareSettings
from core.work.trainings import CurvePoint
from models.contrastive.checkpoints import CHECKPOINT, read_checkpoint, write_checkpoint
from models.localize.edges import sample_boundaries
from models.localize.heat_map import HeatMapModel, HeatMapNet
from models.localize.photos import PhotoSet, make_example
from models.localize.places import list_radii

LEAST_PHOTOS = 2
LEAST_CALIBRATED, CALIBRATED_EVERY, MOST_NORMAL = 10, 5, 200
"""From so many normal photos on, every fifth is kept aside to say what stands out in normal ones, at most 200."""
SIDE_RATE, PLACE_RATE, MOST_NORM = 1e-2, 5e-3, 1.0
SHARE_OF_RADII = 0.3
"""Of the sizes of squares so many are looked for in a step, which costs a third of all."""
PLACE_ROUNDS, SAME_OVERLAP = 10, 0.3
"""The places of all photos are learned from so often; those that overlap another square of the photo are no mistake."""
SHARE_WRAPPED = 0.5
"""In so many made squares values over white begin again at 0, as other makers do it; ours never writes such ones."""
REPEATS = 2
"""The boundaries of a photo are learned from so often, because to read it takes longer."""
CHECKPOINT_EVERY = 25
SMOOTH = 10


@dataclass
class Training:
    """What a training reports: the photos that it could not use, and its curve."""

    failures: dict[str, str] = field(default_factory=dict)
    curve: list[CurvePoint] = field(default_factory=list)


@contextmanager
def one_thread() -> Iterator[None]:
    """Learn in one thread: its steps are too small to share, and the same seed makes the same model everywhere."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def train_heat_map(
    photos: PhotoSet,
    settings: LocalizeSettings,
    *,
    into: Training | None = None,
    folder: Path | None = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> HeatMapModel:
    """Learn where photos with made squares are odd.

    Args:
        photos: At least two; squares that they are known to carry are learned, too.
        settings: Steps, and the squares to make.
        into: Gets the curve (epoch 0 to 1 are the sides, 1 to 2 the places) and the photos that cannot be used.
        folder: For the checkpoint, from which a training that was stopped goes on; None: without.
        on_step: Called with the steps done and all of them; may raise to stop.

    Raises:
        AnomalureError: If there are too few photos that can be used, or the loss is no number.

    Source: the squares and their measure are those of the subtle anomalies described in the README; the model is ours.
    """
    into = into or Training()
    learn, held_out = _hold_out(photos)
    with one_thread():
        net = _train(learn, settings, into, folder, on_step)
        model = HeatMapModel(net, settings, np.empty(0), len(photos))
        return replace(model, normal_scores=_score_normal(model, held_out, into))


def _hold_out(photos: PhotoSet) -> tuple[PhotoSet, PhotoSet]:
    """Photos to learn from, and normal ones for the p-values; none if there are few, or if they carry squares."""
    if len(photos) < LEAST_CALIBRATED or any(square is not None for square in photos.squares):
        return photos, photos.take([])
    numbers = np.arange(len(photos))
    held_out = numbers[::CALIBRATED_EVERY][:MOST_NORMAL]
    return photos.take(list(np.setdiff1d(numbers, held_out))), photos.take(list(held_out))


def _train(
    photos: PhotoSet,
    settings: LocalizeSettings,
    into: Training,
    folder: Path | None,
    on_step: Callable[[int, int], None],
) -> HeatMapNet:
    torch.manual_seed(settings.localize_seed)
    net = HeatMapNet()
    n_sides, n_places = settings.side_steps, settings.side_steps + settings.place_steps

    def follow(done: int) -> None:
        on_step(done, n_places + PLACE_ROUNDS)

    _learn_sides(net, photos, settings, into, folder, follow)
    examples = []
    for step, image, squares in _draw_examples(photos, settings, into, begin=n_sides, end=n_places):
        rng = np.random.default_rng([settings.localize_seed, step, 1])
        examples.append(_describe_example(net, image, squares, rng))
        follow(step + 1)
    net.places.measure_usual(torch.cat([features[::7].float() for features, _, _ in examples]))
    optimizer = torch.optim.Adam(net.places.parameters(), lr=PLACE_RATE)
    rng = np.random.default_rng(settings.localize_seed)
    for done in range(PLACE_ROUNDS):
        losses = []
        for nth, number in enumerate(rng.permutation(len(examples))):
            _set_rate(optimizer, PLACE_RATE * _warm_and_cool((done + nth / len(examples)) / PLACE_ROUNDS))
            error = _judge_places(net, *examples[number])
            losses.append(_descend(net.places, optimizer, error, step=n_places + done))
        into.curve.append(CurvePoint(epoch=1 + (done + 1) / PLACE_ROUNDS, loss=float(np.mean(losses))))
        follow(n_places + done + 1)
    return net.eval()


def _learn_sides(
    net: HeatMapNet,
    photos: PhotoSet,
    settings: LocalizeSettings,
    into: Training,
    folder: Path | None,
    on_step: Callable[[int], None],
) -> None:
    """The first part, the longer one; with a folder it goes on from the last checkpoint."""
    optimizer = torch.optim.Adam(net.parameters(), lr=SIDE_RATE)
    checkpoint = folder / CHECKPOINT if folder is not None else None
    state = read_checkpoint(checkpoint, learner=net, optimizer=optimizer) if checkpoint else None
    if state:
        into.curve[:] = [CurvePoint(epoch=point[0], loss=point[1]) for point in state["curve"]]
    of, losses = settings.side_steps, []
    begin = int(state["step"]) if state else 0
    for step, image, squares in _draw_examples(photos, settings, into, begin=begin, end=of):
        _set_rate(optimizer, SIDE_RATE * _warm_and_cool(step / of))
        seen, classes = sample_boundaries(image, squares, np.random.default_rng([settings.localize_seed, step, 1]))
        for _ in range(REPEATS):
            loss = _descend(net.edges, optimizer, _judge_sides(net, seen, classes), step=step)
        losses.append(loss)
        if len(losses) == SMOOTH or step + 1 == of:
            into.curve.append(CurvePoint(epoch=(step + 1) / of, loss=float(np.mean(losses))))
            losses.clear()
        on_step(step + 1)
        if checkpoint and ((step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == of):
            curve = [(point.epoch, point.loss) for point in into.curve]
            write_checkpoint(checkpoint, learner=net, optimizer=optimizer, state={"step": step + 1, "curve": curve})


def _descend(part: torch.nn.Module, optimizer: torch.optim.Optimizer, error: torch.Tensor, *, step: int) -> float:
    """Learn from one error, and give it."""
    loss = float(error.detach())
    if not math.isfinite(loss):
        raise AnomalureError(
            f"The training failed at step {step + 1}: the loss is {loss}, not a number. Try another seed."
        )
    optimizer.zero_grad(set_to_none=True)
    error.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(part.parameters(), MOST_NORM)
    optimizer.step()
    return loss


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _score_normal(model: HeatMapModel, photos: PhotoSet, into: Training) -> np.ndarray:
    """How clearly something stands out in photos that were not learned from, ascending."""
    scores = []
    for number, name in enumerate(photos.file_names):
        try:
            scores.append(model.look_at(photos.read(number)[0]).score)
        except PhotoUnreadable as failure:
            into.failures[name] = str(failure)
    return np.sort(scores)


def _draw_examples(
    photos: PhotoSet, settings: LocalizeSettings, into: Training, *, begin: int, end: int
) -> Iterator[tuple[int, np.ndarray, list[Square]]]:
    """For each step a random photo with a square made in it, and all squares that it carries then."""
    squares = SquareSettings(
        least_r=settings.least_r,
        most_r=settings.most_r,
        least_ratio=settings.least_ratio,
        most_ratio=settings.most_ratio,
    )
    for step in range(begin, end):
        rng = np.random.default_rng([settings.localize_seed, step])
        while True:
            if len(photos) - len(into.failures) < LEAST_PHOTOS:
                first = next(iter(into.failures.items()), None)
                raise AnomalureError(
                    f"A heat-map model needs {LEAST_PHOTOS} photos or more that can be used; {photos.folder} has "
                    f"{len(photos) - len(into.failures)}." + (f" {first[0]}: {first[1]}" if first else "")
                )
            number = int(rng.integers(len(photos)))
            name = photos.file_names[number]
            if name in into.failures:
                continue
            try:
                scaled, carried = photos.read(number)
            except PhotoUnreadable as failure:
                into.failures[name] = str(failure)
                continue
            image, made = make_example(scaled.pixels, squares, rng, wraps=rng.random() < SHARE_WRAPPED)
            yield step, image, [made, *([carried] if carried else [])]
            break


def _judge_sides(net: HeatMapNet, seen: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    logits = net.edges(seen)[:, :, 0, 0]
    return F.cross_entropy(torch.cat([torch.zeros(len(seen), 1), logits], 1), classes)


def _describe_example(
    net: HeatMapNet, image: np.ndarray, squares: list[Square], rng: np.random.Generator
) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """Likely places of a third of the sizes: features ``(n, 4, d)``, and for each square which are it, and which count.

    The squares themselves are always among the places.
    """
    radii = [
        r
        for r in list_radii(*image.shape[:2])
        if rng.random() < SHARE_OF_RADII or any(abs(r - square.r) <= 1 for square in squares)
    ]
    with torch.no_grad():
        places, features = net.describe(image, radii, squares)
        same = [places.are(square) for square in squares]
        overlaps = [places.overlap(square) > SAME_OVERLAP for square in squares]
    counted = []
    for number, own in enumerate(same):
        of_others = [overlap for other, overlap in enumerate(overlaps) if other != number]
        counted.append(own | ~torch.stack([torch.zeros_like(own), *of_others]).any(0))
    return features.half(), same, counted


def _judge_places(
    net: HeatMapNet, features: torch.Tensor, same: list[torch.Tensor], counted: list[torch.Tensor]
) -> torch.Tensor:
    """How unlikely the true places are among those that count, in nats, the mean of the squares."""
    scores = net.places(features.float())
    return torch.stack(
        [scores[one].logsumexp(0) - scores[own].logsumexp(0) for own, one in zip(same, counted, strict=True)]
    ).mean()


def _warm_and_cool(share: float) -> float:
    """The learning rate over a part of the training: up for a tenth, then down along a cosine."""
    return 0.1 + 9 * share if share < 0.1 else 0.5 * (1 + math.cos(math.pi * (share - 0.1) / 0.9))
