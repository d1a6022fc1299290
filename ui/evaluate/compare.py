"""The part of the Evaluate page that compares encoders and one-class models."""

from core.study.project import Project
from core.work.folder import WorkFolder
from models.jobs.compare import CompareRequest
from ui.evaluate.compare_form import show_compare_form
from ui.evaluate.compare_watch import PANEL, list_comparisons, show_past_comparisons, show_project_choice


def show_comparisons(project: Project) -> None:
    """Draw the comparison that is under way, the form of a new one, and earlier ones."""
    show_project_choice(project)
    watched = PANEL.find(list_comparisons(project))
    if watched:
        PANEL.show(project, WorkFolder(project.path / CompareRequest.room / watched))
    show_compare_form(project, busy=bool(watched))
    show_past_comparisons(project, leave_out=watched)
