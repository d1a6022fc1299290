"""What a user notices on the Evaluate page, and the figures that it draws."""

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation.curves import trace_curves
from core.evaluation.judging import evaluate_run
from core.formats.recognise import read_labels
from core.study.project import Project
from tests.fakes.project import CAMERAS, add_run, make_project
from ui.evaluate.charts import (
    NamedCurves,
    build_effort_figure,
    build_precision_recall_figure,
    build_roc_figure,
    build_species_figure,
)
from ui.evaluate.result import list_species, say_figure

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "evaluate.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = make_project(tmp_path, n=12)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def truth(tmp_path) -> Path:
    """The oddest two photos show stoats, the others deer."""
    names = [f"{CAMERAS[i % 2]}/photo-{i:03d}.jpg" for i in range(12)]
    images = [
        {"id": i, "file_name": name, "width": 96, "height": 64, "split": "season"} for i, name in enumerate(names)
    ]
    annotations = [
        {"id": i, "image_id": i, "category_id": 1 if i < 2 else 2, "bbox": [0, 0, 96, 64]} for i in range(12)
    ]
    path = tmp_path / "truth.json"
    path.write_text(
        json.dumps(
            {
                "images": images,
                "annotations": annotations,
                "categories": [{"id": 1, "name": "stoat"}, {"id": 2, "name": "deer"}],
            }
        )
    )
    return path


def open_page(truth: Path | None = None) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not page.exception
    if truth:
        page.text_input(key="truth_path").set_value(str(truth)).run()
        assert not page.exception
    return page


def test_what_could_not_be_compared_is_named(project, truth):
    labels = json.loads(truth.read_text())
    labels["annotations"][10]["bbox"] = [0, 0, -5, 64]
    truth.write_text(json.dumps(labels))

    page = open_page(truth).multiselect(key="known_species").set_value(["deer"]).run()

    said = [one.value.split("] ")[-1] for one in page.caption if one.value.startswith(":orange[:material/warning:]")]
    assert [line.split(" \\(the first")[0] for line in said] == ["1 annotations whose box has no size"]


def test_without_a_run_the_page_says_what_to_do_first(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_PROJECT", str(tmp_path / "empty"))

    page = open_page()

    assert "No run is done yet" in page.info[0].value
    assert page.button(key="evaluate-to-run")


def test_without_labels_it_asks_for_them(project):
    assert "Give the labels" in open_page().info[0].value


@pytest.mark.parametrize(
    ("name", "content", "said"), [("gone.json", None, "There is no file"), ("bad.json", "{", "bad.json")]
)
def test_labels_that_cannot_be_read_are_a_plain_sentence(project, tmp_path, name, content, said):
    if content:
        (tmp_path / name).write_text(content)

    page = open_page(tmp_path / name)

    assert said in page.error[0].value.replace("\\", "")


def test_the_figures_are_those_of_the_command_with_their_intervals(project, truth):
    page = open_page(truth)
    assert "Which species are known" in page.error[0].value  # a first look, and the truth has no train split

    page.multiselect(key="known_species").set_value(["deer"]).run()

    assert not page.exception
    assert not page.error
    found = evaluate_run(project.runs()[0], read_labels(truth), known_species=("deer",))
    table = page.table[0].value
    assert found.auroc == 1.0
    assert table.iloc[0, 1] == say_figure(found.auroc, found.intervals["auroc"])
    assert table.iloc[4, 1] == say_figure(found.false_alarm_rate, found.intervals["false_alarm_rate"])
    assert any("2 anomalies among 12 crops" in item.value for item in page.caption)


def test_two_runs_stand_side_by_side_with_their_difference(project, truth):
    add_run(project, project.path.parent / "photos", n=12, name="other", n_flagged=1)
    page = open_page(truth)
    page.multiselect(key="known_species").set_value(["deer"]).run()

    page.selectbox(key="compared").set_value(
        next(run.run_id for run in project.runs() if run.run_id != page.selectbox(key="evaluated").value)
    ).run()

    assert not page.exception
    table = page.table[0].value
    assert table.shape == (5, 5)
    assert table["difference"].iloc[0].startswith("+0.0 points")


def test_no_difference_is_given_between_runs_that_cut_out_other_crops(project, truth):
    add_run(project, project.path.parent / "photos", n=12, name="other", n_flagged=1, shift_px=3)
    page = open_page(truth)
    page.multiselect(key="known_species").set_value(["deer"]).run()

    page.selectbox(key="compared").set_value(project.runs()[1].run_id).run()

    assert not page.exception
    assert set(page.table[0].value["difference"]) == {"–"}
    assert any("did not cut out the same crops" in item.value for item in page.caption)


def test_labels_that_lie_over_the_photos_are_offered(project, truth):
    page = open_page()

    page.button(key=f"labels-{truth}").click().run()

    assert not page.exception
    assert page.text_input(key="truth_path").value == str(truth)


def named(name: str = "spring") -> NamedCurves:
    novel = np.array([True, True, False, False, False])
    return NamedCurves(name, trace_curves(np.array([5.0, 3.0, 4.0, 2.0, 1.0]), novel=novel), 0.4, 0.5, 1 / 3)


@pytest.mark.parametrize("dark", [False, True])
def test_each_curve_is_drawn_with_its_flags_and_with_chance(dark):
    runs = [named(), named("autumn")]

    roc, precision = build_roc_figure(runs, dark=dark), build_precision_recall_figure(runs, dark=dark)
    effort = build_effort_figure(runs, recall=0.95, dark=dark)

    assert [trace.name for trace in roc.data] == ["spring", "autumn", "flags of spring", "flags of autumn", "chance"]
    assert (roc.data[2].x[0], roc.data[2].y[0]) == (pytest.approx(1 / 3), 0.5)
    assert list(effort.data[0].x) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert list(effort.data[0].y) == [0, 0.5, 0.5, 1, 1, 1]
    assert precision.data[2].y[0] == pytest.approx(0.5)  # of two flagged one is an anomaly
    assert roc.data[0].line.dash != roc.data[1].line.dash  # told apart without colour


def test_species_are_drawn_with_their_intervals_and_the_promised_rate():
    rows = [
        {"species": "stoat", "n": 2, "novel": True, "share_flagged": 1.0, "interval": None},
        {"species": "deer", "n": 1200, "novel": False, "share_flagged": 0.04, "interval": [0.03, 0.06]},
    ]

    figure = build_species_figure(rows, rate=0.05)

    deer = next(trace for trace in figure.data if trace.name == "known or empty")
    assert list(deer.y) == ["deer (1,200)"]
    assert (deer.error_x.array[0], deer.error_x.arrayminus[0]) == (pytest.approx(2.0), pytest.approx(1.0))
    assert figure.layout.shapes[0].x0 == 5
    assert not build_species_figure([], rate=None).data


@pytest.mark.parametrize(
    ("args", "said"), [((0.983, [0.971, 0.992]), "98.3% (97.1 to 99.2)"), ((0.5, None), "50.0%"), ((None, None), "–")]
)
def test_a_figure_is_said_with_its_interval(args, said):
    assert say_figure(*args) == said


def test_species_come_known_first(project, truth):
    found = evaluate_run(project.runs()[0], read_labels(truth), known_species=("deer",))

    assert [row["species"] for row in list_species(found)] == ["stoat", "deer"]  # drawn from below
    assert found.per_species["deer"]["share_flagged_interval"]
