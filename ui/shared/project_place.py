"""Which project the dashboard shows."""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.disk.names import expand_home

if TYPE_CHECKING:
    from core.study.project import Project

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "ANOMALURE_PROJECT"


def find_project_folder() -> Path:
    """The folder named by ``ANOMALURE_PROJECT``, or ``data/project`` beside the program; absolute."""
    named = os.environ.get(VARIABLE, "").strip()
    return expand_home(named).resolve() if named else ROOT / "data" / "project"


@lru_cache(maxsize=4)
def open_project_at(folder: str) -> "Project":
    """The project in a folder: one object for the pages and the routes, so that both know what it keeps.

    Raises:
        AnomalureError: If its folder cannot be made or written to.
    """
    from core.study.project import Project  # with pandas, which takes a while; the dashboard answers before

    return Project(folder)


def open_project() -> "Project":
    """The project that this dashboard shows, the same for all sessions and routes; made if it is missing.

    Raises:
        AnomalureError: If its folder cannot be made or written to.
    """
    return open_project_at(str(find_project_folder()))
