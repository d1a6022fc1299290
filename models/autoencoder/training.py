"""Trains an autoencoder on crops, as encoders are trained: with checkpoints, held-out events and a curve."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.disk.files import write_whole
from core.settings.training import TrainingSettings
from models.autoencoder.pictures import SHEET, draw_sheet
from models.contrastive.crops import EncoderCrops
from models.contrastive.training import BEST, TrainedEncoder, Trainer, TrainingStep, check_enough
from models.encoders.autoencoders import Autoencoder, check_sizes, map_errors, pack_autoencoder
from models.encoders.spec import EncoderSpec
from models.engines.allocator import keep_freed_memory
from models.engines.device import choose_device, send

SHOWN = 8
"""Crops on the sheet that the page shows while the training is running."""
DRAW_EVERY_S = 2.0
AT_ONCE = 256
MOST_MEASURED = 2_000
USUAL_SHARE = 0.95


def train_autoencoder(
    crops: EncoderCrops,
    folder: Path,
    *,
    method: str,
    settings: TrainingSettings,
    device: str = "auto",
    should_stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[TrainingStep], None] = lambda step: None,
) -> TrainedEncoder:
    """Train an autoencoder from random weights, or resume the training whose checkpoint is in ``folder``.

    ``folder`` gets the checkpoint, as ``best.safetensors`` the best epoch, and as ``reconstructions.png`` some held-out
    crops beside what is put together again. The loss is the mean squared difference of pixels from 0 to 1.

    Args:
        crops: Normal crops. Some of their events are held out, by which the best epoch is chosen.
        folder: An existing folder.
        method: ``autoencoder_dense`` or ``autoencoder_conv``.
        settings: Size of the crops, bottleneck, length and learning.
        device: As ``choose_device``.
        should_stop: Called after each step.
        on_step: Called after each step with the progress.

    Raises:
        AnomalureError: If there are too few crops, or a size does not fit.
        Cancelled: If ``should_stop`` returned true; call again to resume.
        OSError: If the disk is full; the last checkpoint is kept.
    """
    check_sizes(method, input_px=settings.image_px, bottleneck=settings.bottleneck)
    check_enough(crops)
    keep_freed_memory()
    torch.set_flush_denormal(True)  # numbers next to zero are ten times as slow and change nothing
    start = EncoderSpec(backbone=method, weights="none", input_px=settings.image_px)
    work = AutoencoderTrainer(
        crops, folder, start=start, method=method, settings=settings, device=choose_device(device)
    )
    work.restore()
    work.learn(should_stop=should_stop, on_step=on_step)
    return work.result()


class AutoencoderTrainer(Trainer):
    """One training of an autoencoder in memory. Use ``train_autoencoder``; only benches take single steps."""

    learner: Autoencoder
    _drawn = -math.inf

    def _build_learner(self) -> Autoencoder:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            return Autoencoder(self.method, input_px=self.settings.image_px, bottleneck=self.settings.bottleneck)

    def _compute_loss(self, rows: np.ndarray, generator: torch.Generator, *, choice: str = "") -> torch.Tensor:
        pictures = self._fit(rows) if choice else self._vary(rows, generator)  # choice: to measure, not to learn
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            _, rebuilt = self.learner.reconstruct(pictures)
        return torch.nn.functional.mse_loss(rebuilt.float(), pictures)

    def _see(self, rows: np.ndarray, generator: torch.Generator, *, twice: bool = False) -> torch.Tensor:
        return self._vary(rows, generator)

    def _read(self, rows: np.ndarray) -> torch.Tensor:
        squares = send(torch.from_numpy(self.crops.squares[rows]), self.device)
        return squares.permute(0, 3, 1, 2).float() / 255  # (n, 3, s, s)

    def _fit(self, rows: np.ndarray) -> torch.Tensor:
        """Whole crops as they are scored, 0 to 1, ``(n, 3, px, px)``."""
        return self._shrink(self._read(rows))

    def _vary(self, rows: np.ndarray, generator: torch.Generator) -> torch.Tensor:
        """Crops cut a little smaller and mirrored at random: the batch alike in size and place, each in its mirror."""
        pictures = self._read(rows)
        side, px = pictures.shape[2], self.settings.image_px
        cut = int(torch.randint(px, side + 1, (), generator=generator))
        across, down = (int(torch.randint(0, side - cut + 1, (), generator=generator)) for _ in range(2))
        pictures = self._shrink(pictures[:, :, down : down + cut, across : across + cut])
        mirrored = send(torch.rand(len(rows), generator=generator) < 0.5, self.device)
        return torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)

    def _shrink(self, pictures: torch.Tensor) -> torch.Tensor:
        px = self.settings.image_px
        if pictures.shape[2] == px:
            return pictures
        return torch.nn.functional.interpolate(pictures, (px, px), mode="bilinear", antialias=True)

    def _end_epoch(self, losses: list[torch.Tensor], *, rate: float) -> None:
        super()._end_epoch(losses, rate=rate)
        now = time.monotonic()
        if now - self._drawn >= DRAW_EVERY_S or self.epoch == self.settings.epochs:
            self._drawn = now
            self._draw()

    @torch.no_grad()
    def _draw(self) -> None:
        """The same few crops each time, held-out ones if there are."""
        rows = self.held_rows if len(self.held_rows) >= SHOWN else self.learnt_rows
        pictures = self._fit(rows[np.linspace(0, len(rows) - 1, min(SHOWN, len(rows))).astype(int)])
        self.learner.eval()
        _, rebuilt = self.learner.reconstruct(pictures)
        errors = map_errors(pictures, rebuilt)
        sheet = draw_sheet(pictures.cpu().numpy(), rebuilt.cpu().numpy(), errors.cpu().numpy(), limit=self._limit())
        write_whole(self.folder / SHEET, sheet)

    @torch.no_grad()
    def _limit(self) -> float:
        """95% of the cells of held-out crops have a smaller error."""
        rows = (self.held_rows if len(self.held_rows) else self.learnt_rows)[:MOST_MEASURED]
        self.learner.eval()
        errors = []
        for start in range(0, len(rows), AT_ONCE):
            pictures = self._fit(rows[start : start + AT_ONCE])
            _, rebuilt = self.learner.reconstruct(pictures)
            errors.append(map_errors(pictures, rebuilt).float().cpu().numpy())
        return float(np.quantile(np.concatenate(errors), USUAL_SHARE))

    def _keep_best(self) -> None:
        self.learner.limit = self._limit()
        write_whole(self.folder / BEST, pack_autoencoder(self.learner), durable=True)

    def result(self) -> TrainedEncoder:
        """The result."""
        return replace(super().result(), start="random weights")
