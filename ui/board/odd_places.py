"""Where a whole frame is odd by the newest heat-map model, worked out when somebody looks. Knows no Streamlit."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import AnomalureError
from core.photos.found_again import check_same_photo
from core.photos.reading import read_photo
from core.settings.run import RunSettings
from core.study.project import Project
from models.jobs.localize import LocalizeRequest
from ui.board.reconstructions import NOTHING

if TYPE_CHECKING:
    from models.localize.heat_map import HeatMapModel

MODELS_KEPT, ANSWERS_KEPT = 1, 200
FACTS = "model.json"
"""The file that a finished heat-map model has."""
USUAL_RATE = 0.05
MOST_USUAL_SHARE = 0.95
"""So bright at most is a frame in which nothing stands out more than in one of twenty normal ones."""


def show_odd_place(project: Project, run_id: str, photo_id: str) -> dict[str, Any]:
    """The heat map of a photo; null if the project has no heat-map model, or the photo is gone or cannot be used."""
    model = find_newest(project)
    path = project.photo_path(run_id, photo_id) if model is not None else None
    if model is None or path is None:
        return NOTHING
    try:
        return _look(model, (model / FACTS).stat().st_mtime_ns, path, photo_id)
    except (AnomalureError, OSError) as error:
        return {**NOTHING, "words": str(error)}


def find_newest(project: Project) -> Path | None:
    """The folder of the heat-map model that was made last; None if there is none."""
    made = list((project.path / LocalizeRequest.room).glob(f"*/{FACTS}"))
    return max(made, key=lambda file: (file.stat().st_mtime_ns, file.parent.name)).parent if made else None


@lru_cache(maxsize=ANSWERS_KEPT)  # a model that is made anew has another time
def _look(model: Path, stamp: int, photo: Path, photo_id: str) -> dict[str, Any]:
    read = read_photo(photo.parent, photo.name, deployment="", max_megapixels=RunSettings().max_megapixels)
    check_same_photo(read.photo.photo_id, photo_id)
    found = _open(model, stamp).look(read.pixels)
    height, width = found.heat.shape
    shares = found.heat / max(float(found.heat.max()), 1e-9)
    if found.p_value > USUAL_RATE:  # never so if it is not known
        shares = MOST_USUAL_SHARE * shares
        words = "Nothing here stands out more than in normal photos. The brightest part stands out most."
    else:
        words = "Bright: most likely a patch that is brighter than its surroundings."
    return {
        "heat": {"height": height, "width": width, "shares": shares.ravel().round(3).tolist()},
        "words": f"{words} By the heat-map model {model.name}.",
    }


@lru_cache(maxsize=MODELS_KEPT)
def _open(model: Path, stamp: int) -> "HeatMapModel":
    from models.localize.heat_map import HeatMapModel  # imports torch, which takes seconds

    return HeatMapModel.load(model)
