"""Under the plot."""

from typing import Any

from core.project import Project
from ui.explore_view import View


def show_below(project: Project, view: View, shown: Any, mask: Any, *, others: Any) -> None:
    """What is selected."""
