"""How long a training will take, roughly, before it is started."""

# On two processor cores without a graphics card (bench/README.md); reading the photos is part of it.
PHOTOS_PER_S = 12.0
CROPS_PER_S = 60.0
TRAINED_PER_S = {"simclr": 40.0, "triplet": 40.0, "autoencoder_conv": 300.0, "autoencoder_dense": 500.0}
LOADING_S = 15.0


def estimate_seconds(*, n_photos: int, n_boxes: int, method: str, epochs: int) -> tuple[float, float]:
    """The least and the most that a training probably takes, in seconds, on a computer without a graphics card.

    Args:
        n_photos: Labelled photos.
        n_boxes: Boxes on them.
        method: How the encoder is trained, or ``none``.
        epochs: How often it sees each crop.
    """
    usual = LOADING_S + n_photos / PHOTOS_PER_S + n_boxes / CROPS_PER_S
    if method in TRAINED_PER_S:
        usual += epochs * n_boxes / TRAINED_PER_S[method]
    return usual / 2, usual * 2


def say_estimate(least_s: float, most_s: float) -> str:
    """``about 1 to 4 minutes``, ``about 2 to 8 hours``; ``under a minute``."""
    for unit, seconds in (("hours", 3600), ("minutes", 60)):
        if most_s >= 2 * seconds:
            least, most = max(1, round(least_s / seconds)), round(most_s / seconds)
            return f"about {least:,} to {most:,} {unit}"
    return "under a minute" if most_s < 60 else "about 1 to 2 minutes"
