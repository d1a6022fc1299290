"""The settings of an encoder's training, each defined once, as core/settings/run.py does for a run."""

from dataclasses import dataclass

from core.settings.run import Setting, Settings, list_settings, setting

AUTOENCODERS = ("autoencoder_dense", "autoencoder_conv")
METHODS = ("none", "simclr", "triplet", *AUTOENCODERS)
"""How an encoder is trained: not at all, by views of the same crop, by species, or to put crops together again."""
AUTOENCODER_DEFAULTS = {"image_px": 64, "epochs": 30, "learning_rate": 0.001}
"""Where an autoencoder's training differs from that of other encoders unless somebody says otherwise."""
CONTRASTIVE_ONLY = [
    "projection_hidden",
    "projection_size",
    "temperature",
    "triplet_margin",
    "triplet_choice",
    "smallest_cut",
    "colour_strength",
    "grey_share",
    "blur_share",
]
AUTOENCODER_ONLY = ("bottleneck",)
SIDE_STEP_PX, MOST_DENSE_PX = 16, 128
"""An autoencoder's crops are halved four times. A dense layer has a weight for every pixel: 50 million at 256 px."""
SCORED_BY = ("one_class", "reconstruction", "worst_part")
"""What crops are scored by: the one-class model of their species, or an autoencoder's error of the whole crop or of its
worst part."""
FRAMES = ("embedding", "patches")
"""What whole frames are scored by: the embedding of the whole frame, or its most unusual patch."""
BOXES_FROM = ("detector", "labels")
"""Whose boxes a bundle is trained on: the detector's, if there is one, or those of the labels alone."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """The settings of one training. Every value is checked when the object is made and never changes afterwards."""

    image_px: int = setting(
        128,
        group="Length",
        label="Crop size",
        unit="px",
        low=32,
        high=512,
        help="Side of the square crops that the encoder sees, in training and later. Twice the size takes four times "
        "as long.",
    )
    epochs: int = setting(
        10,
        group="Length",
        label="Epochs",
        low=1,
        high=10_000,
        help="How many times the training goes through all crops. The epoch that is best on held-out crops is kept.",
    )
    batch_crops: int = setting(
        64,
        group="Length",
        label="Crops per batch",
        low=2,
        high=4096,
        help="How many crops are compared with each other at once. Larger batches are better for SimCLR and need more "
        "memory.",
    )
    learning_rate: float = setting(
        0.0003,
        group="Learning",
        label="Learning rate",
        low=1e-7,
        high=1.0,
        help="The size of each training step. If it is too high, the loss jumps or grows. From scratch it can be ten "
        "times higher.",
    )
    schedule: str = setting(
        "cosine",
        group="Learning",
        label="Schedule",
        choices=("cosine", "constant"),
        help="cosine: the learning rate falls to zero towards the end. constant: it stays the same.",
    )
    warmup_share: float = setting(
        0.05,
        group="Learning",
        label="Warm-up",
        unit="of the steps",
        low=0.0,
        high=0.5,
        help="The learning rate rises from zero during this share of the training.",
    )
    weight_decay: float = setting(
        0.01,
        group="Learning",
        label="Weight decay",
        low=0.0,
        high=1.0,
        help="Keeps the weights small, which reduces overfitting to single crops.",
    )
    seed: int = setting(
        7, group="Learning", label="Seed", low=0, high=2_000_000_000, help="The same seed gives the same training."
    )
    held_out_share: float = setting(
        0.15,
        group="Learning",
        label="Held out",
        unit="of the crops",
        low=0.0,
        high=0.5,
        help="Share of crops, in whole events, that is not used for training but to choose the best epoch. 0: the "
        "last epoch is kept.",
    )
    species_balance: float = setting(
        1.0,
        group="Learning",
        label="Balance of species",
        low=0.0,
        high=1.0,
        help="1: every species is shown equally often, however few crops it has. 0: as often as it was photographed.",
    )
    bottleneck: int = setting(
        64,
        group="Learning",
        label="Bottleneck (autoencoder)",
        low=2,
        high=4096,
        help="How many numbers an autoencoder squeezes a crop to. With fewer it puts only the commonest together "
        "again; with many also what it has never seen.",
    )
    projection_hidden: int = setting(
        512,
        group="Comparison",
        label="Projection head: hidden layer",
        low=8,
        high=8192,
        help="Size of the hidden layer of the projection head, which is used only in training.",
    )
    projection_size: int = setting(
        128,
        group="Comparison",
        label="Projection head: output",
        low=2,
        high=4096,
        help="Length of the vectors that are compared. A bundle uses the features before the projection head.",
    )
    temperature: float = setting(
        0.2,
        group="Comparison",
        label="Temperature (SimCLR)",
        low=0.01,
        high=10.0,
        help="With a lower temperature, the most similar other crops count for more.",
    )
    triplet_margin: float = setting(
        0.3,
        group="Comparison",
        label="Margin (triplet)",
        low=0.0,
        high=2.0,
        help="How much nearer a crop of the same species must be than a crop of another species. Distances go from 0 "
        "to 2.",
    )
    triplet_choice: str = setting(
        "all",
        group="Comparison",
        label="Triplets",
        choices=("all", "hardest"),
        help="all: every triplet of the batch that violates the margin. hardest: only the worst one for each crop, "
        "which trains faster but suffers more from wrong labels.",
    )
    smallest_cut: float = setting(
        0.4,
        group="Views",
        label="Smallest random cut",
        unit="of the crop's area",
        low=0.05,
        high=1.0,
        help="Each view shows a random part of the crop, at least this large.",
    )
    colour_strength: float = setting(
        0.5,
        group="Views",
        label="Colour changes",
        low=0.0,
        high=1.0,
        help="How much brightness, contrast, saturation and hue vary between views. With strong changes the encoder "
        "learns to ignore coat colours.",
    )
    grey_share: float = setting(
        0.2,
        group="Views",
        label="Greyscale views",
        low=0.0,
        high=1.0,
        help="Share of views without colour, like photos taken at night.",
    )
    blur_share: float = setting(
        0.3,
        group="Views",
        label="Blurred views",
        low=0.0,
        high=1.0,
        help="Share of blurred views, like animals that move or are far away.",
    )
    precision: str = setting(
        "auto",
        group="Running",
        label="Precision",
        choices=("auto", "bf16", "f32"),
        help="auto: half precision (bfloat16) if a short trial shows that it is faster on this computer.",
    )


TRAINING_SETTINGS: tuple[Setting, ...] = list_settings(TrainingSettings)


def explain_side(image_px: int, method: str) -> str:
    """Why an autoencoder cannot take crops of this size, in a sentence; empty if it can."""
    if image_px % SIDE_STEP_PX:
        fitting = max(SIDE_STEP_PX * 2, round(image_px / SIDE_STEP_PX) * SIDE_STEP_PX)
        return (
            f"An autoencoder takes crops whose side is a multiple of {SIDE_STEP_PX} px, got {image_px} px. "
            f"Use {fitting} px."
        )
    if method == AUTOENCODERS[0] and image_px > MOST_DENSE_PX:
        return (
            f"A dense autoencoder takes crops of at most {MOST_DENSE_PX} px, because it has weights for every pixel; "
            f"got {image_px} px. Use smaller crops, or {AUTOENCODERS[1]}."
        )
    return ""
