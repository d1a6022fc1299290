"""How often a detector sees what the model misses, beside what it sees where nothing is missed."""

import pandas as pd
import pytest

from core.errors import AnomalureError
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.records import Box
from core.scenes.agreement import compare_with_seen, read_seen
from core.scenes.findings import FINDING_COLUMNS
from core.scenes.scene_set import make_scene_set

PHOTOS = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")


def missing(*pairs):
    rows = [(scene, name, "missing", 0.9, 2.2, 0.01) for scene, name in pairs]
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS))


def box(name, confidence):
    return Label("", Box(0, 0, 1, 1), confidence, name)


def test_the_counts_by_hand():
    scenes = make_scene_set(PHOTOS, [{"cup": 1}, {"cup": 1}, {"cup": 1, "fork": 1}, {"cup": 1}])
    seen = {"a.jpg": {"fork": 0.9}, "b.jpg": {}, "c.jpg": {"fork": 0.8}, "d.jpg": {"fork": 0.7}}

    agreement = compare_with_seen(missing((0, "fork"), (1, "fork")), scenes, seen)

    assert agreement.per_class == {"fork": [2, 1, 1, 1]}
    assert (agreement.share, agreement.control_share) == (0.5, 1.0)


def test_photos_that_the_detector_did_not_look_at_and_classes_that_it_does_not_know_do_not_count():
    scenes = make_scene_set(PHOTOS, [{"cup": 1}] * 3 + [{"fork": 1, "owl": 1}])

    agreement = compare_with_seen(missing((0, "fork"), (1, "fork"), (1, "owl")), scenes, {"b.jpg": {"fork": 0.9}})

    assert (agreement.n_missing, agreement.n_seen, agreement.n_unknown) == (1, 1, 1)
    assert agreement.control_share is None


def test_nothing_missing_has_no_share():
    scenes = make_scene_set(PHOTOS, [{"cup": 1}] * 4)

    assert compare_with_seen(missing(), scenes, {"a.jpg": {"cup": 1.0}}).share is None


def test_detections_are_met_by_name_and_weak_ones_do_not_count():
    annotated = [LabelledPhoto("deep/a.jpg"), LabelledPhoto("deep/b.jpg")]
    detections = LabelFile((LabelledPhoto("a.jpg", (box("Fork", 0.8), box("cup", 0.3))), LabelledPhoto("x.jpg")))

    assert read_seen(detections, annotated, min_confidence=0.5) == {"deep/a.jpg": {"fork": 0.8}}


def test_detections_of_other_photos_are_refused():
    with pytest.raises(AnomalureError, match="None of the 1 photos"):
        read_seen(LabelFile((LabelledPhoto("x.jpg"),)), [LabelledPhoto("a.jpg")], min_confidence=0.5)
