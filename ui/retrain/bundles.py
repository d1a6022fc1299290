"""The bundles of a project: which is active, where each comes from; activate any of them again."""

import streamlit as st

from core.errors import AnomalureError
from core.study.bundles import read_bundles
from core.study.project import Project
from core.study.retrainings import Retraining
from ui.shared.messages import notice
from ui.shared.state import Key
from ui.shared.words import escape_markdown, say_time


def activate(project: Project, name: str) -> None:
    """Make a bundle the one that runs use; for callbacks."""
    try:
        project.store.activate_bundle(name)
    except AnomalureError as error:
        notice(f"The bundle was not activated. {error}")


def show_activate(project: Project, name: str, *, key: str) -> None:
    """A button, or a word that it is active already."""
    if project.store.active_bundle() == name:
        st.markdown(":green[:material/check_circle: active]", help="New runs use this bundle unless told otherwise.")
    else:
        st.button(
            "Activate",
            key=key,
            icon=":material/check:",
            on_click=activate,
            args=(project, name),
            help="New runs use this bundle from now on. Earlier runs stay as they are, and every other bundle "
            "can be activated again.",
        )


def show_bundles(project: Project) -> None:
    """A line a bundle, newest first."""
    table = read_bundles(project)
    if table.empty:
        return
    st.subheader("Bundles", anchor=False)
    used: dict[str, int] = {}
    for bundle in (run.info.bundle for run in project.runs() if not run.problem):
        used[bundle] = used.get(bundle, 0) + 1
    for row in table.to_dict("records"):
        name = str(row["name"])
        with st.container(
            border=True,
            horizontal=True,
            vertical_alignment="center",
            horizontal_alignment="distribute",
            key=f"bundle-{name}",
        ):
            runs = used.get(name, 0)
            parts = [f"**{escape_markdown(name)}**"]
            if row["made_from"]:
                parts.append(f"from {escape_markdown(str(row['made_from']))}")
            parts += [f"made {say_time(row['created_at'])} UTC", f"{runs:,} run{'s' * (runs != 1)}"]
            st.markdown(" · ".join(parts))
            with st.container(horizontal=True, width="content", vertical_alignment="center"):
                if Retraining.of(project.path, name).read_result():
                    st.button(
                        "Before and after",
                        key=f"report-{name}",
                        icon=":material/compare_arrows:",
                        on_click=st.session_state.__setitem__,
                        args=(Key.RETRAIN_SHOWN, name),
                    )
                show_activate(project, name, key=f"activate-{name}")
