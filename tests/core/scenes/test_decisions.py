"""Decisions about what is missing: only ever added, the last one holds, and a damaged line harms no other."""

import pytest

from core.errors import AnomalureError
from core.scenes.decisions import (
    DECISION_COLUMNS,
    FILE,
    SceneDecision,
    keep_decision,
    list_run_decisions,
    read_decisions,
)

KEY = ("spring", "north/1", "owl")


def decide(path, verdict, **more):
    keep_decision(path, SceneDecision(run="spring", scene="north/1", missing="owl", verdict=verdict, **more))


def test_the_last_decision_holds_and_an_empty_one_takes_back(tmp_path):
    decide(tmp_path, "anomaly", reviewer=" Ada ")
    assert read_decisions(tmp_path)[KEY]["reviewer"] == "Ada"

    decide(tmp_path, "normal")
    assert read_decisions(tmp_path)[KEY]["verdict"] == "normal"

    decide(tmp_path, "")
    assert read_decisions(tmp_path) == {}
    assert len((tmp_path / FILE).read_text().splitlines()) == 3


def test_a_half_written_line_harms_no_other(tmp_path):
    decide(tmp_path, "anomaly")
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"run": "spring", "sce')

    decide(tmp_path, "unsure")

    assert read_decisions(tmp_path)[KEY]["verdict"] == "unsure"


def test_a_project_without_decisions_has_none(tmp_path):
    assert read_decisions(tmp_path) == {}


def test_a_verdict_that_is_none_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(AnomalureError, match="anomaly, normal, unsure"):
        decide(tmp_path, "maybe")

    assert not (tmp_path / FILE).exists()


def test_the_decisions_of_a_run_are_listed_as_a_table(tmp_path):
    decide(tmp_path, "anomaly", reviewer="Ada", probability=0.8)
    keep_decision(tmp_path, SceneDecision(run="autumn", scene="s", missing="fox", verdict="normal"))

    (row,) = list_run_decisions(tmp_path, "spring")

    assert tuple(row) == DECISION_COLUMNS
    assert (row["scene"], row["missing"], row["verdict"], row["reviewer"]) == ("north/1", "owl", "anomaly", "Ada")
    assert list_run_decisions(tmp_path, "winter") == []
