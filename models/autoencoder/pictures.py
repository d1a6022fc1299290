"""Pictures of what an autoencoder puts together again: originals, reconstructions, and where they differ."""

import io

import numpy as np
from PIL import Image

SHEET = "reconstructions.png"
GAP_PX = 4
FAST = 1
"""Of PNG's levels of compression: pictures are small, and are drawn while others wait."""
LEAST_SHOWN_PX = 96
USUAL_SHARE = 0.5
"""Up to this share of the limit an error is drawn as dark as possible."""
DARKEST = 0.16
LEAST_LIMIT = 1e-6


def draw_sheet(pictures: np.ndarray, rebuilt: np.ndarray, errors: np.ndarray, *, limit: float) -> bytes:
    """A PNG with a column for each crop: the original, the reconstruction, and the original where they differ.

    Args:
        pictures: 0 to 1, shape ``(n, 3, px, px)``, n >= 1.
        rebuilt: The same.
        errors: In grey levels, shape ``(n, h, w)``.
        limit: Errors from here on are drawn as bright as the original.
    """
    rows = [[to_image(one) for one in pictures], [to_image(one) for one in rebuilt]]
    rows.append([light(image, error, limit=limit) for image, error in zip(rows[0], errors, strict=True)])
    side = rows[0][0].width
    sheet = Image.new("RGBA", (len(pictures) * (side + GAP_PX) - GAP_PX, len(rows) * (side + GAP_PX) - GAP_PX))
    for down, row in enumerate(rows):
        for across, image in enumerate(row):
            sheet.paste(image, (across * (side + GAP_PX), down * (side + GAP_PX)))
    return to_png(sheet)


def to_image(picture: np.ndarray) -> Image.Image:
    """A picture ``(3, px, px)``, 0 to 1, large enough to be looked at."""
    levels = np.ascontiguousarray((picture * 255).round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0))
    side = levels.shape[0] * max(1, -(-LEAST_SHOWN_PX // levels.shape[0]))
    return Image.fromarray(levels).resize((side, side), Image.Resampling.BICUBIC)


def light(image: Image.Image, errors: np.ndarray, *, limit: float) -> Image.Image:
    """The image, dark where errors ``(h, w)`` are usual."""
    shares = errors / max(limit, LEAST_LIMIT)
    bright = np.clip((shares - USUAL_SHARE) / (1 - USUAL_SHARE), DARKEST, 1)
    mask = Image.fromarray((255 * bright).astype(np.uint8)).resize(image.size, Image.Resampling.BILINEAR)
    return Image.composite(image, Image.new("RGB", image.size), mask)


def to_png(image: Image.Image) -> bytes:
    """The content of a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=FAST)
    return file.getvalue()
