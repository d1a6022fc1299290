"""A bundle's training on disk."""

from dataclasses import dataclass

from core.work.folder import Status, WorkFolder


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The loss at one moment; ``epoch`` starts at 0.0 and has fractions, ``held_out`` is None between epochs."""

    epoch: float
    loss: float
    held_out: float | None = None
    learning_rate: float = 0.0
    crops_per_s: float = 0.0


class TrainingFolder(WorkFolder):
    """The folder of a bundle's training. The result is that of its encoder's training."""

    what = "training"
    old_request_file = "training.json"

    @property
    def resume_words(self) -> str:
        """The option of its command."""
        return f"--resume {self.name}"

    def check_replaceable(self) -> None:
        """Raise an AnomalureError if it is under way or can be resumed; a finished training may be replaced."""
        if self.status is not Status.DONE:
            super().check_replaceable()

    @property
    def can_resume(self) -> bool:
        """Whether a checkpoint of the encoder's training is there."""
        return self.status is not Status.DONE and (self.path / "checkpoint.safetensors").is_file()

    def tidy(self) -> None:
        """Remove what is only needed to resume: the crops and the checkpoint."""
        for name in ("checkpoint.safetensors", "crops.u8", "best.safetensors"):
            (self.path / name).unlink(missing_ok=True)
