"""The records that the parts of the program exchange: photos, boxes, detections, crops, verdicts."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # commands read their options before numpy is needed
    import numpy as np


class CropKind(StrEnum):
    """What a crop shows: one detection, or the whole frame of a photo without any."""

    DETECTION = "detection"
    FRAME = "frame"


class Decision(StrEnum):
    """What a reviewer decides about a crop."""

    ANOMALY = "anomaly"
    NORMAL = "normal"
    UNSURE = "unsure"


class Round(StrEnum):
    """In which round of review a verdict was given.

    A ``second`` verdict is given without seeing the first, to measure how well reviewers agree. It never changes which
    verdict holds. A ``settled`` verdict decides between a first and a second that differ, and holds like any other.
    """

    FIRST = "first"
    SECOND = "second"
    SETTLED = "settled"


class JudgedBy(StrEnum):
    """What a crop was scored by; shown wherever its score is shown."""

    SPECIES_MODEL = "species model"
    UNSEEN_SPECIES = "unseen species"
    CAMERA_MODEL = "camera model"
    OWN_FRAMES = "own frames of this run"
    FIRST_LOOK = "first look"
    BACKGROUND_MODEL = "background model"


NOTHING = "nothing"
"""The species of a crop on which there is no animal, such as a stump or leaves."""
NO_ANIMAL = "no animal"
"""The guess that there is no animal on a crop."""
PERSON = "person"
"""The species of a crop that shows people or their vehicles."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright photo; x, y is its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Photo:
    """One file (Camtrap DP: media).

    ``photo_id`` is the hash of the file's content, ``file_name`` is relative to the run's folder with forward
    slashes, ``captured_at`` is the camera's local time without a zone, sizes are those of the upright picture.
    ``note`` says what a reader should know ("truncated: the lower part is grey"), or is empty.
    """

    photo_id: str
    file_name: str
    deployment: str
    width_px: int
    height_px: int
    size_bytes: int
    captured_at: datetime | None = None
    camera_make: str = ""
    camera_model: str = ""
    camera_serial: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class LoadedPhoto:
    """A photo with its pixels: RGB, uint8, upright, ``(height, width, 3)``.

    If ``shrink`` is more than 1, they are a reduced picture (``core.photos.reduction``): each stands for ``shrink``
    pixels of the photo each way. ``content`` is then the file, so that it can be decoded larger; else it is empty.
    """

    photo: Photo
    pixels: "np.ndarray"
    shrink: int = 1
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Detection:
    """A box with the class that the detector gives it; confidence is 0 to 1."""

    box: Box
    detector_class: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a detector found in one photo, most confident first.

    ``n_over_limit`` counts the boxes that passed the confidence and overlap tests but not the limit on their
    number, so that none is dropped silently.
    """

    detections: tuple[Detection, ...]
    n_over_limit: int = 0


@dataclass(frozen=True, slots=True)
class Crop:
    """What is scored: a detection with a margin, or a whole frame (box = the frame, class empty, confidence 0)."""

    crop_id: str
    photo_id: str
    kind: CropKind
    box: Box
    detector_class: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class HeatMap:
    """How far each patch of a whole frame is from the nearest normal patch of its camera.

    ``distances`` are float16, shape ``(h, w)``, from the upper left; higher is more anomalous. ``bank_id`` names the
    normal patches. ``limit``: in 95% of normal frames, the largest distance is below this.
    """

    distances: "np.ndarray"
    bank_id: str
    limit: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be used, at which step ("read", "detect", ...) and why, in a plain sentence."""

    file_name: str
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reviewer's decision about a crop, with what was shown at that time. Verdicts are only ever appended.

    ``given_to`` is the id of the group that was named as a whole; it is empty if the reviewer looked at this crop.
    """

    verdict_id: str
    photo_id: str
    crop_id: str
    kind: CropKind
    box: Box
    verdict: Decision | None  # None takes the crop's earlier verdict back
    decided_at: datetime
    reviewer: str = ""
    species: str = ""
    note: str = ""
    run: str = ""
    bundle: str = ""
    score: float | None = None
    p_value: float | None = None
    false_alarm_rate: float | None = None
    round: Round = Round.FIRST
    given_to: str = ""


def hash_content(content: bytes) -> str:
    """The ``photo_id`` of a file: 128 bits of BLAKE2b as 32 hex digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def name_crops(photo_id: str, boxes: Sequence[Box | None]) -> list[str]:
    """The ``crop_id`` of each box of one photo (``None``: the whole frame), 20 hex digits.

    The same photo and box, rounded to whole pixels, have the same id in every run. Boxes of one photo that are
    equal are told apart by their order.
    """
    seen: dict[str, int] = {}
    ids = []
    for box in boxes:
        place = "frame" if box is None else f"{box.x:.0f},{box.y:.0f},{box.width:.0f},{box.height:.0f}"
        nth = seen[place] = seen.get(place, -1) + 1
        ids.append(hashlib.blake2b(f"{photo_id}:{place}:{nth}".encode(), digest_size=10).hexdigest())
    return ids


LONGEST_NAME = 60


LONGEST_SPECIES = 200
JOINERS = "\u200c\u200d"
"""Signs that nobody sees, and that Persian and Indian words and many emoji are spelled with."""
# Letters and marks that are drawn as nothing at all, beside those of the categories Cc and Cf.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def drop_hidden_signs(text: str) -> str:
    """The text without signs that nobody sees, such as a terminal's escapes or marks that turn the order of letters.

    Joiners stay, and so do blanks and the ends of lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        sign
        for sign in text
        if sign.isspace() or sign in JOINERS or not (unicodedata.category(sign) in ("Cc", "Cf") or sign in _FILLERS)
    )


def tidy_name(name: str) -> str:
    """A reviewer's name as it is kept: in one form of Unicode, without hidden signs and spare blanks, not too long."""
    return tidy_species(name)[:LONGEST_NAME].rstrip()


def tidy_species(name: str) -> str:
    """The name of a species as it is kept: in one form of Unicode, without hidden signs and blanks to spare."""
    tidy = " ".join(drop_hidden_signs(unicodedata.normalize("NFC", name)).split())
    return tidy if tidy.strip(f"{JOINERS} ") else ""


def name_key(name: str) -> str:
    """What is equal for two spellings of one reviewer's name: ``Zoë`` typed on two systems, or ``ada`` and ``Ada``."""
    return unicodedata.normalize("NFC", tidy_name(name).casefold())


def is_whole(text: str) -> bool:
    """Whether a text can be written down: half of a surrogate pair, left by a cut within an emoji, cannot."""
    return not any(unicodedata.category(sign) == "Cs" for sign in text)
