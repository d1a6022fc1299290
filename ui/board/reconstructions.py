"""What the autoencoder of a run's bundle makes of a crop, worked out when somebody looks at it. Knows no Streamlit."""

import base64
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.disk.bounded import MEGA, read_bounded
from core.errors import AnomalureError
from core.photos.decoding import decode_photo
from core.runs.folder import RunFolder
from core.settings.training import AUTOENCODERS
from core.study.project import Project
from ui.board.rows import LEAST_LIMIT

if TYPE_CHECKING:
    from models.autoencoder.looking import Reconstructor

BUNDLES_KEPT, ANSWERS_KEPT = 2, 500
MOST_CROP_BYTES, MOST_CROP_MEGAPIXELS = 20 * MEGA, 20.0
NOTHING: dict[str, Any] = {"heat": None, "words": ""}


def can_reconstruct(run: RunFolder) -> bool:
    """Whether the bundle of a run has an autoencoder."""
    return bool(run.info.bundle) and any(spec.get("backbone") in AUTOENCODERS for spec in run.info.encoders)


def show_reconstruction(project: Project, run: RunFolder, crop_id: str) -> dict[str, Any]:
    """The errors of a crop as its heat map, with ``original`` and ``rebuilt`` as addresses of pictures.

    ``heat`` is null if the run's bundle has no autoencoder, or it or the crop's picture is gone.
    """
    if not can_reconstruct(run):
        return NOTHING
    path = project.crop_path(crop_id)
    if path is None or not path.is_file():
        return NOTHING
    try:
        return _look(project.bundles_dir / run.info.bundle, path)
    except (AnomalureError, OSError) as error:
        return {**NOTHING, "words": str(error)}


def read_crop(picture: Path) -> np.ndarray:
    """The pixels of a crop's kept picture, RGB, uint8, shape ``(height, width, 3)``.

    Raises:
        AnomalureError: If it is no picture, or too large for one of a crop.
        OSError: If it cannot be read.
    """
    content = read_bounded(picture, most_bytes=MOST_CROP_BYTES)
    return decode_photo(content, max_megapixels=MOST_CROP_MEGAPIXELS).pixels


@lru_cache(maxsize=ANSWERS_KEPT)  # the picture of a crop and a bundle never change
def _look(bundle: Path, picture: Path) -> dict[str, Any]:
    known = _open(bundle)
    if known is None:
        return NOTHING
    found = known.reconstruct(read_crop(picture))
    height, width = found.errors.shape
    shares = found.errors.astype(float).ravel() / max(found.limit, LEAST_LIMIT)
    odd = "Bright: put together worse than 95% of the places in normal crops. Dark: as usual, or outside of the crop."
    usual = "Nothing here is put together worse than usual in normal crops. The brightest part is the worst."
    return {
        "heat": {"height": height, "width": width, "shares": shares.round(3).tolist()},
        "words": odd if shares.max() > 1 else usual,
        "original": _as_address(found.original),
        "rebuilt": _as_address(found.rebuilt),
        "error": f"They differ by {found.error:.0f} of 255 grey levels.",
    }


@lru_cache(maxsize=BUNDLES_KEPT)
def _open(bundle: Path) -> "Reconstructor | None":
    from models.autoencoder.looking import Reconstructor  # imports torch, which takes seconds

    return Reconstructor.of(bundle)


def _as_address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
