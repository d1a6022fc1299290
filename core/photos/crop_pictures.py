"""Where the small pictures of crops are: named by their content, spread over folders."""

import os
import re
from pathlib import Path

from core.disk.files import replace_file, temporary_beside

CROP_ID = re.compile(r"[0-9a-f]{20}")


def place_crop_picture(crops_dir: Path, crop_id: str) -> Path:
    """The file of a crop's picture; the first two digits are its folder, so that no folder grows too large.

    Raises:
        ValueError: If the id has another form, so that an invented one never becomes a path.
    """
    if not CROP_ID.fullmatch(crop_id):
        raise ValueError(f"a crop id has 20 hex digits, got {crop_id!r}")
    return crops_dir / crop_id[:2] / f"{crop_id}.jpg"


def save_crop_picture(crops_dir: Path, crop_id: str, jpeg: bytes) -> None:
    """Save a crop's picture, over an earlier one."""
    path = place_crop_picture(crops_dir, crop_id)
    temporary = temporary_beside(path)
    try:
        temporary.write_bytes(jpeg)
    except FileNotFoundError:
        os.makedirs(path.parent, exist_ok=True)
        temporary.write_bytes(jpeg)
    replace_file(temporary, path)
