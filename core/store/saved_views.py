"""Views of a project that were saved under a name, to come back to: each is the address that shows it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from core.disk.json import parse_values
from core.errors import AnomalureError
from core.store.database import Store

LONGEST_NAME = 80
Address = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class SavedView:
    """A view under a name. ``address`` holds the parameters that show it; ``created_at`` is in UTC, without zone."""

    view_id: str
    name: str
    address: dict[str, list[str]]
    created_at: datetime


def save_view(store: Store, name: str, address: Address) -> SavedView:
    """Keep a view under a name.

    Args:
        store: Where to keep it.
        name: What people call it, 1 to ``LONGEST_NAME`` characters; blanks are tidied.
        address: The parameters of the address that shows it.

    Raises:
        AnomalureError: If the name is empty, too long, or one that another view has.
    """
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= LONGEST_NAME:
        raise AnomalureError(f"A view's name has 1 to {LONGEST_NAME} characters, got {len(tidy)}. Type one.")
    if tidy.casefold() in {view.name.casefold() for view in list_views(store)}:
        raise AnomalureError(f"There is a view named {tidy!r} already. Choose another name, or remove that one.")
    texts = {key: [value] if isinstance(value, str) else list(value) for key, value in address.items()}
    view = SavedView(view_id=uuid4().hex, name=tidy, address=texts, created_at=datetime.now(UTC).replace(tzinfo=None))
    store.add_saved_view(
        view_id=view.view_id, name=tidy, address=json.dumps(texts, ensure_ascii=False), created_at=view.created_at
    )
    return view


def list_views(store: Store) -> list[SavedView]:
    """The saved views, newest first."""
    return [
        SavedView(
            view_id=row.view_id,
            name=row.name,
            address=parse_values(row.address),
            created_at=row.created_at.to_pydatetime(),
        )
        for row in store.saved_views().itertuples(index=False)
    ]


def remove_view(store: Store, view_id: str) -> None:
    """Forget a view; one that is not there is no error."""
    store.remove_saved_view(view_id)
