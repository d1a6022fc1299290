"""Forms that a reload of the page does not empty.

A reload begins a new session. What was chosen is kept in this process, and in a file in case the dashboard is started
anew (``ui/server/forms_on_disk.py``), and the address has a word by which it is found.
It is not in the address itself, where a link of somebody else could fill in a form, and a history shows folders. Where
people sign in, the word is that of one person: a link does not show others what was typed.
"""

import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from threading import Lock
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import AnomalureError
from core.settings.detector import DETECTOR_SETTINGS
from core.settings.run import SETTINGS
from core.settings.training import TRAINING_SETTINGS
from ui.server.forms_on_disk import read_form, write_form
from ui.shared.acting import find_signed_in
from ui.shared.state import Key, setting_key

MOST_KEPT = 500
# Consent is given anew each time. Widgets that are pressed or only opened hold nothing that was chosen.
NEVER = ("_consent", "_browser", "_browser_open", "_page", "_made", "_shown", "_watched", "_look")
PLAIN = (str, int, float, bool, date, time, type(None))

_kept: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
"""By the person who is signed in, empty without signing in, and the word."""
_lock = Lock()


def run_keys() -> tuple[str, ...]:
    """The widgets of the Run page's form."""
    keys = (
        Key.FOLDER,
        Key.BUNDLE,
        Key.DETECTOR_KIND,
        Key.DETECTOR_NAME,
        Key.DETECTOR_TRAINED,
        Key.DETECTOR_PATH,
        Key.BOXES,
        Key.ENCODER_KIND,
        Key.ENCODER_NAME,
        Key.ENCODER_PATH,
        Key.DEPLOYMENTS,
        Key.RUN_NAME,
    )
    return (*keys, *(setting_key(setting.name) for setting in SETTINGS))


def train_keys() -> tuple[str, ...]:
    """The widgets of the Train page's forms."""
    names = [setting.name for setting in (*TRAINING_SETTINGS, *DETECTOR_SETTINGS)]
    settings = (setting_key(prefix + name) for name in names for prefix in ("", "autoencoder-"))
    return (*keys_of("train_", "trained_"), *settings)


def keys_of(*prefixes: str) -> tuple[str, ...]:
    """The widgets whose keys begin so and that hold what somebody chose."""
    return tuple(key for key in Key if key.startswith(prefixes) and not key.endswith(NEVER))


@contextmanager
def kept_form(keys: tuple[str, ...]) -> Iterator[None]:
    """Keep the values of the widgets that are drawn in the block, and fill them in after a reload.

    ``keys``: of the widgets; a key with ``-`` and more behind it belongs to the same widget.
    """
    _fill_in()
    try:
        yield
    except AnomalureError:
        _keep(keys)  # a form with a mistake in it is not empty either
        raise
    _keep(keys)


def _keep(keys: tuple[str, ...]) -> None:
    chosen = {key: value for key, value in _list_state() if key.split("-")[0] in keys or key in keys}
    first = st.session_state.setdefault(f"{Key.FORM_FIRST}-{keys[0]}", chosen)
    if chosen == first:
        return  # nothing was chosen here: the address stays as it is, since each change is a step for Back
    token = str(st.session_state.get(Key.FORM, "")) or secrets.token_urlsafe(9)
    st.session_state[Key.FORM] = token
    place = (_find_person(), token)
    with _lock:
        before = _kept.get(place, {})
        _kept[place] = {**before, **chosen}
        _kept.move_to_end(place)
        if _kept[place] != before:
            write_form(place, _kept[place])
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    context = get_script_run_ctx()
    # Who goes back to an address without the word would otherwise be sent forward again.
    if st.query_params.get(Key.FORM) != token and not (context is not None and context.is_history_navigation):
        st.query_params[Key.FORM] = token


def _fill_in() -> None:
    """Take what is kept under the word in the address, once a session. A copy: two tabs do not share a form."""
    if Key.FORM in st.session_state:
        return
    person, word = _find_person(), str(st.query_params.get(Key.FORM, ""))
    if not word:
        return
    with _lock:
        kept = dict(_kept.get((person, word), {})) or read_form((person, word))
        if not kept:
            return
        token = st.session_state[Key.FORM] = secrets.token_urlsafe(9)
        _kept[person, token] = kept
    for key, value in kept.items():
        if key not in st.session_state:
            st.session_state[key] = value


def _find_person() -> str:
    who = find_signed_in()
    return who.person if who else ""


def _list_state() -> list[tuple[str, Any]]:
    """The plain values of the session, which can be given to a widget again."""
    return [
        (str(key), value)
        for key, value in st.session_state.items()
        if isinstance(value, PLAIN)
        or (isinstance(value, list | tuple) and all(isinstance(one, PLAIN) for one in value))
    ]
