"""Explore: all crops of a run at once, as a map of how much they look alike."""

from ui.explore.page import show_explore
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors
from ui.shared.project_place import open_project

apply_look()
with plain_errors():
    show_explore(open_project())
