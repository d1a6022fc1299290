"""Trains an encoder on crops with SimCLR or triplets. A training can be resumed, and its best epoch is kept."""

import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors.torch
import torch

from core.disk.files import write_whole
from core.errors import AnomalureError
from core.settings.training import TrainingSettings
from core.work.meter import Cancelled
from core.work.trainings import CurvePoint
from models.contrastive.augmentations import Augmenter
from models.contrastive.checkpoints import CHECKPOINT, read_checkpoint, write_checkpoint
from models.contrastive.crops import EncoderCrops, hold_out_events
from models.contrastive.projection_head import Learner, build_learner
from models.contrastive.sampler import CropSampler
from models.contrastive.simclr import compute_nt_xent
from models.contrastive.triplet import compute_triplet_loss
from models.encoders.spec import EncoderSpec
from models.engines.allocator import keep_freed_memory
from models.engines.device import choose_device, cpu_has_bf16, send

log = logging.getLogger(__name__)

BEST = "best.safetensors"
CONTRASTIVE = ("simclr", "triplet")
LEAST_CROPS = 8
LEAST_HELD_OUT = 4
TOGETHER = 4
"""Crops of each species in a batch of triplets, so that each crop has three positives."""
CHECKPOINT_EVERY_S = 120.0
POINT_EVERY_S = 1.0
MOST_POINTS_AN_EPOCH = 40
LONGEST_STEP = 5.0
"""The gradient is clipped to this norm, so that one batch of odd crops cannot ruin a good network."""
TRIAL_STEPS, TRIAL_CROPS = 2, 4  # some networks are ten times slower in half precision


@dataclass(frozen=True, kw_only=True)
class TrainedEncoder:
    """The result of a training.

    Attributes:
        spec: The encoder; its weights are a file in the training's folder.
        method: ``simclr`` or ``triplet``.
        start: The weights it started from, in words.
        best_epoch: The epoch that was kept, from 1.
        epochs: Number of epochs.
        held_out_loss: Loss of the kept epoch on the held-out crops; None if nothing was held out.
        first_held_out_loss: The same before the first step.
        n_learnt: Crops that the encoder was trained on.
        n_held_out: Crops that were held out.
        precision: ``f32`` or ``bf16``.
        device: The device that computed.
        seconds: How long it took.
        held_out_events: The events that were held out.
    """

    spec: EncoderSpec
    method: str
    start: str
    best_epoch: int
    epochs: int
    held_out_loss: float | None
    first_held_out_loss: float | None
    n_learnt: int
    n_held_out: int
    precision: str
    device: str
    seconds: float
    held_out_events: tuple[str, ...] = ()

    def to_values(self) -> dict[str, Any]:
        """Fit for JSON."""
        return {**asdict(self), "spec": self.spec.to_values(), "held_out_events": list(self.held_out_events)}


@dataclass(frozen=True, kw_only=True)
class TrainingStep:
    """Progress of an encoder's training, in crops over all epochs."""

    done: int
    total: int
    crops_per_s: float
    seconds_left: float | None
    epoch: int
    epochs: int
    curve: list[CurvePoint]


def train_encoder(
    crops: EncoderCrops,
    folder: Path,
    *,
    start: EncoderSpec,
    method: str,
    settings: TrainingSettings | None = None,
    device: str = "auto",
    should_stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[TrainingStep], None] = lambda step: None,
) -> TrainedEncoder:
    """Train an encoder, or resume the training whose checkpoint is in ``folder``.

    ``folder`` gets the checkpoint and, as ``best.safetensors``, the weights of the best epoch. To use it on its own:
    ``load_encoder(train_encoder(EncoderCrops.of(...), folder, start=spec, method="simclr").spec)``.

    Args:
        crops: The crops to train on. Some of their events are held out, by which the best epoch is chosen.
        folder: An existing folder for checkpoints and weights.
        start: The encoder to start from; its weights ``none`` start from scratch.
        method: ``simclr`` or ``triplet``.
        settings: Settings of the training; the encoder gets their ``image_px``.
        device: As ``choose_device``.
        should_stop: Called after each step.
        on_step: Called after each step with the progress.

    Raises:
        AnomalureError: If there are too few crops or species, or the encoder to start from cannot be loaded.
        Cancelled: If ``should_stop`` returned true; call again to resume.
        OSError: If the disk is full; the last checkpoint is kept.
    """
    settings = settings or TrainingSettings()
    _check(crops, start=start, method=method)
    keep_freed_memory()
    torch.set_flush_denormal(True)  # numbers next to zero are ten times as slow and change nothing
    work = Trainer(crops, folder, start=start, method=method, settings=settings, device=choose_device(device))
    work.restore()
    work.learn(should_stop=should_stop, on_step=on_step)
    return work.result()


def _check(crops: EncoderCrops, *, start: EncoderSpec, method: str) -> None:
    if method not in CONTRASTIVE:
        raise AnomalureError(f"An encoder is trained with {' or '.join(CONTRASTIVE)}, got {method!r}.")
    if start.detector:
        raise AnomalureError(
            f"The features of a detector ({start.detector}) cannot be trained; choose a backbone, such as mobilenet_v2."
        )
    counts = check_enough(crops)
    if method == "triplet" and len(crops.count()) < 2:
        raise AnomalureError(
            f"Triplets compare species, so two are needed, got {counts}. Label another species, or use simclr."
        )


def check_enough(crops: EncoderCrops) -> str:
    """How many crops of each species there are, in words.

    Raises:
        AnomalureError: If they are too few to train on and to hold some out.
    """
    counts = ", ".join(f"{name}: {n}" for name, n in crops.count().items()) or "none"
    if len(crops.species) < LEAST_CROPS or len(set(crops.events)) < 2:
        raise AnomalureError(
            f"At least {LEAST_CROPS} crops of two events are needed to train an encoder, got {len(crops.species)} of "
            f"{len(set(crops.events))} ({counts}). Label more photos, or use the encoder as it is (method none)."
        )
    return counts


class Trainer:
    """One training in memory. Use ``train_encoder``; only benches take single steps."""

    def __init__(
        self,
        crops: EncoderCrops,
        folder: Path,
        *,
        start: EncoderSpec,
        method: str,
        settings: TrainingSettings,
        device: torch.device,
    ) -> None:
        self.crops, self.folder, self.start, self.method = crops, folder, start, method
        self.settings, self.device = settings, device
        held = hold_out_events(crops.species, crops.events, share=settings.held_out_share, seed=settings.seed)
        kinds_held = {crops.species[i] for i in np.flatnonzero(held)}
        if held.sum() < LEAST_HELD_OUT or (method == "triplet" and len(kinds_held) < 2):
            held[:] = False
        self.learnt_rows, self.held_rows = np.flatnonzero(~held), np.flatnonzero(held)
        self.augmenter = Augmenter.of(settings)
        self.species_of = torch.from_numpy(np.unique(np.array(crops.species), return_inverse=True)[1])
        self.event_of = torch.from_numpy(np.unique(np.array(crops.events), return_inverse=True)[1])
        self.learner = self._build_learner()
        self.learner.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.learner.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.sampler = self._make_sampler(self.learnt_rows)
        self.epoch = self.step = 0
        self.best_epoch, self.best_loss = 0, math.inf
        self.first_loss: float | None = None
        self.curve: list[CurvePoint] = []
        self.seconds = 0.0
        self.precision = settings.precision

    def _build_learner(self) -> torch.nn.Module:
        return build_learner(
            self.start,
            hidden=self.settings.projection_hidden,
            projected=self.settings.projection_size,
            image_px=self.settings.image_px,
            seed=self.settings.seed,
        )

    def _make_sampler(self, rows: np.ndarray) -> CropSampler:
        together = TOGETHER if self.method == "triplet" else 1
        batch = self.settings.batch_crops
        return CropSampler(
            [self.crops.species[i] for i in rows],
            batch_crops=max(batch, 2 * together),
            balance=self.settings.species_balance,
            seed=self.settings.seed,
            together=together,
        )

    # Checkpoints

    def restore(self) -> None:
        """Resume from the checkpoint in the folder, if any; else choose the precision and measure the starting loss."""
        path = self.folder / CHECKPOINT
        state = read_checkpoint(path, learner=self.learner, optimizer=self.optimizer)
        if state is None:
            if self.precision == "auto":
                self.precision = self._choose_precision()
            self.first_loss = self._measure_held_out()
            return
        # Of settings that are newer than the checkpoint, the training had the default.
        if TrainingSettings.from_values(state["settings"]) != self.settings or state["method"] != self.method:
            raise AnomalureError(
                f"The training in {self.folder} has other settings. Resume it with these, or choose another name."
            )
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
        self.best_epoch, self.first_loss, self.precision = state["best_epoch"], state["first_loss"], state["precision"]
        self.best_loss = math.inf if state["best_loss"] is None else state["best_loss"]
        self.curve = [CurvePoint(**point) for point in state["curve"]]

    def save(self) -> None:
        """Write a checkpoint."""
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
            "first_loss": self.first_loss,
            "precision": self.precision,
            "method": self.method,
            "settings": self.settings.to_values(),
            "curve": [asdict(point) for point in self.curve],
        }
        write_checkpoint(self.folder / CHECKPOINT, learner=self.learner, optimizer=self.optimizer, state=state)

    def _choose_precision(self) -> str:
        """Half precision if a few steps are faster with it."""
        if self.device.type == "cuda":
            return "bf16"
        if self.device.type != "cpu" or not cpu_has_bf16():
            return "f32"
        learner = copy.deepcopy(self.learner).train()
        rows = self.learnt_rows[self.sampler.deal_epoch(0)[0]][:TRIAL_CROPS]
        views = self._see(rows, torch.Generator().manual_seed(0))
        spent = {}
        for precision in ("f32", "bf16"):
            times = []
            for _ in range(TRIAL_STEPS):
                began = time.perf_counter()
                with torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16"):
                    vectors = learner(views)
                vectors.square().sum().backward()
                times.append(time.perf_counter() - began)
            spent[precision] = min(times)
        return min(spent, key=spent.__getitem__)

    # Learning

    def learn(self, *, should_stop: Callable[[], bool], on_step: Callable[[TrainingStep], None]) -> None:
        """Train the epochs that are left."""
        epochs, n_batches = self.settings.epochs, self.sampler.n_batches
        n_steps = epochs * n_batches
        began, saved, drawn = time.monotonic(), time.monotonic(), -math.inf
        before, first_step = self.seconds, self.epoch * n_batches + self.step
        while self.epoch < epochs:
            self.learner.train()
            batches = self.sampler.deal_epoch(self.epoch)
            losses: list[torch.Tensor] = []
            for batch in batches[self.step :]:
                at = self.epoch * n_batches + self.step
                losses.append(self.take_step(self.learnt_rows[batch], at=at, n_steps=n_steps))
                self.step += 1
                now = time.monotonic()
                self.seconds = before + now - began
                rate = (at + 1 - first_step) * self.sampler.batch_crops / max(now - began, 1e-9)
                every = max(1, n_batches // MOST_POINTS_AN_EPOCH)
                if self.step < n_batches and self.step % every == 0:
                    self._note(float(torch.stack(losses).mean()), at + 1, rate=rate)
                    losses = []
                if now - drawn >= POINT_EVERY_S:
                    drawn = now
                    on_step(self._describe(at + 1, n_steps, rate))
                if now - saved > CHECKPOINT_EVERY_S and self.step < n_batches:
                    self.save()
                    saved = now
                if self.step < n_batches and should_stop():
                    self.save()
                    on_step(self._describe(at + 1, n_steps, rate))
                    raise Cancelled
            self._end_epoch(losses, rate=rate)
            saved = time.monotonic()
            self.seconds = before + saved - began
            on_step(self._describe(self.epoch * n_batches, n_steps, rate))
            if self.epoch < epochs and should_stop():
                raise Cancelled

    def _end_epoch(self, losses: list[torch.Tensor], *, rate: float) -> None:
        held_out = self._measure_held_out()
        n_batches = self.sampler.n_batches
        mean = float(torch.stack(losses).mean())
        if not math.isfinite(mean):
            raise AnomalureError(
                f"The loss is no longer a number in epoch {self.epoch + 1}. Start again with a lower learning rate "
                f"than {self.settings.learning_rate:g}."
            )
        self.epoch, self.step = self.epoch + 1, 0
        self._note(mean, self.epoch * n_batches, rate=rate, held_out=held_out)
        if held_out is None or held_out < self.best_loss:
            self.best_epoch, self.best_loss = self.epoch, math.inf if held_out is None else held_out
            self._keep_best()
        self.save()

    def _keep_best(self) -> None:
        backbone = cast(Learner, self.learner).backbone
        weights = {key: value.detach().cpu().contiguous() for key, value in backbone.state_dict().items()}
        about = {"backbone": self.start.backbone, "input_px": str(self.settings.image_px), "method": self.method}
        write_whole(self.folder / BEST, safetensors.torch.save(weights, metadata=about), durable=True)

    def take_step(self, rows: np.ndarray, *, at: int, n_steps: int) -> torch.Tensor:
        """Take step ``at`` of ``n_steps`` on the crops of these rows, and return the loss, still on its device."""
        rate = compute_learning_rate(at, n_steps, settings=self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + at)
        loss = self._compute_loss(rows, generator)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learner.parameters(), LONGEST_STEP)
        self.optimizer.step()
        return loss.detach()

    def _compute_loss(self, rows: np.ndarray, generator: torch.Generator, *, choice: str = "") -> torch.Tensor:
        twice = self.method == "simclr"
        views = self._see(rows, generator, twice=twice)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            vectors = self.learner(views)
        if twice:
            groups = send(self.event_of[rows], self.device)
            return compute_nt_xent(vectors, temperature=self.settings.temperature, groups=groups)
        species = send(self.species_of[rows], self.device)
        return compute_triplet_loss(
            vectors, species, margin=self.settings.triplet_margin, choice=choice or self.settings.triplet_choice
        )

    def _see(self, rows: np.ndarray, generator: torch.Generator, *, twice: bool = False) -> torch.Tensor:
        squares = send(torch.from_numpy(self.crops.squares[rows]), self.device)
        return self.augmenter.make_views(torch.cat([squares, squares]) if twice else squares, generator)

    @torch.no_grad()
    def _measure_held_out(self) -> float | None:
        """The mean loss on the held-out crops, with the same views every time."""
        if not len(self.held_rows):
            return None
        self.learner.eval()
        losses = []
        for number, batch in enumerate(self._make_sampler(self.held_rows).deal_epoch(0)):
            generator = torch.Generator().manual_seed(number)
            losses.append(float(self._compute_loss(self.held_rows[batch], generator, choice="mean")))
        return sum(losses) / len(losses)

    # Progress and result

    def _note(self, loss: float, at: int, *, rate: float, held_out: float | None = None) -> None:
        self.curve.append(
            CurvePoint(
                epoch=at / self.sampler.n_batches,
                loss=loss,
                held_out=held_out,
                learning_rate=self.optimizer.param_groups[0]["lr"],
                crops_per_s=rate,
            )
        )

    def _describe(self, at: int, n_steps: int, rate: float) -> TrainingStep:
        each = self.sampler.batch_crops
        return TrainingStep(
            done=at * each,
            total=n_steps * each,
            crops_per_s=rate,
            seconds_left=(n_steps - at) * each / rate if rate > 0 else None,
            epoch=min(at // self.sampler.n_batches + 1, self.settings.epochs),
            epochs=self.settings.epochs,
            curve=list(self.curve),
        )

    def result(self) -> TrainedEncoder:
        """The result."""
        spec = replace(self.start, weights=str((self.folder / BEST).absolute()), input_px=self.settings.image_px)
        return TrainedEncoder(
            spec=spec,
            method=self.method,
            start=self.start.name,
            best_epoch=self.best_epoch,
            epochs=self.settings.epochs,
            held_out_loss=self.best_loss if math.isfinite(self.best_loss) else None,
            first_held_out_loss=self.first_loss,
            n_learnt=len(self.learnt_rows),
            n_held_out=len(self.held_rows),
            precision=self.precision,
            device=self.device.type,
            seconds=self.seconds,
            held_out_events=tuple(sorted({self.crops.events[i] for i in self.held_rows})),
        )


def compute_learning_rate(at: int, n_steps: int, *, settings: TrainingSettings) -> float:
    """The learning rate of step ``at``, from 0, of ``n_steps``: rising during the warm-up, then as scheduled."""
    warm = settings.warmup_share * n_steps
    if at < warm:
        return settings.learning_rate * (at + 1) / (warm + 1)
    if settings.schedule == "constant":
        return settings.learning_rate
    share = (at - warm) / max(n_steps - warm, 1)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
