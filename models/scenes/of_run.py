"""What is unexpected in the events of a run, and what is missing from them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from core.runs.folder import RunFolder
from core.scenes.decisions import read_decisions
from core.scenes.findings import Kind
from core.scenes.from_labels import EVENT, LabelledScenes, make_labelled_scenes
from core.scenes.history import read_history, read_species_rows
from core.scenes.remarks import Remark, keep_remarks
from core.scenes.words import explain_finding, list_classes, say_unexpected_here
from core.study.project import Project
from models.scenes.trained import TrainedScenes

REMARK_RATE = 0.05
"""Review says what is unexpected at this false-alarm rate, whatever the Scenes page looks at."""
FINDING_EXPORT = (
    *("run", "event", "deployment", "captured_at", "kind", "class", "probability", "p_value", "others", "explanation"),
    *("crop_ids", "file_names", "verdict", "verdict_species", "reviewer", "note", "model"),
)


@dataclass(frozen=True, eq=False)
class RunFindings:
    """The findings in one run.

    ``rate`` is the false-alarm rate, ``found`` the table of ``TrainedScenes.find``. ``crops`` are the ids of the crops
    of an event, by its name and then by the species that they count as.
    """

    run: str
    model: str
    rate: float
    labelled: LabelledScenes
    found: pd.DataFrame
    crops: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def name(self, scene: int) -> str:
        """The event's id."""
        return self.labelled.scenes.names[scene]

    def crop_ids(self, scene: int, species: str) -> list[str]:
        """The crops of a species in an event; those of one animal also for "2 or more"."""
        return self.crops.get(self.name(scene), {}).get(self.counts_as(scene, species), [])

    def counts_as(self, scene: int, species: str) -> str:
        """The species of the crops of a class: that of one animal for "2 or more"."""
        return species if species in self.crops.get(self.name(scene), {}) else species.rpartition(", ")[0]

    def all_crop_ids(self, scene: int) -> list[str]:
        """All crops of an event that show an animal."""
        return [crop for crops in self.crops.get(self.name(scene), {}).values() for crop in crops]

    def others(self, scene: int, species: str) -> list[str]:
        """The other classes of an event."""
        return [one for one in list_classes(self.labelled.scenes, scene) if one != species]


def find_in_run(
    project: Project, run: RunFolder, trained: TrainedScenes, *, rate: float, model: str = ""
) -> RunFindings | None:
    """What is odd in the events of a run; None if no animal is known in it.

    Args:
        project: The study.
        run: One that is scored.
        trained: The model of scenes.
        rate: The promised share of ordinary events with a false alarm of a kind, 0 to 1.
        model: The model's name.
    """
    history = read_history(project, [run], with_flagged=True)
    if not history.photos:
        return None
    labelled = make_labelled_scenes([history], by=EVENT, leave_out=trained.left_out)
    events = {
        photo.file_name: name
        for name, some in zip(labelled.scenes.names, labelled.photos, strict=True)
        for photo in some
    }
    crops: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row, species in read_species_rows(project.review_index(run), with_flagged=True):
        if row.file_name in events:
            crops[events[row.file_name]][species].append(row.crop_id)
    found = trained.find(labelled.scenes, rate=rate)
    return RunFindings(
        run.run_id, model, rate, labelled, found, {name: dict(of_event) for name, of_event in crops.items()}
    )


def list_run_rows(project: Project, findings: RunFindings) -> list[dict[str, Any]]:
    """The findings as rows for a table, each with the verdict that holds; see ``FINDING_EXPORT``."""
    index = project.review_index(findings.run)
    decided = read_decisions(project.path)
    scenes, rows = findings.labelled.scenes, []
    wanted = [crop for row in findings.found.itertuples(index=False) for crop in findings.crop_ids(row[0], row[1])]
    places = index.find_places(wanted)
    by_crop = {row["crop_id"]: row for row in index.rows(list(places.values())).to_dict("records")} if places else {}
    for row in findings.found.itertuples(index=False):
        scene, name, kind, probability, p_value = int(row[0]), str(row[1]), str(row[2]), float(row[3]), float(row[5])
        crop_ids = findings.crop_ids(scene, name) if kind == Kind.UNEXPECTED else []
        photos = findings.labelled.photos[scene]
        held: Mapping[Any, Any]
        if kind == Kind.UNEXPECTED:
            held = next((by_crop[one] for one in crop_ids if one in by_crop and by_crop[one]["verdict"]), {})
        else:
            held = decided.get((findings.run, findings.name(scene), name), {})
        rows.append(
            {
                "run": findings.run,
                "event": findings.name(scene),
                "deployment": scenes.cameras[scene],
                "captured_at": min((one.captured_at for one in photos if one.captured_at), default=None),
                "kind": kind,
                "class": name,
                "probability": probability,
                "p_value": p_value,
                "others": "; ".join(findings.others(scene, name)),
                "explanation": explain_finding(name, kind, probability, by=findings.labelled.by),
                "crop_ids": "; ".join(crop_ids),
                "file_names": "; ".join(photo.file_name for photo in photos),
                "verdict": held.get("verdict", ""),
                "verdict_species": held.get("verdict_species", ""),
                "reviewer": held.get("reviewer", ""),
                "note": held.get("note", ""),
                "model": findings.model,
            }
        )
    return rows


def keep_found(run: RunFolder, findings: RunFindings, trained: TrainedScenes) -> None:
    """Keep with the run what Review says on the cards of crops whose species is unexpected in its event."""
    if findings.rate < REMARK_RATE:
        return  # fewer would be said than usual
    uses_context = type(trained.model).uses_context
    remarks: dict[str, Remark] = {}
    for row in findings.found.itertuples(index=False):
        scene, name, kind, probability = int(row[0]), str(row[1]), str(row[2]), float(row[3])
        if kind != Kind.UNEXPECTED or float(row[5]) > REMARK_RATE:
            continue
        knows_camera = uses_context and findings.labelled.scenes.cameras[scene] in trained.model.cameras
        words = say_unexpected_here(name, probability, knows_camera=knows_camera)
        for crop_id in findings.crop_ids(scene, name):
            remarks.setdefault(crop_id, Remark(findings.counts_as(scene, name), words))
    keep_remarks(run, remarks)
