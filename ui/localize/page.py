"""The part of the Images page that says where photos are odd."""

from core.study.project import Project
from core.work.folder import WorkFolder
from models.jobs.localize import LocalizeRequest
from ui.localize.form import show_form
from ui.localize.making import show_making
from ui.localize.watch import PANEL, list_works, show_past


def show_where_odd(project: Project) -> None:
    """The training that is followed, the form, the maker of anomalies, and earlier trainings."""
    works = list_works(project)
    watched = PANEL.find(works)
    if watched:
        PANEL.show(project, WorkFolder(project.path / LocalizeRequest.room / watched))
    show_form(project, busy=bool(watched))
    show_making(project)
    show_past(project, works, leave_out=watched)
