"""Every package that is installed is pinned, also those that others bring, and known vulnerabilities are asked for."""

import re
import subprocess
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from docs import check_pins

ROOT = Path(__file__).resolve().parents[1]


def read_pins(name):
    lines = (ROOT / name).read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {tidy(package.partition("[")[0]): version for package, version in pins.items()}


def tidy(name):
    return re.sub(r"[-_.]+", "-", name).lower()


REQUIREMENTS = ["requirements.txt", "requirements-dev.txt", "requirements-cluster.txt", "requirements-ray.txt"]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_what_is_required_and_what_it_brings_is_pinned_to_one_version(name):
    pinned = read_pins("constraints.txt")
    assert {package: pinned.get(package) for package in read_pins(name)} == read_pins(name)

    waiting, seen, missing = [(package, "") for package in read_pins(name)], set(), set()
    while waiting:
        package, extra = waiting.pop()
        if (package, extra) in seen:
            continue
        seen.add((package, extra))
        try:
            needed = [Requirement(line) for line in requires(package) or ()]
        except PackageNotFoundError:
            continue  # not for this computer
        if package not in pinned:
            missing.add(package)
        for one in needed:
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                waiting += [(tidy(one.name), chosen) for chosen in (one.extras or {""})] + [(tidy(one.name), "")]
    assert missing <= {"pip", "setuptools", "wheel"}
    assert "starlette" in pinned


def test_requirements_name_the_constraints_so_that_the_usual_command_follows_them():
    for name in ("requirements.txt", "requirements-cluster.txt", "requirements-ray.txt"):
        assert "-c constraints.txt" in (ROOT / name).read_text().splitlines()
    assert "-r requirements.txt" in (ROOT / "requirements-dev.txt").read_text().splitlines()


SOUND = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}'
VULNERABLE = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]}'


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (SimpleNamespace(stdout=SOUND, stderr=""), 0, "No pinned"),
        (SimpleNamespace(stdout=VULNERABLE, stderr=""), 1, "a 1: CVE-1, corrected in 2"),
        (SimpleNamespace(stdout="", stderr="ERROR: no route to host"), 0, "were not checked.*no route to host"),
        (subprocess.TimeoutExpired("pip_audit", 1), 0, "were not checked.*did not answer"),
    ],
)  # fmt: skip
def test_a_known_vulnerability_fails_and_a_database_that_cannot_be_reached_is_said(
    monkeypatch, capsys, answer, code, said
):
    def run(command, *, timeout, **how):
        assert timeout <= 60
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(check_pins.subprocess, "run", run)

    assert check_pins.main() == code
    assert re.search(said, capsys.readouterr().out)
