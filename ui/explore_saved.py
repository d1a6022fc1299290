"""Saved views: what is shown, under a name, to come back to."""

from core.project import Project
from ui.explore_view import View


def show_saved_views(project: Project, view: View) -> None:
    """A menu of the views that were saved, and of the one on show."""
