"""The settings of a detector's training, each defined once, as core/settings/run.py does for a run."""

from dataclasses import dataclass

from core.errors import AnomalureError
from core.settings.run import Setting, Settings, list_settings, setting

STRIDE_PX = 32
"""A YOLO shrinks a picture by this factor, so the sides of the picture must be multiples of it."""


@dataclass(frozen=True, kw_only=True)
class DetectorSettings(Settings):
    """The settings of one detector's training. Every value is checked and never changes afterwards."""

    detector_epochs: int = setting(
        50,
        group="Length",
        label="Epochs",
        low=1,
        high=10_000,
        help="How many times the training goes through all photos. The epoch that is best on held-out photos is kept.",
    )
    detector_image_size: int = setting(
        640,
        group="Length",
        label="Image size",
        unit="px",
        low=64,
        high=2048,
        help="Longest side of the photos as the detector sees them, a multiple of 32. A larger size finds smaller "
        "animals and takes longer.",
    )
    detector_batch: int = setting(
        8,
        group="Length",
        label="Photos per batch",
        low=1,
        high=512,
        help="How many photos are processed at once. Smaller batches need less memory.",
    )
    detector_patience: int = setting(
        20,
        group="Length",
        label="Patience",
        unit="epochs",
        low=1,
        high=10_000,
        help="The training stops after this many epochs without an improvement on the held-out photos.",
    )
    detector_learning_rate: float = setting(
        0.0,
        group="Learning",
        label="Learning rate",
        low=0.0,
        high=1.0,
        help="The size of each training step. 0: Ultralytics chooses it, together with the optimizer.",
    )
    detector_frozen_layers: int = setting(
        0,
        group="Learning",
        label="Frozen layers",
        low=0,
        high=50,
        help="How many of the first layers are not trained. This is faster, and safer with few photos. 10 is the "
        "backbone of a YOLOv8.",
    )
    detector_seed: int = setting(
        0,
        group="Learning",
        label="Seed",
        low=0,
        high=2**31 - 1,
        help="Another seed chooses other held-out events and another order of photos.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.detector_image_size % STRIDE_PX:
            raise AnomalureError(
                f"detector_image_size must be a multiple of {STRIDE_PX} px, got {self.detector_image_size}."
            )


DETECTOR_SETTINGS: tuple[Setting, ...] = list_settings(DetectorSettings)
