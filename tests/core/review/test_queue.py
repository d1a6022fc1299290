"""The review queue: order, pages, filters, and verdicts that follow the animal from run to run."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from core.export.choice import Export, ExportChoice
from core.records import Box
from core.review.queue import QUEUE_COLUMNS, ReviewQueue, read_queue
from core.runs.catalogue import find_photo, read_catalogue
from core.runs.folder import Phase, Progress, RunFolder
from core.study.project import Project
from tests.fakes.project import PHOTO_HEIGHT_PX, PHOTO_WIDTH_PX, add_run, make_project


@pytest.fixture
def project(tmp_path) -> Project:
    return make_project(tmp_path, n=12)


def rank(queue: ReviewQueue) -> list[int]:
    """The photos' numbers, in the order of the queue."""
    return [int(name[-7:-4]) for name in queue.rows["file_name"]]


def verdicts_of(project: Project, run: RunFolder | str) -> dict[int, str]:
    queue = project.review_queue(run, flagged_only=False)
    return {n: verdict for n, verdict in zip(rank(queue), queue.rows["verdict"], strict=True) if verdict}


def row_of(project: Project, run: RunFolder | str, number: int) -> dict:
    queue = project.review_queue(run, flagged_only=False)
    return queue.rows.iloc[rank(queue).index(number)].to_dict()


# Order, pages, filters


def test_flagged_crops_come_most_anomalous_first(project):
    queue = project.review_queue()
    assert rank(queue) == [0, 1, 2, 3]
    assert queue.rows["flagged"].all()
    assert (queue.total, queue.n_selected, queue.n_flagged, queue.n_decided) == (4, 4, 4, 0)
    assert not queue.is_empty


def test_a_row_says_all_that_a_reviewer_needs(project):
    row = row_of(project, project.latest_run(), 0)
    assert tuple(row) == QUEUE_COLUMNS
    assert (row["file_name"], row["deployment"], row["event_id"]) == ("north/photo-000.jpg", "north", "event-0")
    assert Box(row["x"], row["y"], row["width"], row["height"]) == Box(30.0, 20.0, 40.0, 30.0)
    assert (row["photo_width"], row["photo_height"]) == (PHOTO_WIDTH_PX, PHOTO_HEIGHT_PX)
    assert (row["kind"], row["detector_class"], row["detector_confidence"]) == ("detection", "animal", 0.9)
    assert (row["species"], row["score"], row["p_value"], row["judged_by"]) == ("deer", 12.0, 0.01, "first look")
    assert (row["verdict"], row["verdict_crop_id"], row["note"]) == ("", "", "")
    assert pd.isna(row["decided_at"])
    assert (row["run"], row["bundle"], row["false_alarm_rate"]) == (project.latest_run().run_id, "", 0.05)


def test_a_crop_is_listed_once_although_its_photo_was_there_twice(project):
    queue = project.review_queue(flagged_only=False)
    assert rank(queue) == list(range(12))
    assert queue.rows["crop_id"].is_unique


def test_pages_follow_each_other_without_gaps(project):
    pages = [project.review_queue(flagged_only=False, limit=5, offset=offset) for offset in (0, 5, 10, 15)]
    assert [n for page in pages for n in rank(page)] == list(range(12))
    assert [len(page.rows) for page in pages] == [5, 5, 2, 0]
    assert {page.total for page in pages} == {12}


def test_equal_scores_are_ordered_by_their_crop(project):
    run = project.latest_run()
    for i in run.done_shards():
        run.write_scores(i, pd.read_parquet(run.path / f"scores-{i:05d}.parquet").assign(score=1.0, p_value=0.5))
    put_later(run)
    ids = project.review_queue(flagged_only=False).rows["crop_id"].tolist()
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("order", "first"),
    [("score", [0, 1, 2]), ("time", [0, 1, 2]), ("file", [0, 2, 4])],  # files: camera north first
)
def test_the_order_can_be_chosen(project, order, first):
    assert rank(project.review_queue(flagged_only=False, order=order, limit=3)) == first


def test_a_species_and_a_camera_can_be_chosen(project):
    assert rank(project.review_queue(species="fox", flagged_only=False)) == [1, 4, 7, 10]
    assert rank(project.review_queue(camera="south", flagged_only=False)) == [1, 3, 5, 7, 9, 11]
    queue = project.review_queue(species="fox", camera="south", flagged_only=False)
    assert rank(queue) == [1, 7]
    assert queue.n_flagged == 1
    assert project.review_queue(species="wolf'; DROP TABLE crops; --").is_empty


def test_species_and_cameras_are_counted(project):
    assert project.species() == {"badger": 4, "deer": 4, "fox": 4}
    assert project.cameras() == {"north": 6, "south": 6}


def test_another_false_alarm_rate_flags_more_or_fewer(project):
    assert project.review_queue(false_alarm_rate=0.5).total == 6
    strict = project.review_queue(false_alarm_rate=0.005, flagged_only=False)
    assert (strict.n_flagged, strict.total) == (0, 12)
    assert set(strict.rows["false_alarm_rate"]) == {0.005}
    assert project.review_queue(false_alarm_rate=0.01).total == 4  # at most the rate: equal counts


@pytest.mark.parametrize(
    "wrong", [{"order": "score; DROP TABLE x"}, {"limit": -1}, {"offset": -1}, {"false_alarm_rate": 1.5}]
)
def test_what_cannot_be_asked_is_refused(project, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        project.review_queue(**wrong)


def test_a_run_under_way_shows_its_finished_shards_without_scores(project):
    run = project.latest_run()
    for path in run.path.glob("scores-*"):
        path.unlink()
    (run.path / "events.parquet").unlink()
    (run.path / "done-00001.json").unlink()
    run.write_progress(Progress(phase=Phase.PHOTOS))

    queue = project.review_queue(run, flagged_only=False)

    assert 0 < queue.total < 12
    assert queue.rows["score"].isna().all()
    assert not queue.rows["flagged"].any()
    assert set(queue.rows["event_id"]) == {""}
    assert project.review_queue(run).is_empty


def test_a_run_without_any_shard_is_an_empty_queue_with_the_same_columns(project, tmp_path):
    run = project.new_run_folder("new", folder=tmp_path, file_names=["a.jpg"])
    queue = project.review_queue(run, flagged_only=False)
    assert queue.is_empty
    assert tuple(queue.rows.columns) == QUEUE_COLUMNS
    assert tuple(ReviewQueue.empty().rows.columns) == QUEUE_COLUMNS


# The kept table


def test_the_kept_table_of_a_done_run_says_what_the_shards_say(project):
    run = project.latest_run()
    columns = ("crop_id", "file_name", "score", "event_id", "species", "flagged", "p_value", "kind", "captured_at")
    kept = read_catalogue(run, columns)
    assert [path.name for path in run.path.glob("catalogue-*")] != []
    for path in run.path.glob("catalogue-*"):
        path.unlink()
    run.write_progress(Progress(phase=Phase.SCORES))
    pd.testing.assert_frame_equal(kept, read_catalogue(run, columns))
    assert list(run.path.glob("catalogue-*")) == []


def test_scores_that_were_made_anew_are_shown_at_once(project):
    run = project.latest_run()
    assert project.review_queue().rows["score"].max() == 12.0
    for i in run.done_shards():
        scores = pd.read_parquet(run.path / f"scores-{i:05d}.parquet")
        run.write_scores(i, scores.assign(score=scores["score"] + 100))
    put_later(run)
    assert project.review_queue().rows["score"].max() == 112.0
    assert len(list(run.path.glob("catalogue-*.arrow"))) == 1


def put_later(run: RunFolder) -> None:
    """Done again, a moment later by the clock."""
    before = run.read_progress().heartbeat_at
    run.write_progress(Progress(phase=Phase.DONE))
    while int(run.read_progress().heartbeat_at * 1000) == int(before * 1000):
        run.write_progress(Progress(phase=Phase.DONE))


def test_a_project_that_can_only_be_read_is_shown_without_the_kept_table(project, monkeypatch):
    def refuse(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("core.runs.catalogue.replace_file", refuse)
    assert rank(project.review_queue()) == [0, 1, 2, 3]
    assert [path.name for path in project.latest_run().path.iterdir() if "catalogue" in path.name] == []


def test_a_photo_is_found_by_its_content(project):
    run = project.latest_run()
    row = row_of(project, run, 3)
    assert find_photo(run, row["photo_id"]) == "south/photo-003.jpg"
    assert find_photo(run, "0" * 32) is None


# Verdicts


def test_a_verdict_shows_at_its_crop(project):
    project.save_verdict(
        row_of(project, project.latest_run(), 1), "normal", reviewer="R", note="only a fox", species="fox"
    )
    queue = project.review_queue()
    row = queue.rows.iloc[1]
    assert (row["verdict"], row["reviewer"], row["note"], row["verdict_species"]) == (
        "normal",
        "R",
        "only a fox",
        "fox",
    )
    assert row["verdict_crop_id"] == row["crop_id"]
    assert queue.n_decided == 1


def test_the_latest_verdict_holds(project):
    run = project.latest_run()
    for verdict in ("normal", "unsure", "anomaly"):
        project.save_verdict(row_of(project, run, 1), verdict)
    assert verdicts_of(project, run) == {1: "anomaly"}


def test_a_verdict_taken_back_leaves_the_crop_undecided(project):
    run = project.latest_run()
    project.save_verdict(row_of(project, run, 1), "normal")
    project.undo_verdict(row_of(project, run, 1))
    assert verdicts_of(project, run) == {}
    assert project.review_queue(undecided_only=True).total == 4


def test_decided_crops_can_be_left_out(project):
    run = project.latest_run()
    project.save_verdicts([row_of(project, run, 0), row_of(project, run, 2), row_of(project, run, 11)], "anomaly")
    queue = project.review_queue(undecided_only=True)
    assert rank(queue) == [1, 3]
    assert (queue.total, queue.n_selected, queue.n_decided) == (2, 4, 2)
    queue = project.review_queue(undecided_only=True, flagged_only=False)
    assert (queue.total, queue.n_selected, queue.n_decided) == (9, 12, 3)


def test_crops_decided_since_a_moment_keep_their_place(project):
    run = project.latest_run()
    early = project.save_verdict(row_of(project, run, 0), "anomaly")
    late = project.save_verdict(row_of(project, run, 2), "anomaly")
    since = early.decided_at + (late.decided_at - early.decided_at) / 2
    assert rank(project.review_queue(undecided_only=True, decided_since=since)) == [1, 2, 3]
    assert rank(project.review_queue(undecided_only=True, decided_since=since + timedelta(days=1))) == [1, 3]


def test_a_verdict_follows_the_animal_into_a_later_run_with_slightly_other_boxes(project, tmp_path):
    first = project.latest_run()
    project.save_verdict(row_of(project, first, 1), "anomaly", species="stoat")
    later = add_run(project, tmp_path / "photos", n=12, name="later", shift_px=4.0)

    row = row_of(project, later, 1)

    assert (row["verdict"], row["verdict_species"]) == ("anomaly", "stoat")
    assert row["verdict_crop_id"] != row["crop_id"]
    assert verdicts_of(project, later) == {1: "anomaly"}


def test_a_verdict_does_not_follow_to_a_box_elsewhere_in_the_photo(project, tmp_path):
    project.save_verdict(row_of(project, project.latest_run(), 1), "anomaly")
    later = add_run(project, tmp_path / "photos", n=12, name="later", shift_px=25.0)  # overlap 15/65 < 0.5
    assert verdicts_of(project, later) == {}


def test_a_verdict_about_a_whole_frame_stays_with_the_whole_frame(project, tmp_path):
    project.save_verdict(row_of(project, project.latest_run(), 4), "anomaly")
    later = add_run(project, tmp_path / "photos", n=12, name="later", shift_px=4.0)
    assert verdicts_of(project, later) == {4: "anomaly"}


def test_a_verdict_taken_back_in_a_later_run_is_taken_back_in_the_first(project, tmp_path):
    first = project.latest_run()
    project.save_verdict(row_of(project, first, 1), "anomaly")
    later = add_run(project, tmp_path / "photos", n=12, name="later", shift_px=4.0)

    project.undo_verdict(row_of(project, later, 1))

    assert verdicts_of(project, later) == verdicts_of(project, first) == {}
    assert project.verdicts().empty


def test_a_verdict_changed_in_a_later_run_holds_in_both_and_once(project, tmp_path):
    first = project.latest_run()
    project.save_verdict(row_of(project, first, 1), "anomaly")
    later = add_run(project, tmp_path / "photos", n=12, name="later", shift_px=4.0)

    project.save_verdict(row_of(project, later, 1), "normal")

    assert verdicts_of(project, later) == verdicts_of(project, first) == {1: "normal"}
    assert project.verdicts()["verdict"].tolist() == ["normal"]  # training sees the animal once


def verdict_rows(*rows: tuple) -> pd.DataFrame:
    """Verdicts as (crop, photo, box, verdict)."""
    return pd.DataFrame(
        [
            {
                "sequence": i,
                "crop_id": crop_id,
                "photo_id": photo_id,
                "kind": "detection",
                "x": box.x,
                "y": box.y,
                "width": box.width,
                "height": box.height,
                "verdict": verdict,
                "species": "",
                "note": "",
                "reviewer": "",
                "decided_at": pd.Timestamp("2026-05-01"),
                "given_to": "",
            }
            for i, (crop_id, photo_id, box, verdict) in enumerate(rows, start=1)
        ]
    )


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, by counting the cells of a fine grid."""
    grid = np.arange(0, 100, 0.5) + 0.25
    x, y = np.meshgrid(grid, grid)
    inside = [(x > box.x) & (x < box.x + box.width) & (y > box.y) & (y < box.y + box.height) for box in (a, b)]
    return (inside[0] & inside[1]).sum() / (inside[0] | inside[1]).sum()


@pytest.mark.parametrize("shift", [0.0, 5.0, 13.0, 13.5, 20.0, 60.0])
@pytest.mark.parametrize("grow", [-10.0, 0.0, 8.0])
def test_a_verdict_follows_a_box_that_overlaps_at_least_half(project, shift, grow):
    run = project.latest_run()
    row = row_of(project, run, 0)
    here = Box(30.0, 20.0, 40.0, 30.0)
    there = Box(here.x + shift, here.y, here.width + grow, here.height)
    given = verdict_rows(("other", row["photo_id"], there, "anomaly"))
    found = read_queue(run, given).rows["verdict"].tolist()
    assert found == ["anomaly" if overlap(here, there) >= 0.5 else "", "", "", ""]


def test_of_two_animals_close_together_each_keeps_its_own_verdict(project):
    run = project.latest_run()
    row = row_of(project, run, 0)
    box = Box(row["x"], row["y"], row["width"], row["height"])
    nearer, farther = Box(box.x + 2, box.y, 40, 30), Box(box.x + 8, box.y, 40, 30)
    # A verdict on the crop itself, and later ones on boxes of another run: the latest that fits holds.
    given = verdict_rows(
        (row["crop_id"], row["photo_id"], box, "normal"),
        ("far", row["photo_id"], farther, "unsure"),
        ("near", row["photo_id"], nearer, "anomaly"),
    )
    assert read_queue(run, given).rows["verdict"][0] == "anomaly"
    assert read_queue(run, given[given["crop_id"] != "near"]).rows["verdict"][0] == "unsure"
    # A verdict on a crop that this run has is never carried to its neighbour.
    other = row_of(project, run, 1)
    given = verdict_rows((other["crop_id"], row["photo_id"], box, "anomaly"))
    assert read_queue(run, given).rows["verdict"].tolist() == ["", "anomaly", "", ""]


def test_a_decision_sent_again_does_not_hide_what_another_dashboard_wrote_after_it(project):
    run = project.latest_run()
    rows = [row_of(project, run, place) for place in range(2)]
    project.review_index(run)
    mine = project.save_verdict(rows[0], "anomaly")
    project.review_index(run)
    Project(project.path).save_verdict(rows[1], "anomaly")
    project.store.append_verdicts([mine])

    assert project.review_queue(run, flagged_only=False).rows["verdict"].tolist().count("anomaly") == 2


def test_no_verdict_of_another_dashboard_is_missed_between_ones_own(project):
    run = project.latest_run()
    rows = [row_of(project, run, place) for place in range(4)]
    other = Project(project.path)
    project.review_index(run)
    for nth, writer in enumerate((project, other, project, other)):
        writer.save_verdict(rows[nth], "anomaly", reviewer="AB"[nth % 2])
        for one in (project, other):
            held = one.review_queue(run, flagged_only=False).rows
            assert sorted(held.loc[held["verdict"] == "anomaly", "crop_id"]) == sorted(
                row["crop_id"] for row in rows[: nth + 1]
            )


def test_species_of_earlier_versions_in_two_spellings_are_one(project, monkeypatch):
    monkeypatch.setattr(Project, "_spell", lambda self, species, run_id: species)  # earlier ones kept what was typed
    crops = project.review_queue(flagged_only=False).rows["crop_id"].tolist()
    for crop, name in zip(crops, ["Wild  cat", "wild cat", "wild cat", "DEER", "Deer"], strict=False):
        project.save_verdicts([crop], "anomaly", species=name)

    again = Project(project.path)
    assert again.review_index(again.latest_run()).named_species() == ["deer", "wild cat"]
    assert len(again.review_queue(species="wild cat", flagged_only=False).rows) == 3
    with Export(again, ExportChoice()) as export:
        assert sorted(row["species"] for row in export.rows(by_photo=False)) == ["deer"] * 2 + ["wild cat"] * 3
        assert export.species() == ["deer", "wild cat"]
