"""Shows what was made of a file of labels: a short line, and all of the account when it is opened."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.formats.account import LabelAccount
from ui.forms.cached import read_file_of
from ui.shared.messages import plain_errors
from ui.shared.words import escape_markdown

MOST_LINES = 60
LARGEST_BYTES = 50_000_000
"""A person waits for a file that is named on a form: about 3 seconds for so much JSON."""


def show_label_accounts(accounts: Sequence[LabelAccount]) -> None:
    """What was read of each file of labels, with warnings of what may have been misunderstood in front."""
    for account in accounts:
        for warning in account.warnings:
            st.caption(f":orange[:material/warning:] {escape_markdown(_begin(warning))}.")
        st.caption(escape_markdown(account.summary()))
        lines = account.lines()[len(account.warnings) + 1 :]
        with st.expander(f"How {escape_markdown(account.file or account.format)} was read", icon=":material/rule:"):
            st.markdown("\n".join(f"- {escape_markdown(line)}" for line in lines[:MOST_LINES]))
            if len(lines) > MOST_LINES:
                st.caption(f"{len(lines) - MOST_LINES:,} more lines: `cli.py labels` prints all of them.")


def show_account_of(path: Path | None) -> None:
    """What will be read of a file of labels that was named; nothing while it is not there or cannot be read."""
    if path is None or not path.exists():
        return
    if path.is_file() and path.stat().st_size > LARGEST_BYTES:
        st.caption("This file is large: what was read of it is shown with the result.")
        return
    with plain_errors():
        show_label_accounts(read_file_of(path).accounts)


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
