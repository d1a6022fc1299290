"""How often a detector sees what a model of scenes misses: an object that is there, but was not annotated.

Beside it a control: the same classes in photos where they are not annotated and not missed either. A detector that
sees a class everywhere agrees with everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import AnomalureError
from core.formats.labelled import LabelFile, LabelledPhoto
from core.labels.meeting import meet_photos
from core.scenes.findings import Kind
from core.scenes.scene_set import SceneSet
from core.species import fold_name

Seen = Mapping[str, float]
"""The classes that a detector saw in a photo, folded (``fold_name``), each with its largest confidence."""


@dataclass(frozen=True)
class Agreement:
    """The counts of a comparison, and for each class ``[missed, of these seen, not missed, of these seen]``."""

    n_missing: int
    n_seen: int
    n_control: int
    n_control_seen: int
    n_unknown: int
    per_class: Mapping[str, Sequence[int]]

    @property
    def share(self) -> float | None:
        """Of the missed objects, how many the detector sees, 0 to 1; None without any."""
        return self.n_seen / self.n_missing if self.n_missing else None

    @property
    def control_share(self) -> float | None:
        """Of the same classes where they are absent and not missed, weighed as often as they are missed, 0 to 1."""
        parts = [(missed, seen / n) for missed, _, n, seen in self.per_class.values() if n]
        total = sum(missed for missed, _ in parts)
        return sum(missed * share for missed, share in parts) / total if total else None


def read_seen(detections: LabelFile, annotated: Sequence[LabelledPhoto], *, min_confidence: float) -> dict[str, Seen]:
    """What a detector saw in the annotated photos, by their names there. Photos that it did not look at are left out.

    Args:
        detections: The detector's file; a box without a confidence counts as sure.
        annotated: The photos with annotations; names are matched by their longest common ending.
        min_confidence: Detections under it do not count, 0 to 1.

    Raises:
        AnomalureError: If no photo is in both.
    """
    met = meet_photos(detections.photos, [photo.file_name for photo in annotated])
    if not met:
        raise AnomalureError(
            f"None of the {len(detections.photos)} photos with detections is among the {len(annotated)} annotated "
            "ones. Give the detections of the same photos."
        )
    seen: dict[str, Seen] = {}
    for photo in detections.photos:
        if photo.file_name not in met:
            continue
        best: dict[str, float] = {}
        for label in photo.labels:
            name = fold_name(label.species or label.detector_class)
            confidence = 1.0 if label.confidence is None else label.confidence
            if name and confidence >= min_confidence:
                best[name] = max(best.get(name, 0.0), confidence)
        seen[met[photo.file_name]] = best
    return seen


def compare_with_seen(found: pd.DataFrame, scenes: SceneSet, seen: Mapping[str, Seen]) -> Agreement:
    """Compare what is missing with what a detector saw.

    Args:
        found: ``TrainedScenes.find`` of these scenes.
        scenes: One for each photo, named like it.
        seen: What the detector saw in each photo that it looked at, by the photo's name.

    Returns:
        The counts. Classes that the detector never sees in any photo are left out and counted as ``n_unknown``.
    """
    known = {name for one in seen.values() for name in one}
    looked_at = np.array([name in seen for name in scenes.names])
    missing = found[found["kind"] == Kind.MISSING]
    missing = missing[looked_at[missing["scene"].to_numpy(dtype=int)]]
    n_unknown = 0
    per_class: dict[str, list[int]] = {}
    for name, of_class in missing.groupby("class"):
        folded = fold_name(str(name))
        if folded not in known:
            n_unknown += len(of_class)
            continue
        missed = set(of_class["scene"].astype(int))
        columns = [i for i, one in enumerate(scenes.classes) if one == name]  # none if no annotation has it
        there = scenes.present[:, columns].toarray().any(axis=1)
        others = [i for i in np.flatnonzero(looked_at & ~there) if i not in missed]
        per_class[str(name)] = [
            len(missed),
            sum(folded in seen[scenes.names[i]] for i in missed),
            len(others),
            sum(folded in seen[scenes.names[i]] for i in others),
        ]
    missed_all, seen_all, others_all, others_seen = (
        sum(counts[nth] for counts in per_class.values()) for nth in range(4)
    )
    return Agreement(missed_all, seen_all, others_all, others_seen, n_unknown, per_class)
