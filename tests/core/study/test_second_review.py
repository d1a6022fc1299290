"""A second reviewer sees nothing of the first and changes nothing that holds; a conflict is settled by one more row."""

import pytest

from core.errors import AnomalureError
from core.export.choice import Export, ExportChoice
from core.records import Decision, Round
from core.study.project import Project
from core.study.second_review import (
    SecondReview,
    find_conflicts,
    keep_second_review,
    measure_agreement,
    measure_by_reviewers,
    pair_verdicts,
    read_second_review,
    save_second,
    second_queue,
    settle,
)
from tests.fakes.project import make_project


@pytest.fixture
def project(tmp_path) -> Project:
    """Ada has decided about six crops, and all decided crops are drawn."""
    made = make_project(tmp_path, 8)
    rows = made.review_queue(flagged_only=False).rows
    made.save_verdicts([rows.iloc[n] for n in range(3)], Decision.ANOMALY, reviewer="Ada", species="stoat")
    made.save_verdicts([rows.iloc[n] for n in range(3, 6)], Decision.NORMAL, reviewer="Ada")
    keep_second_review(made, SecondReview(share=1.0))
    return made


def pairs_of(project):
    return pair_verdicts(project.store.verdicts(with_second=True))


def decide(project, *decisions, reviewer="Bo", **said):
    """The second verdicts on the next crops of the queue, and their ids."""
    rows = second_queue(project, reviewer).rows
    return [
        save_second(project, rows.iloc[n].to_dict(), decision, reviewer=reviewer, **said).crop_id
        for n, decision in enumerate(decisions)
    ]


def test_the_second_reviewer_gets_what_others_decided_and_nothing_of_what_they_said(project):
    queue = second_queue(project, "Bo")

    assert set(queue.rows["crop_id"]) == set(project.verdicts()["crop_id"])
    assert not {"verdict", "species", "note", "reviewer"} & set(queue.rows.columns)
    assert second_queue(project, "Ada").rows.empty


def test_what_holds_stays_as_it_was(project):
    before = project.verdicts()
    decide(project, Decision.UNSURE, Decision.UNSURE)

    assert project.verdicts().equals(before)
    assert set(project.review_queue(flagged_only=False).rows["verdict"]) == {"anomaly", "normal", ""}
    with Export(project, ExportChoice()) as export:
        assert export.count().n_crops == 3
    assert (second_queue(project, "Bo").n_done, second_queue(project, "Bo").n_drawn) == (2, 6)
    assert second_queue(project, "Cy").n_done == 0


def test_the_share_is_drawn_by_the_crop_and_grows_without_losing_any():
    ids = [f"{n:020x}" for n in range(4000)]
    tenth = {crop for crop in ids if SecondReview(share=0.1).draws(crop)}
    fifth = {crop for crop in ids if SecondReview(share=0.2).draws(crop)}

    assert 320 < len(tenth) < 480
    assert tenth < fifth
    assert tenth != {crop for crop in ids if SecondReview(share=0.1, seed=8).draws(crop)}
    assert not any(SecondReview(share=0).draws(crop) for crop in ids)
    assert all(SecondReview(share=1).draws(crop) for crop in ids)


def test_the_order_tells_nothing_of_the_first_verdict(project):
    keys = second_queue(project, "Bo").rows["crop_id"].tolist()
    assert keys != project.verdicts()["crop_id"].tolist()
    assert keys == second_queue(project, "Cy").rows["crop_id"].tolist()


def test_two_who_disagree_are_a_conflict_until_somebody_settles_it(project):
    crop_id, *_ = decide(project, Decision.UNSURE)
    (conflict,) = find_conflicts(project.store.verdicts(with_second=True)).to_dict("records")
    assert (conflict["crop_id"], conflict["first_reviewer"], conflict["second_reviewer"]) == (crop_id, "Ada", "Bo")

    settle(project, crop_id, Decision.UNSURE, reviewer="Cy", note="both looked")

    given = project.store.verdicts(with_second=True)
    assert find_conflicts(given).empty
    assert pair_verdicts(given)["settled"].tolist() == ["unsure"]
    (held,) = project.verdicts().query("crop_id == @crop_id").to_dict("records")
    assert (held["verdict"], held["reviewer"], held["round"]) == ("unsure", "Cy", Round.SETTLED)
    assert len(given[given["crop_id"] == crop_id]) == 3  # nothing was overwritten


def test_a_settled_conflict_opens_again_when_one_of_them_decides_anew(project):
    crop_id, *_ = decide(project, Decision.UNSURE)
    settle(project, crop_id, Decision.NORMAL, reviewer="Cy")
    project.save_verdict(crop_id, Decision.ANOMALY, reviewer="Ada")

    assert find_conflicts(project.store.verdicts(with_second=True))["crop_id"].tolist() == [crop_id]


def test_another_species_is_a_conflict_too_where_both_named_one(project):
    first = project.verdicts().set_index("crop_id")
    for row in second_queue(project, "Bo").rows.to_dict("records"):
        save_second(project, row, first.loc[row["crop_id"], "verdict"], reviewer="Bo", species="Weasel")

    pairs = pairs_of(project)
    assert measure_agreement(pairs).kappa == 1.0
    assert pairs["differs"].sum() == 3  # Ada named a species on three


def test_agreement_is_measured_over_all_and_by_who_decided(project):
    decide(project, *[Decision.ANOMALY] * 6)
    decide(project, Decision.ANOMALY, reviewer="Cy")

    whole = measure_agreement(pairs_of(project))
    assert (whole.n_crops, whole.kappa) == (7, pytest.approx(0, abs=0.2))
    assert {who: one.n_crops for who, one in measure_by_reviewers(pairs_of(project)).items()} == {
        ("Ada", "Bo"): 6,
        ("Ada", "Cy"): 1,
    }


def test_a_second_verdict_can_be_taken_back(project):
    (crop_id,) = decide(project, Decision.UNSURE)
    project.undo_verdict(crop_id, reviewer="Bo", round=Round.SECOND)

    assert pairs_of(project).empty
    assert second_queue(project, "Bo").n_done == 0
    assert len(project.verdicts()) == 6


def test_who_has_no_name_or_was_first_gives_no_second_verdict(project):
    row = second_queue(project, "Bo").rows.iloc[0].to_dict()
    for reviewer, said in (("", "needs your name"), ("Ada", "You gave the first verdict")):
        with pytest.raises(AnomalureError, match=said):
            save_second(project, row, Decision.NORMAL, reviewer=reviewer)
    with pytest.raises(AnomalureError, match="needs your name"):
        second_queue(project, "")
    with pytest.raises(AnomalureError, match="give your name"):
        settle(project, row["crop_id"], Decision.NORMAL, reviewer="")
    with pytest.raises(AnomalureError, match="no verdict on crop"):
        settle(project, "0" * 20, Decision.NORMAL, reviewer="Cy")


def test_the_share_is_kept_for_everybody_and_a_tenth_at_first(tmp_path):
    made = Project(tmp_path / "new")
    assert read_second_review(made) == SecondReview(share=0.1, seed=7)
    keep_second_review(made, SecondReview(share=0.25, seed=3))
    assert read_second_review(Project(tmp_path / "new")) == SecondReview(share=0.25, seed=3)
    with pytest.raises(AnomalureError, match="from 0 to 1"):
        SecondReview(share=1.5)
