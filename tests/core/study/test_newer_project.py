"""A project, run, request or grouping of a newer version is refused in a sentence, and nothing of it is changed."""

import json

import duckdb
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import cli
from core.errors import NewerVersion
from core.groups.tree import FORMAT, GroupTree, find_tree
from core.store.migrations import MIGRATIONS
from core.version import VERSION, is_newer
from models.jobs import registry
from models.jobs.groups import GroupsRequest
from tests.fakes.project import make_project
from ui.groups.opened import open_groups
from ui.shared.project_place import ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project whose database was brought to the next step, with what such a version may add."""
    project = make_project(tmp_path_factory.mktemp("newer"), 3)
    project.store.verdicts()
    with duckdb.connect(project.store.path) as connection:
        connection.execute("INSERT INTO migrations VALUES (?, 'later', now()::TIMESTAMP)", [len(MIGRATIONS) + 1])
        connection.execute("ALTER TABLE verdicts ADD COLUMN later TEXT")
        connection.execute("CREATE VIEW later AS SELECT 1")
    return project


def read_files(project):
    files = (path for path in project.path.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "words",
    [
        ["runs"],
        ["bundles"],
        ["export", "--all", "--out", "OUT/a.csv"],
        ["explore", "--run", "season"],
        ["rank"],
        ["groups"],
        ["train", "--name", "b", "--images", "OUT"],
        ["run", "OUT"],
        ["scenes", "train", "--name", "b"],
    ],
    ids=lambda words: words[0],
)
def test_a_command_refuses_a_project_of_a_newer_version_and_writes_nothing(made, tmp_path, capsys, words):
    before = read_files(made)

    code = cli.main([*(word.replace("OUT", str(tmp_path)) for word in words), "--project", str(made.path)])

    assert code == 1
    assert "newer version of Anomalure" in capsys.readouterr().err
    assert read_files(made) == before


def test_the_dashboard_says_it_and_opens_no_page(made, monkeypatch):
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    before = read_files(made)

    page = AppTest.from_file(str(ROOT / "ui" / "frame.py"), default_timeout=60).run()

    assert not page.exception
    assert ["newer version of Anomalure" in one.value for one in page.error] == [True]
    assert not page.title
    assert read_files(made) == before


@pytest.mark.parametrize(
    ("version", "newer"),
    [(VERSION, False), ("0.0.9", False), ("0.1.1", True), ("0.10.0", True), ("1", True), ("", False), (None, False)],
)
def test_versions_are_compared_by_their_numbers(version, newer):
    assert is_newer(version) is newer


@pytest.mark.parametrize("more", [{"later": 1}, {"code_version": "9.1.0"}], ids=["field", "version"])
def test_a_run_of_a_newer_version_is_not_called_damaged(tmp_path, more):
    project = make_project(tmp_path, 3)
    run = project.latest_run()
    place = run.path / "run.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), **more}))

    with pytest.raises(NewerVersion, match="Update Anomalure") as refused:
        project.run(run.run_id)

    assert "elete" not in str(refused.value)


def test_work_that_a_newer_version_was_asked_for_is_not_done_otherwise(tmp_path):
    project = make_project(tmp_path, 3)
    request = GroupsRequest(run=project.latest_run().run_id)
    work = registry.ask(project, request)
    place = work.path / "request.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "code_version": "9.1.0", "later": True}))

    with pytest.raises(NewerVersion, match="Update Anomalure"):
        registry.do(project, request.work_id)


def test_groups_of_a_newer_version_are_not_made_anew_over_those_that_people_have_named(tmp_path):
    project = make_project(tmp_path, 12)
    run = project.latest_run()
    registry.do_at_once(project, GroupsRequest(run=run.run_id))
    place = find_tree(run)
    with np.load(place) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["about"] = np.array(json.dumps({**json.loads(str(arrays["about"])), "format": FORMAT + 1}))
    with place.open("wb") as file:
        np.savez(file, **arrays)

    with pytest.raises(NewerVersion, match="Update Anomalure"):
        GroupTree.read(place)
    with pytest.raises(NewerVersion):
        open_groups(project, run)
