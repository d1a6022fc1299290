"""Images: images that are unlike a folder of normal ones as a whole, and where in a photo it is odd."""

import streamlit as st

from core.work.folder import WorkFolder
from ui.forms.kept_form import kept_form, keys_of
from ui.images.form import show_form
from ui.images.watch import PANEL, list_works, show_past
from ui.localize.page import show_where_odd
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors, show_notice
from ui.shared.project_place import open_project
from ui.shared.state import Key

WHOLE, WHERE = "Whole images", "Where it is odd"

apply_look()
st.title("Images")
with plain_errors(), kept_form(keys_of("images_", "localize_")):
    project = open_project()
    show_notice()
    what = st.segmented_control(
        "What to find", [WHOLE, WHERE], default=WHOLE, required=True, key=Key.IMAGES_WHAT, persist_state="session"
    )
    if what == WHERE:
        show_where_odd(project)
    else:
        works = list_works(project)
        watched = PANEL.find(works)
        if watched:
            PANEL.show(project, WorkFolder(project.path / "images" / watched))
        show_form(project, busy=bool(watched))
        show_past(project, works, leave_out=watched)
