"""A run held against the truth: what a crop shows, what counts as an anomaly, and what is said when nothing can be."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import AnomalureError
from core.evaluation.judging import NO_ANIMAL, SEVERAL, evaluate_run, find_shown_box
from core.formats.account import Problems
from core.formats.coco import parse_coco
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.records import Box, Crop, CropKind, Detection, Failure, JudgedBy, Photo, name_crops
from core.runs.folder import Phase, Progress, RunFolder, RunInfo, ShardTables

SIDE_PX = 100
KNOWN = ("deer", "fox")
LEFT, RIGHT = Box(0, 0, 40, 40), Box(60, 60, 40, 40)


def make_run(
    tmp_path: Path,
    photos: dict[str, list[tuple[Box | None, float]] | str],
    *,
    scored: bool = True,
    height_px: int = SIDE_PX,
) -> RunFolder:
    """A run over photos 100 px wide with these crops as (box or whole frame, score); a text names a copy's original."""
    info = RunInfo(run_id="run", name="run", folder=str(tmp_path / "season"))
    run = RunFolder.create(tmp_path / "run", info, list(photos))
    shard, scores = ShardTables(), []
    shard.add_embeddings([], np.empty((0, 2)))
    for number, (name, crops) in enumerate(photos.items()):
        photo = Photo(f"{number:032x}", name, "north", SIDE_PX, height_px, 1000)
        if isinstance(crops, str):
            shard.add_duplicate(photo, duplicate_of=crops)
            continue
        if not crops:
            shard.add_failure(Failure(name, "read", "This file is not a picture."))
            continue
        ids = name_crops(photo.photo_id, [box for box, _ in crops])
        shard.add_photo(
            photo,
            detections=[Detection(box, "animal", 0.9) for box, _ in crops if box],
            crops=[
                Crop(
                    crop_id,
                    photo.photo_id,
                    CropKind.DETECTION if box else CropKind.FRAME,
                    box or Box(0, 0, SIDE_PX, height_px),
                )
                for crop_id, (box, _) in zip(ids, crops, strict=True)
            ],
        )
        shard.add_embeddings(ids, np.zeros((len(ids), 2)))
        scores += [
            {
                "crop_id": crop_id,
                "species": "deer",
                "score": score,
                "p_value": 0.01 if score > 1 else 0.5,
                "flagged": score > 1,
                "judged_by": str(JudgedBy.SPECIES_MODEL),
                "judged_against": "deer",
            }
            for crop_id, (_, score) in zip(ids, crops, strict=True)
        ]
    run.write_shard(0, shard)
    if scored:
        run.write_scores(0, pd.DataFrame(scores))
        run.write_events(run.read_table("photos", ["photo_id"]).assign(event_id=""))
        run.write_progress(Progress(phase=Phase.DONE))
    return run


def make_truth(*photos: tuple, frame=(SIDE_PX, SIDE_PX)) -> LabelFile:
    """Photos as (name, split, (species, box), ...)."""
    return LabelFile(
        tuple(
            LabelledPhoto(name, tuple(Label(species, box) for species, box in labels), split=split, frame=frame)
            for name, split, *labels in photos
        )
    )


def test_known_animals_are_normal_and_unknown_ones_are_anomalies(tmp_path):
    run = make_run(
        tmp_path, {"a.jpg": [(LEFT, 0.2)], "b.jpg": [(LEFT, 0.4)], "c.jpg": [(LEFT, 3.0)], "d.jpg": [(LEFT, 0.3)]}
    )
    truth = make_truth(
        ("a.jpg", "", ("deer", LEFT)),
        ("b.jpg", "", ("fox", LEFT)),
        ("c.jpg", "", ("stoat", LEFT)),
        ("d.jpg", "", ("stoat", LEFT)),
    )

    found = evaluate_run(run, truth, known_species=KNOWN)

    assert (found.n_known, found.n_novel) == (2, 2)
    assert found.auroc == pytest.approx(0.75)  # of four pairs only (0.3, 0.4) stands the wrong way
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert found.review_at_95 == pytest.approx(3 / 4)
    assert found.recall_flagged == pytest.approx(0.5)
    assert found.false_alarm_rate == 0.0
    assert found.per_species["stoat"] == {
        "n": 2,
        "novel": True,
        "share_flagged": 0.5,
        "median_score": 1.65,
        "auroc": 0.75,
        "share_flagged_interval": [0.0, 1.0],
    }
    fox = {name: value for name, value in found.per_species["fox"].items() if name != "share_flagged_interval"}
    assert fox == {"n": 1, "novel": False, "share_flagged": 0.0, "median_score": 0.4}


def test_a_detection_on_nothing_is_normal_and_counted(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 0.2), (RIGHT, 2.0)], "b.jpg": [(LEFT, 3.0)], "empty.jpg": [(LEFT, 0.1)]})
    truth = make_truth(
        ("a.jpg", "", ("deer", LEFT)), ("b.jpg", "", ("stoat", LEFT)), ("empty.jpg", "", ("empty", None))
    )

    found = evaluate_run(run, truth, known_species=KNOWN)

    assert found.n_unmatched == 2
    assert (found.n_known, found.n_novel) == (3, 1)
    assert found.per_species[NO_ANIMAL]["n"] == 2
    assert found.false_alarm_rate == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("species", "shown", "novel"),
    [
        ((), NO_ANIMAL, False),
        (("deer",), "deer", False),
        (("deer", "deer"), "deer", False),
        (("deer", "fox"), SEVERAL, False),
        (("deer", "stoat"), "stoat", True),
        (("empty",), NO_ANIMAL, False),
        (("Deer",), "Deer", False),
    ],
)
def test_a_whole_frame_shows_all_animals_of_its_photo(tmp_path, species, shown, novel):
    run = make_run(tmp_path, {"a.jpg": [(None, 1.0)]})
    truth = make_truth(
        ("a.jpg", "", *((name, None if name == "empty" else LEFT) for name in species)),
        ("elsewhere.jpg", "", ("stoat", LEFT)),
    )

    found = evaluate_run(run, truth, known_species=KNOWN)

    assert {name: row["novel"] for name, row in found.per_species.items()} == {shown: novel}
    assert (found.n_missed, found.n_unmatched, found.n_truth_without_photo) == (0, 0, 1)


def test_unknown_animals_that_no_crop_shows_are_counted_as_missed(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 0.2)], "broken.jpg": []})
    truth = make_truth(
        ("a.jpg", "", ("deer", LEFT), ("stoat", RIGHT), ("fox", RIGHT)),
        ("broken.jpg", "", ("stoat", LEFT), ("deer", LEFT)),
    )
    assert evaluate_run(run, truth, known_species=KNOWN).n_missed == 2


def test_the_truth_of_a_photo_without_a_box_holds_for_its_detections(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)], "b.jpg": [(LEFT, 0.1)]})
    truth = make_truth(("a.jpg", "", ("stoat", None)), ("b.jpg", "", ("deer", None)), frame=None)
    found = evaluate_run(run, truth, known_species=KNOWN)
    assert (found.auroc, found.n_unmatched) == (1.0, 0)


def test_the_truth_about_a_copy_is_that_of_the_photo_that_was_judged(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)], "copy.jpg": "a.jpg", "b.jpg": [(LEFT, 0.1)]})
    truth = make_truth(("copy.jpg", "", ("stoat", LEFT)), ("b.jpg", "", ("deer", LEFT)))
    found = evaluate_run(run, truth, known_species=KNOWN)
    assert (found.n_novel, found.n_photos_without_truth, found.n_truth_without_photo) == (1, 0, 0)


def test_photos_that_the_truth_does_not_speak_of_are_left_out_and_counted(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)], "b.jpg": [(LEFT, 0.1)], "other.jpg": [(LEFT, 9.0)]})
    truth = make_truth(("a.jpg", "", ("stoat", LEFT)), ("b.jpg", "", ("deer", LEFT)))
    found = evaluate_run(run, truth, known_species=KNOWN)
    assert (found.n_photos, found.n_photos_without_truth, found.n_known + found.n_novel) == (3, 1, 2)


def test_animals_without_a_name_are_left_out_and_counted(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0), (RIGHT, 0.5)], "b.jpg": [(None, 1.0)]})
    truth = make_truth(("a.jpg", "", ("", LEFT), ("deer", RIGHT)), ("b.jpg", "", ("", LEFT)))
    found = evaluate_run(run, truth, known_species=KNOWN)
    assert (found.n_unnamed, found.n_known, found.n_novel) == (2, 1, 0)


def test_a_truth_drawn_on_the_photo_turned_on_its_side_is_left_out_and_counted(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(Box(0, 0, 10, 10), 2.0)]}, height_px=50)
    upright = make_truth(("a.jpg", "", ("stoat", Box(0, 0, 10, 10))), frame=(200, 100))
    on_its_side = make_truth(("a.jpg", "", ("stoat", Box(0, 0, 10, 10))), frame=(50, 100))

    assert evaluate_run(run, upright, known_species=KNOWN).n_photos_unfit == 0
    found = evaluate_run(run, on_its_side, known_species=KNOWN)
    assert (found.n_photos_unfit, found.n_known, found.n_novel) == (1, 0, 0)


def test_relative_boxes_are_laid_on_the_photo(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(RIGHT, 2.0), (LEFT, 0.1)]})
    truth = make_truth(("a.jpg", "", ("stoat", Box(0.6, 0.6, 0.4, 0.4)), ("deer", Box(0, 0, 0.4, 0.4))), frame=(1, 1))
    assert evaluate_run(run, truth, known_species=KNOWN).auroc == 1.0


def test_without_a_bundle_the_species_of_the_train_split_are_known(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)], "b.jpg": [(LEFT, 0.1)]})
    truth = make_truth(
        ("a.jpg", "season", ("stoat", LEFT)),
        ("b.jpg", "season", ("deer", LEFT)),
        ("t.jpg", "train", ("deer", LEFT), ("empty", None)),
    )
    found = evaluate_run(run, truth, split="season")
    assert found.known_species == ("deer",)
    assert (found.auroc, found.n_truth_without_photo) == (1.0, 0)


def test_only_the_photos_of_the_split_are_judged(tmp_path):
    run = make_run(
        tmp_path, {"train/a.jpg": [(LEFT, 9.0)], "season/a.jpg": [(LEFT, 2.0)], "season/b.jpg": [(LEFT, 0.1)]}
    )
    truth = make_truth(
        ("train/a.jpg", "train", ("deer", LEFT)),
        ("season/a.jpg", "season", ("stoat", LEFT)),
        ("season/b.jpg", "season", ("deer", LEFT)),
    )
    found = evaluate_run(run, truth, split="season")
    assert (found.n_known, found.n_novel, found.n_photos_without_truth) == (1, 1, 1)


def test_the_truth_is_met_by_the_ending_of_its_names(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)], "b.jpg": [(LEFT, 0.1)]})  # in a folder "season"
    truth = make_truth(
        ("images/season/a.jpg", "", ("stoat", LEFT)),
        ("images/season/b.jpg", "", ("deer", LEFT)),
        ("images/train/a.jpg", "", ("fox", LEFT)),
    )
    found = evaluate_run(run, truth, known_species=KNOWN)
    assert (found.auroc, found.n_truth_without_photo) == (1.0, 1)


def test_a_coco_file_can_be_the_truth(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)], "b.jpg": [(LEFT, 0.1)]})
    coco = {
        "images": [
            {"id": i, "file_name": f"season/{name}.jpg", "width": SIDE_PX, "height": SIDE_PX}
            for i, name in enumerate("ab")
        ],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 40, 40]},
            {"id": 2, "image_id": 1, "category_id": 2, "bbox": [0, 0, 40, 40]},
        ],
        "categories": [{"id": 1, "name": "stoat"}, {"id": 2, "name": "deer"}],
    }
    assert evaluate_run(run, parse_coco(coco, source="truth.json"), known_species=KNOWN).auroc == 1.0


@pytest.mark.parametrize(
    ("species", "missing", "said"),
    [
        (
            "deer",
            ["auroc", "average_precision", "review_at_95", "recall_flagged"],
            "no crop shows a species that is not",
        ),
        ("stoat", ["auroc", "average_precision", "false_alarm_rate"], "every crop shows an unknown species"),
        (
            "",
            ["auroc", "average_precision", "review_at_95", "recall_flagged", "false_alarm_rate"],
            "no crop can be compared",
        ),
    ],
)
def test_a_figure_that_cannot_be_given_is_null_and_says_why(tmp_path, species, missing, said):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)]})
    truth = make_truth(("a.jpg", "", (species, LEFT)), ("elsewhere.jpg", "", ("deer", LEFT)))

    values = json.loads(json.dumps(evaluate_run(run, truth, known_species=KNOWN).to_values(), allow_nan=False))

    assert [name for name, value in values.items() if value is None] == missing
    assert sorted(values["reasons"]) == sorted(missing)
    assert all(said in reason for reason in values["reasons"].values())


@pytest.mark.parametrize(
    ("truth", "options", "said"),
    [
        (make_truth(("a.jpg", "", ("deer", LEFT))), {}, "Which species are known"),
        (make_truth(("a.jpg", "season", ("deer", LEFT))), {"known_species": KNOWN, "split": "winter"}, "has: season"),
        (make_truth(("a.jpg", "", ("deer", LEFT))), {"known_species": KNOWN, "split": "winter"}, "has: none"),
        (make_truth(("a.jpg", "", ("", LEFT))), {"known_species": KNOWN}, "names no species"),
        (make_truth(), {"known_species": KNOWN}, "names no species"),
        (make_truth(("z.jpg", "", ("deer", LEFT))), {"known_species": KNOWN}, "No photo of run run is in the truth"),
    ],
)
def test_a_truth_that_does_not_fit_is_refused_with_what_to_do(tmp_path, truth, options, said):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)]})
    with pytest.raises(AnomalureError, match=said):
        evaluate_run(run, truth, **options)


def test_a_run_without_scores_is_refused(tmp_path):
    run = make_run(tmp_path, {"a.jpg": [(LEFT, 2.0)]}, scored=False)
    with pytest.raises(AnomalureError, match="has no scores for all of its crops"):
        evaluate_run(run, make_truth(("a.jpg", "", ("deer", LEFT))), known_species=KNOWN)


@pytest.mark.parametrize(
    ("crop", "place"),
    [
        (Box(0, 0, 40, 40), 0),
        (Box(55, 55, 45, 45), 1),
        (Box(10, 10, 5, 5), 0),  # a part of the animal, all inside its box
        (Box(0, 0, 80, 80), None),  # overlaps the first by a quarter only, and most of it is in neither
        (Box(45, 45, 10, 10), None),
        (Box(36, 0, 10, 10), None),  # 40% of it is in the first
        (Box(34, 0, 10, 10), 0),  # 60%
        (Box(0, 0, 100, 100), None),
    ],
)
def test_a_crop_shows_the_animal_that_it_overlaps_or_lies_in(crop, place):
    assert find_shown_box(crop, [LEFT, RIGHT]) == place


def test_a_crop_of_a_photo_without_animals_shows_none():
    assert find_shown_box(LEFT, []) is None


def test_photos_that_were_met_in_a_folder_of_another_name_are_counted(tmp_path):
    run = make_run(tmp_path, {"cam1/IMG_1.JPG": [(LEFT, 0.2)]})
    problems = Problems()

    evaluate_run(
        run, make_truth(("old name/cam1/IMG_1.JPG", "", ("deer", LEFT))), known_species=KNOWN, problems=problems
    )
    assert problems.lines() == ()
    run = make_run(tmp_path / "other", {"IMG_1.JPG": [(LEFT, 0.2)]})
    evaluate_run(run, make_truth(("spring/IMG_1.JPG", "", ("deer", LEFT))), known_species=KNOWN, problems=problems)

    assert problems.lines() == (
        "1 photos in a folder that has another name in the labels (the first: spring/IMG_1.JPG is taken for IMG_1.JPG)",
    )
