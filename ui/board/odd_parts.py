"""Where a crop is odd by its patches, beside the crops that its bundle was trained on. Knows no Streamlit."""

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import AnomalureError
from core.records import CropKind
from core.runs.folder import RunFolder
from core.settings.training import AUTOENCODERS
from core.study.project import Project
from ui.board.reconstructions import NOTHING, read_crop
from ui.board.rows import LEAST_LIMIT
from ui.board.trained_on import TrainedOn

if TYPE_CHECKING:
    from models.bundles.crop_mapper import CropMapper
    from models.judging.patch_judge import PatchJudge

BUNDLES_KEPT, SPECIES_KEPT, ANSWERS_KEPT = 1, 6, 500
LEAST_CROPS, MOST_CROPS = 10, 40
"""Of more normal crops some are taken evenly: each takes time to map, and 40 have nearly 8,000 patches."""
_one_at_a_time = threading.Lock()  # two who look at the same species must not map it twice


def can_show_odd_parts(run: RunFolder) -> bool:
    """Whether the bundle of a run may give patches: whether it has an encoder that is neither detector nor ours."""
    return bool(run.info.bundle) and any(
        not spec.get("detector") and spec.get("backbone") not in AUTOENCODERS for spec in run.info.encoders
    )


def show_odd_parts(project: Project, run: RunFolder, *, crop_id: str, species: str) -> dict[str, Any]:
    """The heat map of a crop by the nearest patches of normal crops of its species.

    ``heat`` is null if there is none, and ``words`` then say why.
    """
    path = project.crop_path(crop_id)
    if not can_show_odd_parts(run) or not species or path is None or not path.is_file():
        return NOTHING
    trained = TrainedOn(project, run.info.bundle)
    found = trained.find(CropKind.DETECTION, species, "")
    usual = () if found is None else tuple(found.crop_ids)
    if crop_id in usual:
        return {**NOTHING, "words": "The bundle was trained on this crop, so no part of it can be odd to it."}
    if len(usual) > MOST_CROPS:
        usual = tuple(usual[at] for at in np.linspace(0, len(usual) - 1, MOST_CROPS).astype(int))
    groups = tuple(str(trained.describe(one)["owner"]) for one in usual)
    if len(usual) < LEAST_CROPS or len(set(groups)) < 2:
        words = (
            f"To show which part is odd, the pictures of {LEAST_CROPS} crops of {species} from two events or more are "
            f"needed that the bundle was trained on; this project has {len(usual)}."
        )
        return {**NOTHING, "words": words}
    pictures = tuple(_place(project, one) for one in usual)
    try:
        with _one_at_a_time:
            return _look(project.bundles_dir / run.info.bundle, path, species, pictures, groups)
    except (AnomalureError, OSError) as error:
        return {**NOTHING, "words": f"Which part is odd cannot be shown. {error}"}


def _place(project: Project, crop_id: str) -> Path:
    path = project.crop_path(crop_id)
    assert path is not None  # only crops with a picture are found
    return path


@lru_cache(maxsize=ANSWERS_KEPT)  # the picture of a crop and a bundle never change
def _look(
    bundle: Path, picture: Path, species: str, pictures: tuple[Path, ...], groups: tuple[str, ...]
) -> dict[str, Any]:
    judge = _learn(bundle, species, pictures, groups)
    found = _open(bundle).look(read_crop(picture), judge)
    height, width = found.distances.shape
    shares = found.distances.astype(float).ravel() / max(found.limit, LEAST_LIMIT)
    beside = f"the {len(pictures)} normal crops of {species} that it was compared with"
    return {
        "heat": {"height": height, "width": width, "shares": shares.round(3).tolist()},
        "words": f"Bright: unlike any part of {beside}. Dark: as usual."
        if shares.max() > 1
        else f"No part is odder than in {beside}. The brightest part is the least usual.",
    }


@lru_cache(maxsize=SPECIES_KEPT)
def _learn(bundle: Path, species: str, pictures: tuple[Path, ...], groups: tuple[str, ...]) -> "PatchJudge":
    return _open(bundle).learn([read_crop(one) for one in pictures], groups, species=species)


@lru_cache(maxsize=BUNDLES_KEPT)
def _open(bundle: Path) -> "CropMapper":
    from models.bundles.crop_mapper import CropMapper  # imports torch, which takes seconds

    return CropMapper.of(bundle)
