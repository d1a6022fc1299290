"""The folder of a run may come from somebody else: what is no ordinary file of it is not read."""

import os

import pytest

from core.disk.files import read_whole
from core.errors import AnomalureError
from core.runs.folder import RunFolder
from tests.fakes.project import make_project


@pytest.fixture
def folder(tmp_path):
    (run,) = (make_project(tmp_path).path / "runs").iterdir()
    return run


@pytest.mark.parametrize("name", ["photos-00000.parquet", "catalogue-3-1.arrow", "done-00007.json", "run.json"])
def test_a_link_out_of_the_run_is_not_followed(folder, tmp_path, name):
    (tmp_path / "secret").write_text("{}")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "secret")

    with pytest.raises(AnomalureError, match="leads out of"):
        RunFolder.open(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders on Windows")
def test_a_pipe_is_refused_and_nobody_waits_for_it(folder):
    os.mkfifo(folder / "catalogue-3-1.arrow")
    os.mkfifo(folder.parent / "progress.json")

    with pytest.raises(AnomalureError, match="is not an ordinary file"):
        RunFolder.open(folder)
    with pytest.raises(OSError, match="not an ordinary file"):
        read_whole(folder.parent / "progress.json")


def test_links_inside_the_run_are_its_own(folder):
    (folder / "copy.parquet").symlink_to("photos-00000.parquet")

    assert RunFolder.open(folder).info.run_id == folder.name


@pytest.mark.parametrize("name", ["done-00000.json", "progress.json", "run.json", "request.json"])
def test_json_that_is_nested_too_deeply_is_a_sentence(folder, name):
    (folder / name).write_text("[" * 100_000)
    run = RunFolder(folder)

    said = []
    for read in (lambda: run.info, run.counts, run.read_progress, lambda: run.problem, lambda: run.status):
        try:
            read()
        except AnomalureError as error:
            said.append(str(error))

    assert all(name in one for one in said)
