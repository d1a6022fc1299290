"""A run whose file of boxes names species, of which one is wrong."""

import json
from pathlib import Path
from uuid import uuid4

from core.records import Decision
from core.runs.folder import INFO, RunFolder
from core.study.decisions import GivenDecision, make_verdicts
from core.study.project import Project
from tests.fakes.project import COYOTE, RED_FOX, add_run

WRONG = 7
"""The number of the photo whose crop looks like a fox and is labelled coyote."""
LOOKS = (COYOTE, RED_FOX)


def add_labelled_run(project: Project, folder: Path, *, n: int = 24, classes: tuple[str, ...] = ()) -> RunFolder:
    """Coyotes and foxes in turn, two a event, every fifth a whole frame; crop ``WRONG`` has the wrong label."""
    named = ["coyote", "fox"] * (n // 2)
    named[WRONG] = "coyote"
    run = add_run(project, folder, n=n, looks=LOOKS, classes=classes or tuple(named))
    info = json.loads((run.path / INFO).read_text(encoding="utf-8"))
    info["boxes"] = str(folder / "labels.json")
    (run.path / INFO).write_text(json.dumps(info), encoding="utf-8")
    return project.run(run.run_id)


def find_crop_of(run: RunFolder, photo: int) -> str:
    """The crop of the photo with this number."""
    photos = run.read_table("photos", ["photo_id", "file_name", "duplicate_of"])
    (photo_id,) = photos[photos["file_name"].str.endswith(f"photo-{photo:03d}.jpg") & photos["duplicate_of"].isna()][
        "photo_id"
    ]
    crops = run.read_table("crops", ["crop_id", "photo_id"])
    return str(crops.loc[crops["photo_id"] == photo_id, "crop_id"].iloc[0])


def give_to_group(
    project: Project,
    crop_ids: list[str],
    *,
    species: str,
    verdict: Decision = Decision.NORMAL,
    group: str = "5c15df46cb682e5b6fe9",
) -> None:
    """The same name for these crops, given to a group as a whole."""
    project.store.append_verdicts(
        make_verdicts(
            (
                project.find_crop(crop_id),
                GivenDecision(
                    decision_id=uuid4().hex,
                    crop_id=crop_id,
                    verdict=verdict,
                    species=species,
                    reviewer="Ben",
                    given_to="5c15df46cb682e5b6fe9",
                ),
            )
            for crop_id in crop_ids
        )
    )
