"""Settings as widgets, made from their table: those of a run, or of a training."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeVar

import streamlit as st

from core.errors import AnomalureError
from core.settings.detector import DETECTOR_SETTINGS, DetectorSettings
from core.settings.run import SETTINGS, RunSettings, Setting
from core.settings.training import (
    AUTOENCODER_DEFAULTS,
    AUTOENCODER_ONLY,
    CONTRASTIVE_ONLY,
    TRAINING_SETTINGS,
    TrainingSettings,
)
from ui.shared.state import setting_key
from ui.shared.words import escape_markdown

GROUP_ICONS = {
    "Photos": ":material/photo_library:",
    "Detector": ":material/center_focus_strong:",
    "Crops": ":material/crop:",
    "Scores": ":material/analytics:",
    "Running": ":material/speed:",
    "Length": ":material/timer:",
    "Learning": ":material/trending_down:",
    "Comparison": ":material/compare:",
    "Views": ":material/flip:",
}
_Settings = TypeVar("_Settings")
_AUTOENCODER = [
    replace(setting, default=AUTOENCODER_DEFAULTS.get(setting.name, setting.default))
    for setting in TRAINING_SETTINGS
    if setting.name not in CONTRASTIVE_ONLY
]
LONG_TEXTS = {"species_table"}


def is_changed(setting: Setting, *, prefix: str = "") -> bool:
    """Whether the user has given this setting another value than its default."""
    return bool(st.session_state.get(setting_key(prefix + setting.name), setting.default) != setting.default)


def _reset(settings: Iterable[Setting], prefix: str) -> None:
    for setting in settings:
        st.session_state[setting_key(prefix + setting.name)] = setting.default


def _label(setting: Setting, prefix: str) -> str:
    unit = f" ({setting.unit})" if setting.unit else ""
    return f"{setting.label}{unit}" + (" :orange-badge[changed]" if is_changed(setting, prefix=prefix) else "")


def _describe(setting: Setting) -> str:
    limits = "" if setting.low is None else f" From {setting.low:g} to {setting.high:g}."
    shown = repr(setting.default) if isinstance(setting.default, str) else f"{setting.default}"
    return f"{setting.help}{limits} Default: {'empty' if setting.default == '' else f'`{shown}`'}."


def _step(setting: Setting) -> float:
    """A step that fits the default: 0.0001 under 0.01, 0.01 under 1, else 1 or 10."""
    if 0 < setting.default < 0.01:
        return float(10 ** math.floor(math.log10(setting.default)))
    return 0.01 if setting.default < 1 else 1.0 if setting.default < 100 else 10.0


def _show_setting(setting: Setting, prefix: str) -> Any:
    key = setting_key(prefix + setting.name)
    shown: dict[str, Any] = {"key": key, "help": _describe(setting), "persist_state": "session"}
    label = _label(setting, prefix)
    if setting.choices:
        return st.selectbox(label, setting.choices, index=setting.choices.index(setting.default), **shown)
    shown["value"] = setting.default
    if isinstance(setting.default, bool):
        return st.toggle(label, **shown)
    if isinstance(setting.default, int):
        low, high = (None if limit is None else int(limit) for limit in (setting.low, setting.high))
        return st.number_input(label, min_value=low, max_value=high, step=1, **shown)
    if isinstance(setting.default, float):
        return st.number_input(
            label, min_value=setting.low, max_value=setting.high, step=_step(setting), format="%.6g", **shown
        )
    return (st.text_area if setting.name in LONG_TEXTS else st.text_input)(label, **shown)


def show_settings_form() -> RunSettings | None:
    """Draw every setting of a run by group and give them back; None, with the reason shown, when they do not fit."""
    return _show_form(SETTINGS, RunSettings.from_values, title="Settings", key="settings")


def show_training_form() -> TrainingSettings | None:
    """The same for the settings of an encoder's training."""
    title = "Settings of the encoder's training"
    table = [setting for setting in TRAINING_SETTINGS if setting.name not in AUTOENCODER_ONLY]
    return _show_form(table, TrainingSettings.from_values, title=title, key="training-settings")


def show_autoencoder_form() -> TrainingSettings | None:
    """The same for an autoencoder's training, which has other defaults and no views to compare."""
    title = "Settings of the autoencoder's training"
    return _show_form(
        _AUTOENCODER, TrainingSettings.from_values, title=title, key="autoencoder-settings", prefix="autoencoder-"
    )


def show_detector_form() -> DetectorSettings | None:
    """The same for the settings of a detector's training."""
    title = "Settings of the detector's training"
    return _show_form(DETECTOR_SETTINGS, DetectorSettings.from_values, title=title, key="detector-settings")


def _show_form(
    table: Sequence[Setting], make: Callable[[Mapping[str, Any]], _Settings], *, title: str, key: str, prefix: str = ""
) -> _Settings | None:
    changed = [setting for setting in table if is_changed(setting, prefix=prefix)]
    values: dict[str, Any] = {}
    problem = None
    title += f" · {len(changed)} changed" if changed else ""
    with st.expander(title, icon=":material/tune:", key=key):
        for tab, (_, members) in zip(
            st.tabs([f"{GROUP_ICONS.get(name, '')} {name}" for name, _ in groupby(table, lambda one: one.group)]),
            groupby(table, lambda one: one.group),
            strict=True,
        ):
            group = tuple(members)
            with tab, st.grid(3, min_column_width=220):
                for setting in group:
                    values[setting.name] = _show_setting(setting, prefix)
        if changed:
            names = ", ".join(setting.label for setting in changed)
            st.button(
                f"Reset to defaults: {names}",
                key=f"reset-{key}",
                icon=":material/restart_alt:",
                on_click=_reset,
                args=(changed, prefix),
            )
    try:
        return make(values)
    except AnomalureError as error:
        problem = str(error)
    st.error(escape_markdown(problem), icon=":material/error:")
    return None
