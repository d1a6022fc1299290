"""The queue, exports and figures have one order: by p-value, then by score, also where species disagree in scores."""

import numpy as np
import pandas as pd
import pytest

from core.export.choice import Export, ExportChoice
from core.records import JudgedBy
from core.runs.catalogue import rank_crops, read_catalogue
from core.runs.folder import RunFolder
from tests.fakes.project import make_project

# By an earlier version: few foxes were held out, so that a fox far from all of them has a larger p-value than a deer.
EARLIER = {0.067: 3.0, 0.015: 1.2, 0.002: 1.1, 0.5: 0.9}


def score_as_earlier(crops: pd.DataFrame) -> pd.DataFrame:
    p_values = [list(EARLIER)[i % 4] for i in range(len(crops))]
    scores = [EARLIER[p] + int(crop_id[:4], 16) * 1e-6 for p, crop_id in zip(p_values, crops["crop_id"], strict=True)]
    return pd.DataFrame(
        {
            "crop_id": crops["crop_id"],
            "species": ["fox" if p == 0.067 else "deer" for p in p_values],
            "score": scores,
            "p_value": p_values,
            "flagged": np.array(p_values) <= 0.05,
            "judged_by": str(JudgedBy.SPECIES_MODEL),
            "judged_against": "deer",
        }
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = make_project(tmp_path_factory.mktemp("order"), n=12)
    run = made.latest_run()
    run.write_all_scores(score_as_earlier(crops) for crops, _ in run.embedded_shards())
    return made


def test_a_run_of_an_earlier_version_leads_with_the_smallest_p_value_and_all_flags_come_first(project):
    rows = project.review_queue(flagged_only=False).rows

    assert (np.diff(rows["p_value"]) >= 0).all()
    assert rows["p_value"].iloc[0] == 0.002
    n = int(rows["flagged"].sum())
    assert rows["flagged"].head(n).all()
    ties = rows[rows["p_value"] == 0.015]["score"]
    assert (np.diff(ties) < 0).all()


def test_exports_and_evaluation_have_the_order_of_the_queue(project):
    queue = project.review_queue(flagged_only=False).rows["crop_id"].tolist()
    run = RunFolder.open(project.latest_run().path)

    with Export(project, ExportChoice(verdicts=())) as export:
        exported = [row["crop_id"] for row in export.rows(by_photo=False)]
    crops = read_catalogue(run, ["crop_id", "p_value", "score"]).sample(frac=1, random_state=1)
    ranks = rank_crops(crops["p_value"].to_numpy(), crops["score"].to_numpy())

    assert exported == queue
    assert crops["crop_id"].iloc[np.argsort(-ranks)].tolist() == queue


def test_ranks_are_equal_for_equal_crops_and_last_for_crops_without_a_score():
    ranks = rank_crops(np.array([0.5, np.nan, 0.01, 0.5, 0.0]), np.array([1.0, np.nan, -2.0, 1.0, 9.0]))

    assert ranks.tolist() == [1, 0, 2, 1, 3]
    assert len(rank_crops(np.empty(0), np.empty(0))) == 0
