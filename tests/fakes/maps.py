"""Maps of a run computed in the process of a test, by the way that the command takes."""

from core.maps.exploration import Exploration
from core.maps.projection import Projection
from core.study.project import Project
from models.jobs import registry
from models.jobs.maps import make_request


def compute(exploration: Exploration, projection: Projection | None = None, *, min_samples: int | None = None, **more):
    """A projection, the presets (None) or the tree of the embeddings; what ``registry.do_at_once`` returns."""
    project = Project(exploration.run.path.parent.parent)
    return registry.do_at_once(project, make_request(exploration, projection, min_samples=min_samples), **more)
