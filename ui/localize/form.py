"""The form of a heat-map model: photos to learn from, and photos to look through."""

from datetime import datetime
from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.settings.localize import LocalizeSettings
from core.study.project import Project, check_name
from models.jobs.localize import LocalizeRequest, check
from ui.forms.folder_choice import show_folder_choice
from ui.forms.start_button import forget_started_name, show_start, start_work
from ui.localize.watch import PANEL
from ui.shared.state import Key

SHORT, USUAL, LONG = "Short", "Usual", "Long"
STEPS = {SHORT: 0.3, USUAL: 1.0, LONG: 3.0}


def show_form(project: Project, *, busy: bool) -> None:
    """Draw the form. Start starts a process and returns at once."""
    forget_started_name(Key.LOCALIZE_NAME)
    st.caption(
        "A model learns what a patch looks like that is a little brighter than its surroundings, from such patches "
        "made in your photos while it learns. Then it says for each photo where it is most odd. No labels are needed."
    )
    left, right = st.columns(2)
    with left:
        photos = show_folder_choice(
            Key.LOCALIZE_PHOTOS,
            Key.LOCALIZE_PHOTOS_BROWSER,
            label="Folder of photos to learn from",
            help="Normal photos of the kind that you want to look through. A few dozen are enough.",
            open_first=False,
        )
        labels = st.text_input(
            "Table of their squares (if they carry some)",
            key=Key.LOCALIZE_LABELS,
            persist_state="session",
            help="A labels.csv as *Make photos with anomalies* writes it. Leave it empty for normal photos.",
        ).strip()
    with right:
        asked = show_folder_choice(
            Key.LOCALIZE_ASKED,
            Key.LOCALIZE_ASKED_BROWSER,
            label="Folder of photos to look through",
            help="The photos in which you want to see where they are odd.",
            open_first=False,
        )
        training = st.segmented_control(
            "Training",
            list(STEPS),
            default=USUAL,
            required=True,
            key=Key.LOCALIZE_STEPS,
            persist_state="session",
            help="Usual takes a few minutes. Longer training finds fainter squares.",
        )
    taken = project.path / LocalizeRequest.room
    suggested = project.suggest_name(f"heat-map-{datetime.now():%Y-%m-%d}", taken)
    name = st.text_input("Name", key=Key.LOCALIZE_NAME, placeholder=suggested, persist_state="session").strip()
    request, problem = None, ""
    if photos is not None and asked is not None:
        try:
            check_name(name or suggested, what="heat-map model")
            usual, factor = LocalizeSettings(), STEPS[training]
            request = LocalizeRequest(
                name=name or suggested,
                photos=photos,
                labels=Path(labels) if labels else None,
                asked=asked,
                settings=LocalizeSettings(
                    side_steps=round(usual.side_steps * factor), place_steps=round(usual.place_steps * factor)
                ),
            )
            check(project, request)
        except AnomalureError as error:
            request, problem = None, str(error)
    is_started = show_start(
        key="start-localize", what="training", problem=problem, is_complete=request is not None, busy=busy
    )
    if is_started and request is not None:
        start_work(project, request, PANEL, name_key=Key.LOCALIZE_NAME)
