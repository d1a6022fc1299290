"""What is in a file of labels is counted before anything is learnt from it, and drawn."""

from datetime import datetime

import pytest

from core.errors import AnomalureError
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.labels.summary import summarise_labels
from core.records import Box
from ui.forms.label_charts import build_camera_figure, build_hour_figure, build_size_figure, build_species_figure
from ui.shared.palettes import FINE, ODD, QUIET


@pytest.fixture
def summary(tmp_path, write_jpeg):
    write_jpeg(tmp_path / "north/1.jpg", taken_at="2024:05:03 23:10:00")
    write_jpeg(tmp_path / "north/2.jpg")
    write_jpeg(tmp_path / "south/3.jpg", seed=3)
    fox = Label("fox", Box(0, 0, 50, 50))
    return summarise_labels(
        LabelFile(
            (
                LabelledPhoto("north/1.jpg", (fox, fox), frame=(100, 100)),
                LabelledPhoto("north/2.jpg", (Label("badger"),)),
                LabelledPhoto("south/3.jpg", (fox,), captured_at=datetime(2024, 5, 3, 12), frame=(200, 200)),
                LabelledPhoto("south/4.jpg", (Label("blank"),)),
            ),
            ("1 video",),
        ),
        tmp_path,
    )


def test_species_photos_boxes_and_cameras_are_counted(summary):
    assert summary.count_species().to_dict("records") == [
        {"species": "fox", "boxes": 3, "photos": 2, "cameras": 2},
        {"species": "badger", "boxes": 0, "photos": 1, "cameras": 1},
        {"species": "empty", "boxes": 0, "photos": 1, "cameras": 1},
    ]
    assert (summary.n_photos, summary.n_found, summary.problems) == (4, 3, ("1 video",))


def test_times_come_from_the_labels_or_else_from_the_photo_and_missing_ones_are_said(summary):
    by_hour = summary.count_by_hour()

    assert (by_hour[23], by_hour[12], by_hour.sum()) == (2, 1, 3)
    assert summary.count_day_and_night() == {"day": 1, "night": 2, "time unknown": 1}


def test_a_box_is_measured_by_the_side_of_a_square_of_its_area(summary):
    assert summary.table["size_share"].dropna().tolist() == [0.5, 0.5, 0.25]


def test_the_figures_show_the_counts_and_species_with_few_boxes_stand_out(summary):
    species = build_species_figure(summary.count_species()).data[0]
    assert list(species.y) == ["empty", "badger", "fox"]
    assert list(species.x) == [1, 1, 2]
    assert list(species.marker.color) == [QUIET[0], ODD[0], ODD[0]]
    many = summary.count_species().assign(boxes=99)
    assert list(build_species_figure(many).data[0].marker.color) == [QUIET[0], FINE[0], FINE[0]]
    assert sum(build_hour_figure(summary.count_by_hour()).data[0].y) == 3
    assert [trace.name for trace in build_size_figure(summary.table).data] == ["fox"]
    assert list(build_camera_figure(summary.table).data[0].x) == [1, 1, 2]


def test_a_missing_folder_is_a_plain_sentence(tmp_path):
    with pytest.raises(AnomalureError, match="nowhere"):
        summarise_labels(LabelFile((LabelledPhoto("1.jpg"),)), tmp_path / "nowhere")
