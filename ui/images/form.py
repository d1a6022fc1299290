"""The form of a model of images: two folders, and what images are compared by."""

from datetime import datetime

import streamlit as st

from core.errors import AnomalureError
from core.settings.images import IMAGE_SETTINGS, ImageSettings
from core.study.project import Project, check_name
from models.images.descriptors.descriptor import list_descriptors
from models.jobs.images import DESCRIPTOR, ONE_CLASS, ImagesRequest, check
from models.one_class.methods import list_one_class
from ui.forms.folder_choice import show_folder_choice
from ui.forms.start_button import forget_started_name, show_start, start_work
from ui.images.watch import PANEL
from ui.shared.state import Key

COLOURS = "colour_histogram"


def show_form(project: Project, *, busy: bool) -> None:
    """Draw the form. Start starts a process and returns at once."""
    forget_started_name(Key.IMAGES_NAME)
    st.caption(
        "For photos that always show the same kind of scene, such as empty frames of one camera. No boxes and no "
        "species are needed: each image is compared as a whole with the normal ones."
    )
    left, right = st.columns(2)
    with left:
        normal = show_folder_choice(
            Key.IMAGES_NORMAL,
            Key.IMAGES_NORMAL_BROWSER,
            label="Folder of normal images",
            help="Images of how it usually looks, 19 or more. Odd ones among them become normal, too.",
            open_first=False,
        )
    with right:
        asked = show_folder_choice(
            Key.IMAGES_ASKED,
            Key.IMAGES_ASKED_BROWSER,
            label="Folder of images to check",
            help="The images that you want an answer for: 1 (inlier) or -1 (outlier).",
            open_first=False,
        )
    descriptor, one_class = _choose_methods()
    settings = _choose_settings(descriptor)
    taken = project.path / ImagesRequest.room
    suggested = project.suggest_name(f"images-{datetime.now():%Y-%m-%d}", taken)
    name = st.text_input("Name", key=Key.IMAGES_NAME, placeholder=suggested, persist_state="session").strip()
    request = None
    problem = ""
    if normal is not None and asked is not None:
        try:
            check_name(name or suggested, what="model of images")
            request = ImagesRequest(
                name=name or suggested,
                normal=normal,
                asked=asked,
                descriptor=descriptor,
                one_class=one_class,
                settings=settings,
            )
            check(project, request)
        except AnomalureError as error:
            problem = str(error)
    is_started = show_start(
        key="start-images", what="check", problem=problem, is_complete=request is not None, busy=busy
    )
    if is_started and request is not None:
        start_work(project, request, PANEL, name_key=Key.IMAGES_NAME)


def _choose_methods() -> tuple[str, str]:
    descriptors, methods = list_descriptors(), list_one_class()
    left, right = st.columns(2)
    with left:
        descriptor = st.selectbox(
            "Compare by",
            list(descriptors),
            index=list(descriptors).index(DESCRIPTOR),
            format_func=lambda name: descriptors[name].label,
            key=Key.IMAGES_DESCRIPTOR,
            persist_state="session",
            help="What of an image counts.",
        )
        st.caption(descriptors[descriptor].about)
    with right:
        one_class = st.selectbox(
            "One-class model",
            list(methods),
            index=list(methods).index(ONE_CLASS),
            format_func=lambda name: methods[name].label,
            key=Key.IMAGES_ONE_CLASS,
            persist_state="session",
            help="The model of what is normal.",
        )
        st.caption(methods[one_class].about)
    return descriptor, one_class


def _choose_settings(descriptor: str) -> ImageSettings:
    shown = {setting.name: setting for setting in IMAGE_SETTINGS}
    values = {}
    with st.grid(3, min_column_width=220):
        rate = shown["false_alarm_rate"]
        values["false_alarm_rate"] = st.number_input(
            rate.label,
            min_value=rate.low,
            max_value=rate.high,
            value=rate.default,
            step=0.01,
            format="%.6g",
            key=Key.IMAGES_RATE,
            persist_state="session",
            help=f"{rate.help} A rate of 0.01 needs 99 normal images.",
        )
        if descriptor == COLOURS:
            bins, space = shown["bins"], shown["colour_space"]
            values["bins"] = st.number_input(
                bins.label,
                min_value=int(bins.low or 2),
                max_value=int(bins.high or 256),
                value=bins.default,
                step=1,
                key=Key.IMAGES_BINS,
                persist_state="session",
                help=bins.help,
            )
            values["colour_space"] = st.selectbox(
                space.label,
                space.choices,
                index=space.choices.index(space.default),
                key=Key.IMAGES_COLOURS,
                persist_state="session",
                help=space.help,
            )
    return ImageSettings.from_values(values)
