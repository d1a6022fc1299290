"""What is computed of a run for looking around in it: kept, found again, never done twice, and stopped on request."""

import numpy as np
import pytest
from fake_project import make_project

from core.explorations import Exploration, WorkStatus
from core.projection import Projection, ProjectionKind

PCA = Projection(kind=ProjectionKind.PCA)


@pytest.fixture(scope="module")
def exploration(tmp_path_factory):
    run = make_project(tmp_path_factory.mktemp("explore"), n=30).latest_run()
    return Exploration.of(run)


def test_a_projection_has_one_point_for_each_crop_in_the_order_of_the_run(exploration):
    assert exploration.points(PCA) is None

    exploration.compute(PCA)

    ids = [crop for crops, _ in exploration.run.embedded_shards() for crop in crops["crop_id"]]
    assert exploration.crop_ids == ids
    assert exploration.points(PCA).shape == (30, 2)
    assert exploration.state(PCA).status is WorkStatus.READY


def test_the_ladder_is_made_once_and_holds_the_perplexities_that_the_crops_allow(exploration):
    made = exploration.compute_ladder()

    assert [one.key for one in made] == ["pca", "tsne-5"]
    assert all(exploration.state(one).status is WorkStatus.READY for one in made)
    assert np.isfinite(exploration.points(Projection(perplexity=5))).all()
