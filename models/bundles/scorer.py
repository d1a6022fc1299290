"""Scores the crops of a run with a bundle."""

import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd

from core.errors import BundleError
from core.records import CropKind, JudgedBy
from core.runs.parts import EmbeddedShards
from core.settings.run import RunSettings
from core.store.people import PEOPLE_CLASSES, find_people
from models.bundles.bundle import Bundle
from models.encoders.sections import weigh_sections
from models.judging.first_look import FirstLookScorer, Look
from models.judging.score_table import make_score_table, name_species

log = logging.getLogger(__name__)

UNSEEN_SPECIES_OFFSET = 10.0
"""Added to the scores of species that the bundle does not know, so that they come first in the queue."""

NO_LOOK = Look(np.empty(0), np.empty(0), np.empty(0, dtype=object))


class BundleScorer:
    """Scores crops by the models of the species, and whole frames by the model of their camera; a Scorer of
    core/runs/parts.py.

    Crops that look like the bundle's boxes on nothing or on people are kept apart: not flagged, and last in the queue.
    Whole frames that the run has mapped are scored by their most distant patch, if the map was made with this
    bundle's patches. Whole frames of an unknown camera are scored against each other, as in a first look, and so are
    all crops of boxes where the bundle was trained on whole frames alone.

    Args:
        bundle: The models.
        settings: The run's settings, for the origin of the species and the false-alarm rate.
    """

    def __init__(self, bundle: Bundle, settings: RunSettings) -> None:
        self._bundle = bundle
        self._settings = settings
        self._first_look = FirstLookScorer(settings, bundle.sections, weigh_sections(bundle.encoders, bundle.sections))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user about the scores; complete after all shards are scored."""
        return (*self._describe_limits(), *self._first_look.notes)

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        """One table of scores per shard, in the shards' order, with the columns of table scores.

        Raises:
            BundleError: If the embeddings come from other encoders than the bundle's.
        """
        for note in self._describe_limits():
            log.warning("%s", note)
        shards = _CheckedShards(shards, self._bundle)
        looks: list[Look] | None = None
        for i, (crops, embeddings) in enumerate(shards):
            # A first look reads all shards three more times, so it is made only if a crop has no model.
            if looks is None and self._has_no_model(crops).any():
                looks = self._first_look.look(shards, wanted=self._has_no_model)
            yield self._score_shard(crops, embeddings, looks[i] if looks else NO_LOOK)

    def _has_no_model(self, crops: pd.DataFrame) -> np.ndarray:
        """True for whole frames of an unknown camera, and for detections if the bundle knows no species."""
        frames = (crops["kind"] == CropKind.FRAME).to_numpy()
        known = crops["deployment"].isin(list(self._bundle.camera_judges)).to_numpy() | self._is_mapped(crops)
        return np.where(frames, ~known, self._bundle.species_judge is None)

    def _is_mapped(self, crops: pd.DataFrame) -> np.ndarray:
        """True for crops whose heat map was made with this bundle's patches of their camera."""
        if "bank_id" not in crops or not self._bundle.patch_judges:
            return np.zeros(len(crops), dtype=bool)
        ours = {camera: judge.bank.bank_id for camera, judge in self._bundle.patch_judges.items()}
        return (crops["bank_id"].notna() & (crops["bank_id"] == crops["deployment"].map(ours))).to_numpy(dtype=bool)

    def _score_shard(self, crops: pd.DataFrame, embeddings: np.ndarray, look: Look) -> pd.DataFrame:
        n = len(crops)
        species, judged_by, against = (np.full(n, "", dtype=object) for _ in range(3))
        scores, p_values = np.zeros(n), np.ones(n)

        frames = (crops["kind"] == CropKind.FRAME).to_numpy()
        unknown = self._has_no_model(crops)
        scores[unknown], p_values[unknown], against[unknown] = look.scores, look.p_values, look.against
        judged_by[unknown] = np.where(frames[unknown], str(JudgedBy.OWN_FRAMES), str(JudgedBy.FIRST_LOOK))

        deployments = crops["deployment"].to_numpy(dtype=object)
        mapped = self._is_mapped(crops)
        for camera in sorted(set(deployments[mapped])):
            of_camera, patches = mapped & (deployments == camera), self._bundle.patch_judges[camera]
            scores[of_camera], p_values[of_camera] = patches.judge(crops["patch_distance"][of_camera].to_numpy())
            judged_by[of_camera] = str(JudgedBy.CAMERA_MODEL)
            against[of_camera] = patches.group.name
        by_look = frames & ~unknown & ~mapped
        for camera in sorted(set(deployments[by_look])):
            of_camera = by_look & (deployments == camera)
            judged = self._bundle.camera_judges[camera].judge(embeddings[of_camera])
            scores[of_camera], p_values[of_camera] = judged.scores, judged.p_values
            judged_by[of_camera] = str(JudgedBy.CAMERA_MODEL)
            against[of_camera] = f"whole frames of {camera}"

        if self._bundle.species_judge is None:
            species[~frames] = name_species(crops[~frames], self._settings, unsaid="")
        else:
            self._score_detections(
                crops, embeddings, np.flatnonzero(~frames), species, scores, p_values, judged_by, against
            )
        return make_score_table(
            crops,
            species=species,
            scores=scores,
            p_values=p_values,
            judged_by=judged_by,
            judged_against=against,
            false_alarm_rate=self._settings.false_alarm_rate,
        )

    def _score_detections(
        self,
        crops: pd.DataFrame,
        embeddings: np.ndarray,
        places: np.ndarray,
        species: np.ndarray,
        scores: np.ndarray,
        p_values: np.ndarray,
        judged_by: np.ndarray,
        against: np.ndarray,
    ) -> None:
        """Fill in the rows at these indices."""
        judge = self._bundle.species_judge
        assert judge is not None  # else they were scored against each other
        people = find_people(crops["detector_class"].iloc[places].tolist(), classes=PEOPLE_CLASSES)
        by_fit = judge.judge(embeddings[places], people=people)
        species[places], scores[places], p_values[places] = by_fit.kinds, by_fit.scores, by_fit.p_values
        nothing = by_fit.is_nothing
        judged_by[places] = np.where(nothing, str(JudgedBy.BACKGROUND_MODEL), str(JudgedBy.SPECIES_MODEL))
        against[places] = by_fit.groups
        if self._settings.species_from == "fit":
            return
        named = np.where(nothing, "", name_species(crops.iloc[places], self._settings, unsaid=""))
        unseen = (named != "") & ~np.isin(named, self._bundle.species)
        rows = places[unseen]
        species[rows] = named[unseen]
        scores[rows] = by_fit.scores[unseen] + UNSEEN_SPECIES_OFFSET
        p_values[rows] = 0.0
        judged_by[rows] = str(JudgedBy.UNSEEN_SPECIES)
        against[rows] = [f"no model of {name}" for name in named[unseen]]
        for name in sorted(set(named[~unseen]) - {""}):
            of_species = places[named == name]
            judged = judge.judge_as(embeddings[of_species], name)
            species[of_species] = name
            scores[of_species], p_values[of_species], against[of_species] = (
                judged.scores,
                judged.p_values,
                judged.groups,
            )

    def _describe_limits(self) -> Iterator[str]:
        """Groups in which nothing can be flagged at this false-alarm rate."""
        rate = self._settings.false_alarm_rate
        limits: list[tuple[str, int, float]] = []
        if self._bundle.species_judge is None:
            yield (
                f"{self._bundle.name} was trained on whole frames alone: crops of boxes are scored against each other, "
                "as in a first look."
            )
        else:
            limits += self._bundle.species_judge.list_limits()
        for camera, judge in sorted(self._bundle.camera_judges.items()):
            if camera not in self._bundle.patch_judges:
                limits += [(f"whole frames of {camera}", n, least) for _, n, least in judge.list_limits()]
        limits += [
            (patches.group.name, len(patches.group.scores), patches.group.least_p_value)
            for _, patches in sorted(self._bundle.patch_judges.items())
        ]
        for name, n, least in limits:
            if least > rate:
                yield (
                    f"{name}: the bundle held out {n} crops, so no p-value is below {least:.3g} and none can be "
                    f"flagged at a false-alarm rate of {rate:g}. They are still ranked by their score."
                )


class _CheckedShards:
    """The shards, after a check that their embeddings have the bundle's length."""

    def __init__(self, shards: EmbeddedShards, bundle: Bundle) -> None:
        self._shards = shards
        self._bundle = bundle

    def __iter__(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        width = sum(self._bundle.sections)
        for crops, embeddings in self._shards:
            if embeddings.shape != (len(crops), width):
                raise BundleError(
                    f"The bundle {self._bundle.name} needs embeddings of shape ({len(crops)}, {width}), got "
                    f"{embeddings.shape}. They come from another encoder: run the folder again with this bundle."
                )
            yield crops, embeddings
