"""Notes on crops that nobody has decided about yet. They are only ever added; the last one of a crop is shown.

A note on a crop that is decided belongs to its verdict, and is kept there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.records import drop_hidden_signs, is_whole
from core.store.database import Store


@dataclass(frozen=True, kw_only=True)
class Note:
    """What somebody wrote about a crop; ``note_id`` has 32 hex digits, an empty ``note`` takes back the one before."""

    note_id: str
    photo_id: str
    crop_id: str
    note: str
    reviewer: str = ""
    run: str = ""
    written_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        if not is_whole(self.note):
            raise ValueError("the note has half of a character, such as a cut emoji")
        object.__setattr__(self, "note", drop_hidden_signs(self.note))


def keep_notes(store: Store, notes: Sequence[Note]) -> None:
    """Keep notes, all or none; one that is sent twice is kept once. When this returns they are on the disk."""
    if notes:
        store.append_notes(
            [(one.note_id, one.photo_id, one.crop_id, one.note, one.reviewer, one.run, one.written_at) for one in notes]
        )
