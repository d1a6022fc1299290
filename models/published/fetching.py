"""Fetches a model when it is first used: said to whoever waits, and given up within seconds without a network."""

import time
from collections.abc import Callable
from pathlib import Path

from core.downloads.asking import Patience
from core.errors import AnomalureError
from models.engines.downloads import check, downloading, tell
from models.published.cache import State, check_terms, find_state, open_files, say_by_hand
from models.published.entry import PublishedModel
from models.published.getting import get_files

PATIENCE = Patience(tries=3)
TELL_EVERY_S = 1.0


def fetch_files(
    model: PublishedModel, *, instead: str, on_progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """The files of a model, in the order of the table; what is missing of them is downloaded.

    Args:
        model: The model.
        instead: What a user can do without it, as the end of a sentence; empty: nothing.
        on_progress: Called with the bytes of the current file that are there, and all of it, 0 if that is not known;
            None: whoever waits for the work that needs the model is told.

    Raises:
        TermsNotAgreed: If its terms have to be agreed to first.
        AnomalureError: If it cannot be downloaded, or a file is not what it should be.
    """
    if find_state(model) is State.HERE:
        return open_files(model)
    check_terms(model)
    told_at = 0.0

    def follow(done: int, total: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= TELL_EVERY_S:
            told_at = time.monotonic()
            of = f" of {total / 1e6:,.0f}" if total else ""
            tell(f"Downloading {model.name}: {done / 1e6:,.0f}{of} MB")

    try:
        with downloading(model.name, model.files[0].address):
            get_files(model, patience=PATIENCE, on_progress=on_progress or follow, check=check)
    except ConnectionError as error:
        raise AnomalureError(
            f"The {model.kind} {model.name} could not be downloaded ({error}). Is this computer online? "
            f"{f'Without a network, {instead} ' if instead else ''}{say_by_hand(model)}"
        ) from error
    return open_files(model)
