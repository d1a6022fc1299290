"""Named lists of crops."""

import pytest

from core.errors import AnomalureError
from core.study.selections import FOLDER
from tests.fakes.project import make_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("selections"), 6)


@pytest.fixture(scope="module")
def crop_ids(project):
    return project.review_queue(flagged_only=False).rows["crop_id"].tolist()


def test_a_selection_is_found_again_by_its_id_with_its_crops_in_their_order(project, crop_ids):
    run_id = project.latest_run().run_id
    kept = project.save_selection("  odd\nones ", run_id, [crop_ids[3], crop_ids[1], crop_ids[3]], source="lasso")

    again = project.selection(kept.selection_id)

    assert (again.name, again.run_id, again.source, again.n_crops) == ("odd ones", run_id, "lasso", 2)
    assert again.crop_ids() == [crop_ids[3], crop_ids[1]]


def test_the_newest_selection_stands_first_and_one_of_the_same_name_takes_nothing_away(project, crop_ids):
    run_id = project.latest_run().run_id
    before = len(project.selections())
    kept = [project.save_selection("twin", run_id, crop_ids[:2], source="box") for _ in range(2)]

    found = project.selections()

    assert len(found) == before + 2
    assert {one.selection_id for one in found[:2]} == {one.selection_id for one in kept}


@pytest.mark.parametrize("selection_id", ["", "..", "../anomalure", "20260101-000000-00000000", "x" * 500, "a\x00b"])
def test_an_id_that_is_none_is_said_so_and_reaches_no_other_file(project, selection_id):
    with pytest.raises(AnomalureError, match="no selection"):
        project.selection(selection_id)


def test_no_crops_or_those_of_another_run_are_refused(project):
    run_id = project.latest_run().run_id
    with pytest.raises(AnomalureError, match="at least one crop"):
        project.save_selection("empty", run_id, [], source="box")
    with pytest.raises(AnomalureError, match="does not have 1 of the 1 crops"):
        project.save_selection("strange", run_id, ["0" * 20], source="box")
    with pytest.raises(AnomalureError, match="no run"):
        project.save_selection("strange", "nowhere", ["0" * 20], source="box")


def test_a_damaged_file_is_listed_with_its_problem(project):
    path = project.path / FOLDER / "20300101-000000-00000000.parquet"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"not a table")
    try:
        assert "not what Anomalure wrote" in project.selections()[0].problem
        with pytest.raises(AnomalureError, match="not what Anomalure wrote"):
            project.selection(path.stem)
    finally:
        path.unlink()
