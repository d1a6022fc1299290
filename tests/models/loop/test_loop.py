"""Run, review, retrain, run again: nothing is lost on the way round, and the order gets better."""

import json
from dataclasses import replace

import numpy as np
import pytest

import cli
from core.evaluation.metrics import compute_auroc
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.records import Box
from core.review.rankings import RankingInfo, read_ranking, read_ranking_info
from core.review.stopping import Remaining
from core.review.training_labels import is_held_out, name_group
from core.study.project import Project
from models.bundles.bundle import Bundle
from models.loop.against_truth import measure_truth
from models.loop.ranking import rank_run
from models.loop.retraining import retrain_bundle
from tests.fakes.season import KNOWN, STRANGER, add_season, decide, is_stranger, make_base_bundle
from ui.review.remaining import say_remaining
from ui.work.ranking import refresh_ranking

EVERYTHING = {"flagged_only": False, "limit": 1_000}


def measure_auroc(rows) -> float:
    return compute_auroc(
        rows["score"].to_numpy(dtype=float), novel=rows.apply(is_stranger, axis=1).to_numpy(dtype=bool)
    )


@pytest.fixture(scope="module")
def circle(tmp_path_factory):
    """The whole way round once: a project, its two bundles' runs and the report in between."""
    project = Project(tmp_path_factory.mktemp("loop") / "project")
    first = make_base_bundle(project)
    project.store.activate_bundle("first")
    before = add_season(project, "before", bundle=first)
    decide(project, project.review_queue(before, **EVERYTHING).rows.head(60))
    report = retrain_bundle(project, name="second", made_from="first")
    again = Bundle.load(project.bundles_dir / "second")
    return project, before, report, add_season(project, "after", bundle=again)


def test_the_verdicts_are_still_there_when_the_folder_is_run_again(circle):
    project, before, _, after = circle

    there, here = (project.review_queue(run, **EVERYTHING).rows.set_index("crop_id") for run in (before, after))

    assert (there["verdict"] != "").sum() == 60
    assert there["verdict"].to_dict() == here["verdict"].to_dict()


def test_the_new_bundle_puts_the_season_in_a_better_order(circle):
    project, before, report, after = circle

    old, new = (measure_auroc(project.review_queue(run, **EVERYTHING).rows) for run in (before, after))

    assert new > old
    assert report["after"]["auroc"] >= report["before"]["auroc"]
    assert report["after"]["n_normal"] + report["after"]["n_anomalies"] == report["account"]["kept_back"]


def test_no_verdict_both_teaches_and_judges(circle):
    project, _before, report, _ = circle

    trained = set(Bundle.load(project.bundles_dir / "second").training_rows().table["crop_id"])
    decided = set(project.verdicts()["crop_id"])

    assert len(trained & decided) == report["account"]["taught_normal"]
    assert report["account"]["kept_back"] > 0
    account = report["account"]
    assert account["taught_normal"] + account["anomalies"] + account["kept_back"] == account["verdicts"]


def test_the_truth_measures_only_events_that_trained_nothing(circle):
    project, before, report, _ = circle
    box = Box(8, 8, 40, 40)
    truth = LabelFile(
        tuple(
            LabelledPhoto(name, (Label(STRANGER if is_stranger({"file_name": name}) else "fox", box),))
            for name in before.file_names
        )
    )
    decided = project.verdicts()["crop_id"]
    kept_back = report["account"]["kept_back"]

    result = measure_truth(
        project,
        old=Bundle.load(project.bundles_dir / "first"),
        new=Bundle.load(project.bundles_dir / "second"),
        trained_events=find_trained(project, before),
        truth=truth,
        split=None,
    )

    assert result["n_left_out"] == len(decided) - kept_back
    for key in ("before", "after"):
        assert result[key]["n_known"] + result[key]["n_novel"] == len(before.file_names) - result["n_left_out"]
    assert result["after"]["auroc"] >= result["before"]["auroc"]


def find_trained(project, run) -> set[str]:
    """The events of the decided crops that were not kept back, found the slow way."""
    rows = project.review_queue(run, **EVERYTHING).rows
    rows = rows[rows["verdict"] != ""]
    groups = [name_group(photo, event) for photo, event in zip(rows["photo_id"], rows["event_id"], strict=True)]
    return {group for group in groups if not is_held_out([group])[0]}


def test_an_accepted_anomaly_is_never_trained_as_normal(circle):
    project, *_ = circle
    anomalies = set(project.verdicts().query("verdict == 'anomaly'")["crop_id"])

    trained = set(Bundle.load(project.bundles_dir / "second").training_rows().table["crop_id"])

    assert anomalies
    assert not anomalies & trained


def test_the_active_bundle_stays_until_somebody_changes_it_and_every_bundle_can_be_had_again(circle, capsys):
    project, *_ = circle
    assert project.store.active_bundle() == "first"

    for name in ("second", "first"):
        assert cli.main(["activate", "--project", str(project.path), "--bundle", name, "--json"]) == 0
        assert project.store.active_bundle() == name

    made_from = dict(project.store.bundles()[["name", "made_from"]].itertuples(index=False))
    assert made_from == {"first": "", "second": "first"}


def test_what_moved_most_can_be_looked_at(circle):
    project, _before, report, _ = circle

    assert report["moved"]
    assert project.find_crop(report["moved"][0]["crop_id"])
    assert all(row["before"] != row["after"] and 1 <= row["after"] <= row["of"] for row in report["moved"])


def test_verdicts_put_what_is_undecided_in_a_better_order_and_say_what_is_left(circle):
    project, before, *_ = circle

    info = rank_run(project, before)

    undecided = project.review_queue(before, undecided_only=True, **EVERYTHING).rows
    ranking = read_ranking(before).set_index("crop_id").loc[undecided["crop_id"]]
    odd = undecided.apply(is_stranger, axis=1).to_numpy(dtype=bool)
    if odd.any():
        by_score = compute_auroc(undecided["score"].to_numpy(dtype=float), novel=odd)
        assert compute_auroc(ranking["likelihood"].to_numpy(dtype=float), novel=odd) >= by_score
    assert sorted(ranking["likely_place"]) == sorted(ranking["learn_place"]) == list(range(len(undecided)))
    assert info.remaining.undecided == len(undecided)
    assert info.remaining.found == (project.verdicts()["verdict"] == "anomaly").sum()
    assert odd.sum() <= info.remaining.at_most
    assert read_ranking_info(before) == info


def test_verdicts_of_one_run_rank_the_next_one_too(circle):
    project, _before, *_ = circle
    other = add_season(project, "elsewhere", bundle=Bundle.load(project.bundles_dir / "first"), seed=50)

    info = rank_run(project, other)

    rows = project.review_queue(other, **EVERYTHING).rows
    odd = rows.apply(is_stranger, axis=1).to_numpy(dtype=bool)
    likelihood = read_ranking(other).set_index("crop_id").loc[rows["crop_id"], "likelihood"].to_numpy(dtype=float)
    assert info.n_anomalies > 0
    assert info.remaining.decided == 0
    assert compute_auroc(likelihood, novel=odd) > measure_auroc(rows)


def test_the_command_line_goes_round_as_well(tmp_path, capsys):
    project = Project(tmp_path / "project")
    run = add_season(project, "look")
    decide(project, project.review_queue(run, **EVERYTHING).rows.head(70))

    code = cli.main(["retrain", "--project", str(project.path), "--name", "learnt", "--activate", "--json"])

    report = json.loads(capsys.readouterr().out)
    assert code == 0, report
    assert report["made_from"] == ""
    assert report["species"] == {"animal": report["account"]["taught_normal"]}
    assert project.store.active_bundle() == "learnt"
    assert cli.main(["rank", "--project", str(project.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["remaining"]["undecided"] == 22


def test_an_accepted_species_becomes_known_only_when_that_is_asked_for(tmp_path):
    project = Project(tmp_path / "project")
    run = add_season(project, "before", bundle=make_base_bundle(project), n_odd=30)
    decide(project, project.review_queue(run, **EVERYTHING).rows, species=STRANGER)

    without = retrain_bundle(project, name="without", made_from="first")
    with_it = retrain_bundle(project, name="with", made_from="first", learn_species=[STRANGER])

    assert set(without["species"]) == set(KNOWN)
    assert set(with_it["species"]) == {*KNOWN, STRANGER}
    assert with_it["account"]["taught_new_species"] == with_it["species"][STRANGER]
    vectors = np.concatenate([rows for _, rows in run.embedded_shards()])[-30:]
    low, high = (
        Bundle.load(project.bundles_dir / name).species_judge.judge(vectors).p_values for name in ("without", "with")
    )
    assert np.median(high) > np.median(low)


def test_the_review_queue_goes_by_the_newest_ranking(circle):
    project, before, *_ = circle
    rank_run(project, before)
    ranking = read_ranking(before)

    for order, column in (("likely", "likely_place"), ("learn", "learn_place")):
        rows = project.review_queue(before, undecided_only=True, order=order, **EVERYTHING).rows
        assert rows["crop_id"].tolist() == ranking.sort_values(column)["crop_id"].tolist()


def test_without_a_ranking_the_order_of_likelihood_is_that_of_the_score(tmp_path):
    project = Project(tmp_path / "project")
    run = add_season(project, "look", n_usual=20, n_odd=2)

    by_score, likely = (
        project.review_queue(run, order=order, **EVERYTHING).rows["crop_id"].tolist() for order in ("score", "likely")
    )

    assert by_score == likely


def test_a_ranking_is_made_anew_only_after_a_few_more_decisions(tmp_path, monkeypatch):
    project = Project(tmp_path / "project")
    run = add_season(project, "look", n_usual=20, n_odd=2)
    asked = []
    monkeypatch.setattr("ui.work.start.start", lambda project, request: asked.append(request.work_id))

    assert not refresh_ranking(project, run, last_sequence=9)
    assert refresh_ranking(project, run, last_sequence=10)
    decide(project, project.review_queue(run, **EVERYTHING).rows.head(12))
    rank_run(project, run)
    assert not refresh_ranking(project, run, last_sequence=21)
    assert refresh_ranking(project, run, last_sequence=22)
    assert asked == ["runs/look/ranking", "runs/look/ranking"]


@pytest.mark.parametrize(
    ("found", "at_most", "expected", "words"),
    [
        (
            37,
            2,
            0.9,
            "**You can stop here.** 37 anomalies found; probably at most 2 are still among the 200 undecided crops.",
        ),
        (3, 0, 0.1, "**You can stop here.** 3 anomalies found; probably none is left among the 200 undecided crops."),
        (12, 9, 4.2, "**12 anomalies found.** About 4 (at most 9) are probably still among the 200 undecided crops."),
        (7, 38, 16.2, "**7 anomalies found.** About 16 (at most 38) are probably still among the 200 undecided crops."),
        (1, 5, 1.2, "**1 anomaly found.** About 1 (at most 5) is probably still among the 200 undecided crops."),
        (1, 5, 0.2, "**1 anomaly found.** Perhaps none, at most 5, are still among the 200 undecided crops."),
    ],
)
def test_what_is_left_is_said_in_a_sentence(found, at_most, expected, words):
    said = Remaining(found=found, decided=60, undecided=200, expected=expected, at_most=at_most)

    assert say_remaining(RankingInfo("run", 60, found, 60 - found, said)) == words
    assert say_remaining(RankingInfo("run", 9, 0, 9, replace(said, decided=9))) == ""


def test_the_first_estimate_comes_after_ten_decisions_and_says_that_it_is_one():
    said = Remaining(found=2, decided=10, undecided=90, expected=4.2, at_most=20)

    assert say_remaining(RankingInfo("run", 10, 2, 8, said)) == (
        "A first estimate, from 10 decisions: **2 anomalies found.** About 4 (at most 20) are probably still among the "
        "90 undecided crops."
    )
    assert not said.can_stop
