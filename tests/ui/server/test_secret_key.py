"""The key with which the dashboard signs is long, kept on the disk, and not in the project."""

import os

import pytest

from core.study.project import Project
from ui.server import secret_key
from ui.server.reviewer_pass import PassInvalid, make_pass, read_pass
from ui.server.secret_key import read_secret_key


@pytest.fixture
def key_path(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config" / "dashboard.key"


def test_the_key_is_made_once_for_its_user_alone(key_path):
    key = read_secret_key()

    assert len(key) >= 32
    assert read_secret_key() == key == key_path.read_bytes()
    if os.name != "nt":
        assert key_path.stat().st_mode & 0o077 == 0
    assert [path.name for path in key_path.parent.iterdir()] == ["dashboard.key"]


@pytest.mark.parametrize("left", [b"", b"short", b"x" * 31])
def test_an_empty_or_cut_key_signs_nobody_and_is_made_anew(key_path, left):
    key_path.parent.mkdir()
    key_path.write_bytes(left)

    key = read_secret_key()

    assert len(key) >= 32
    assert key != left
    assert key_path.read_bytes() == key


def test_a_key_that_comes_with_a_project_is_not_used(key_path, tmp_path):
    project = Project(tmp_path / "project")
    (project.path / "dashboard.key").write_bytes(b"")
    text = make_pass(project, reviewer="Ada")

    (project.path / "dashboard.key").write_bytes(b"k" * 32)

    assert read_pass(project, text) == "Ada"
    with pytest.raises(PassInvalid):
        read_pass(Project(tmp_path / "other"), text)


def test_without_a_folder_for_it_the_process_has_a_key_of_its_own(key_path, monkeypatch):
    key_path.parent.write_text("a file, not a folder")

    assert len(read_secret_key()) >= 32
    assert read_secret_key() == read_secret_key()
    assert secret_key.config_folder() == key_path.parent
