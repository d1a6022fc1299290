"""Figures in a biologist's words. The texts are plain: whoever puts them into markup must escape them."""

import math
from datetime import datetime, timedelta

from core.records import CropKind, Decision, JudgedBy
from ui.shared.plurals import name_many

DECISION_WORDS = {Decision.ANOMALY: "Anomaly", Decision.NORMAL: "Normal", Decision.UNSURE: "Unsure"}
RARE, USUAL = 0.2, 0.95
TOO_FEW = "too few to judge"
WHOLE_FRAME, DETECTION = "Whole frame", "Detection"


def name_crop(species: str, *, kind: str, detector_class: str) -> str:
    """What a crop is called: its species, else what the detector took it for (``animal``), else ``Whole frame``."""
    return species or (WHOLE_FRAME if kind == CropKind.FRAME else detector_class or DETECTION)


def say_p_value(p_value: float) -> str:
    """``p = 0.004``; two digits, never zero."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def say_rate(p_value: float) -> str:
    """How many of the normal ones look at least this unusual: ``about 1 in 250``, ``about 7 in 10``."""
    if p_value <= RARE:
        return f"about 1 in {round(1 / max(p_value, 1e-6)):,}"
    return f"about {min(max(round(p_value * 10), 2), 10)} in 10"


def say_peers(judged_by: str, judged_against: str) -> str:
    """With what a crop was compared; ``judged_against`` is a species, or a phrase such as ``crops of north``."""
    match judged_by:
        case JudgedBy.SPECIES_MODEL:
            return f"normal {name_many(judged_against)}"
        case JudgedBy.CAMERA_MODEL:
            return f"normal {judged_against}"
        case JudgedBy.OWN_FRAMES | JudgedBy.FIRST_LOOK:
            return f"{judged_against} in this run"
    return judged_against or "others"


def say_score(*, p_value: float | None, judged_by: str, judged_against: str) -> str:
    """What the score of a crop means, in one sentence."""
    if judged_by == JudgedBy.UNSEEN_SPECIES:
        return f"The bundle has {judged_against or 'no model of it'}, so each one is flagged (an unseen species)."
    if p_value is None or math.isnan(p_value):
        return "Not scored yet."
    if TOO_FEW in judged_against:
        return f"{judged_against[:1].upper()}{judged_against[1:]}.".replace(TOO_FEW, "too few to score")
    p = say_p_value(p_value)
    if p_value >= USUAL:
        return f"Not unusual ({p})."
    peers = say_peers(judged_by, judged_against)
    if p_value <= RARE:
        return f"Only {say_rate(p_value)} {peers} looks this unusual ({p})."
    return f"Not unusual: {say_rate(p_value)} {peers} look at least as unusual ({p})."


def say_time(moment: datetime | None) -> str:
    """``14 Jun 2026, 03:12`` in the camera's own time; ``time unknown`` when the photo has none."""
    if moment is None or moment != moment:  # NaT is not equal to itself
        return "time unknown"
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def say_duration(seconds: float | None) -> str:
    """``3 min 20 s``, ``2 h 5 min``; ``unknown`` while there is no estimate."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    left = timedelta(seconds=round(seconds))
    hours, rest = divmod(int(left.total_seconds()), 3600)
    minutes, secs = divmod(rest, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {secs} s" if minutes else f"{secs} s"


def count(n: int, noun: str, plural: str = "") -> str:
    """``1 photo``, ``1,240 photos``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def escape_markdown(text: str) -> str:
    """Text of a foreign file, such as a file name, safe in a Markdown label: shown as it is."""
    return "".join("\\" + char if char in r"\`*_{}[]()#+-.!|~:$<>&^=" else char for char in text)
