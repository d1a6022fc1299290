"""HTML of a crop's card and of a photo with its box. Everything from files is escaped here."""

from collections.abc import Collection, Mapping
from datetime import datetime
from html import escape
from urllib.parse import quote, urlencode

from core.records import Box, Decision
from ui.shared.words import DECISION_WORDS, say_time

PREVIEW_WIDTH_PX = 1600


def crop_url(crop_id: str, *, run_id: str) -> str:
    """Address of a crop's picture; the run is in it so that a later run's picture is not taken from the cache."""
    return f"/crops/{quote(crop_id, safe='')}.jpg?{urlencode({'run': run_id})}"


def photo_url(run_id: str, photo_id: str, *, width_px: int = PREVIEW_WIDTH_PX) -> str:
    """Address of a photo, scaled down to a width."""
    return f"/photos/{quote(run_id, safe='')}/{quote(photo_id, safe='')}?{urlencode({'width': width_px})}"


def build_card(
    *,
    picture: str,
    rank: int,
    title: str,
    is_guess: bool = False,
    flagged: bool,
    why: str,
    camera: str,
    captured_at: datetime | None,
    decision: Decision | None,
    reviewer: str = "",
    is_next: bool = False,
) -> str:
    """A card: the picture with its rank and decision, species, why it is odd, where and when.

    ``title`` is its species, or what it is called without one (``name_crop``). ``is_guess`` says that the species is
    only the best-fitting known one; an anomaly may be another species.
    """
    decided = ""
    if decision is not None:
        by = f" · {escape(reviewer)}" if reviewer else ""
        decided = f'<span class="decided {decision.value}">{DECISION_WORDS[decision]}{by}</span>'
    guess = '<span class="guess">most like</span> ' if is_guess else ""
    state = decision.value if decision else "next" if is_next else ""
    flag = '<span class="flag">flagged</span>' if flagged else ""
    return (
        f'<div class="crop-card {state}">'
        f'<div class="picture"><img src="{escape(picture)}" alt="{escape(title)}, rank {rank}">'
        f'<span class="rank">{rank:,}</span>{decided}</div>'
        f'<div class="line"><span class="species" title="{escape(title)}">{guess}{escape(title)}</span>{flag}</div>'
        f'<div class="why" title="{escape(why)}">{escape(why)}</div>'
        f'<div class="where"><div title="{escape(camera)}">{escape(camera)}</div>'
        f"<div>{escape(say_time(captured_at))}</div></div></div>"
    )


def build_photo(*, picture: str, width_px: int, height_px: int, box: Box | None) -> str:
    """A photo with the box of one crop drawn on it; ``box`` in pixels of the upright photo, None for a whole frame."""
    drawn = ""
    if box is not None:
        left, top = 100 * box.x / width_px, 100 * box.y / height_px
        width, height = 100 * box.width / width_px, 100 * box.height / height_px
        drawn = (
            f'<div class="box" style="left:{left:.3f}%;top:{top:.3f}%;width:{width:.3f}%;height:{height:.3f}%"></div>'
        )
    ratio = f"{width_px} / {height_px}"
    return (
        f'<div class="photo-frame" style="aspect-ratio:{ratio}"><img src="{escape(picture)}" '
        f'alt="The whole photo">{drawn}</div>'
    )


def build_facts(facts: Mapping[str, str], *, wide: Collection[str] = ()) -> str:
    """What is known of a photo, as a list of names and values; empty values are left out, ``wide`` ones take a row."""
    rows = "".join(
        f'<div class="{"wide" if name in wide else ""}"><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>'
        for name, value in facts.items()
        if value
    )
    return f'<dl class="facts">{rows}</dl>'
