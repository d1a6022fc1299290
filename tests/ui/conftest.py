"""What the tests of the server share: its routes, and a project of three photos that it shows."""

import pytest

from core.study.project import Project
from tests.fakes.project import make_project


@pytest.fixture(scope="module")
def routes():
    from app import ROUTES

    return ROUTES


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = make_project(tmp_path, 3)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made
