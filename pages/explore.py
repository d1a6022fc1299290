"""Explore: all crops of a run at once, as a map of how much they look alike."""

from ui.explore_page import show_explore
from ui.look import apply_look
from ui.messages import plain_errors
from ui.resources import open_project

apply_look()
with plain_errors():
    show_explore(open_project())
