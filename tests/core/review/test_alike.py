"""A crop is compared with crops that are known to be normal of its species, or else with what is called what it is."""

import numpy as np
import pytest

from core.records import NOTHING, Decision
from core.review.alike import Alike, Examples, NormalCrops
from core.study.project import Project
from tests.fakes.project import EMBEDDING_LENGTH, make_project

DEER = "deer"


@pytest.fixture
def project(tmp_path) -> Project:
    return make_project(tmp_path, 60, n_flagged=6)


def rows_of(project: Project, species: str):
    rows = project.review_queue(limit=100, flagged_only=False, undecided_only=False).rows
    return rows[(rows["species"] == species) & (rows["kind"] == "detection")].reset_index(drop=True)


def find(project: Project, row, known: NormalCrops | None = None, **more) -> Alike:
    index = project.review_index(project.latest_run())
    known = known or NormalCrops(index, **more)
    return known.find(index.find_places([row.crop_id])[row.crop_id])


def test_without_verdicts_and_training_crops_it_is_compared_with_what_is_not_flagged_and_that_is_said(project):
    deer = rows_of(project, DEER)

    alike = find(project, deer.iloc[0])

    assert not alike.are_normal
    assert set(alike.crop_ids) <= set(deer[~deer["flagged"]]["crop_id"])
    assert len(alike.crop_ids) == 6


def test_a_crop_that_somebody_called_an_anomaly_meanwhile_is_no_example(project):
    deer = rows_of(project, DEER)
    index = project.review_index(project.latest_run())
    known = NormalCrops(index)
    first = find(project, deer.iloc[0], known)
    rejected = deer[deer["crop_id"] == first.crop_ids[0]].iloc[0]

    project.save_verdict(rejected, Decision.ANOMALY, reviewer="Ada")

    assert rejected.crop_id not in find(project, deer.iloc[0], known).crop_ids


def test_what_people_called_normal_comes_alone_as_soon_as_there_are_three(project):
    deer, fox = rows_of(project, DEER), rows_of(project, "fox")
    index = project.review_index(project.latest_run())
    known = NormalCrops(index)
    for row, species in (
        (deer.iloc[3], ""),
        (deer.iloc[4], DEER),
        (deer.iloc[5], "roe"),  # another species
        (deer.iloc[6], NOTHING),
    ):
        project.save_verdict(row, Decision.NORMAL, reviewer="Ada", species=species)
    assert not find(project, deer.iloc[0], known).are_normal, "two are too few"

    project.save_verdict(fox.iloc[4], Decision.NORMAL, reviewer="Ada", species=DEER)  # corrected to this species

    alike = find(project, deer.iloc[0], known)
    assert alike.are_normal
    assert set(alike.crop_ids) == {deer["crop_id"][3], deer["crop_id"][4], fox["crop_id"][4]}
    assert min(alike.places) >= 0


def test_the_crops_that_the_bundle_was_trained_on_are_examples(project):
    deer = rows_of(project, DEER)
    asked = []

    def find_examples(kind: str, species: str, camera: str) -> Examples:
        asked.append((kind, species, camera))
        return Examples([f"{n:020x}" for n in range(4)], np.eye(4, EMBEDDING_LENGTH, dtype=np.float16))

    alike = find(project, deer.iloc[0], find_examples=find_examples)

    assert asked == [("detection", DEER, "")]
    assert alike.are_normal
    assert sorted(alike.crop_ids) == [f"{n:020x}" for n in range(4)]
    assert set(alike.places) == {-1}


def test_training_crops_of_another_encoder_are_not_compared_with(project):
    deer = rows_of(project, DEER)
    other = Examples([f"{n:020x}" for n in range(4)], np.eye(4, EMBEDDING_LENGTH + 3, dtype=np.float16))

    assert not find(project, deer.iloc[0], find_examples=lambda *_: other).are_normal
