"""A request that lies in a project may be somebody else's: it writes nothing outside of the project."""

import json

import pytest

from core.errors import AnomalureError
from core.export.choice import ExportChoice
from core.export.jobs import ExportJob, ExportRequest
from core.study.project import Project
from core.work.folder import WorkFolder
from models.jobs import registry

NAME = "20260501-100000-0123abcd"


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "study")


@pytest.fixture
def foreign(project, tmp_path):
    """An export that somebody else asked for, to a file of this computer."""
    request = ExportRequest(
        name=NAME, choice=ExportChoice(run="r"), format="csv", file_name="a.csv", out=tmp_path / "notes.txt"
    )
    ExportJob(project.path / request.work_id).ask(request)
    (tmp_path / "notes.txt").write_text("mine")
    return request


def test_a_foreign_export_does_not_write_over_a_file_elsewhere(project, foreign, tmp_path):
    with pytest.raises(AnomalureError, match=r"was to write .*outside of the project"):
        registry.do(project, foreign.work_id)

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_work_behind_a_link_is_not_done(project, tmp_path):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "request.json").write_text(json.dumps({"kind": "export", "name": NAME}))
    (project.path / "exports").mkdir(exist_ok=True)
    (project.path / "exports" / NAME).symlink_to(outside)

    with pytest.raises(AnomalureError, match=r"leads out of"):
        registry.do(project, f"exports/{NAME}")

    assert [path.name for path in outside.iterdir()] == ["request.json"]


def test_what_this_process_asked_for_is_written_where_it_said(project, foreign):
    work = WorkFolder(project.path / foreign.work_id)

    with pytest.raises(AnomalureError) as refused:
        registry.do(project, foreign.work_id, is_asked_here=True)

    assert "outside of the project" not in str(refused.value)  # there is no run; the place is not what is refused
    assert work.read_request(ExportRequest).out == foreign.out
