"""A path that begins with a wave and a name is a path like any other where nobody has that name."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import cli
from ui.forms.folders import read_path
from ui.shared.project_place import ROOT

STRANGE = "~nobody-has-this-name/photos"


def test_it_is_read_as_it_is_typed():
    assert read_path(STRANGE) == Path(STRANGE)
    assert read_path("~/photos") == Path.home() / "photos"


@pytest.mark.parametrize(
    ("page", "field"), [("train", "train_labels"), ("scenes", "scenes_labels"), ("run", "deployments")]
)
def test_a_page_says_that_there_is_no_such_file(tmp_path, monkeypatch, page, field):
    monkeypatch.setenv("ANOMALURE_PROJECT", str(tmp_path / "project"))
    shown = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=60).run()
    shown.text_input(key=field).set_value(STRANGE).run()
    assert not shown.exception


@pytest.mark.parametrize(
    "words",
    [
        ["run", STRANGE],
        ["train", "--name", "b", "--images", STRANGE],
        ["run", ".", "--detector", STRANGE],
        ["labels", STRANGE],
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_a_command_says_that_there_is_nothing(tmp_path, capsys, words):
    code = cli.main([*words, "--project", str(tmp_path / "project")])
    assert code == 1
    said = capsys.readouterr().err
    assert "nobody-has-this-name" in said
    assert "Traceback" not in said
