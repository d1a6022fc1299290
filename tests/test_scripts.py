"""The browser's scripts pass their own tests, which run in Node without any package: ``node --test FILE``."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TESTS = sorted((ROOT / "tests").rglob("*.test.js"))
LIMIT_S = 120


@pytest.fixture(scope="module")
def node() -> str:
    """Node 20.19 or later, which sees by itself that a file is a module. Its absence is an error only under CI."""
    found = shutil.which("node")
    if found is None:
        end = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        end("node is not installed, so the browser's scripts cannot be tested")
    return found


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(ROOT / "tests").as_posix())
def test_a_script_passes_its_tests(node, path):
    done = subprocess.run([node, "--test", str(path)], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_the_scripts_are_found():
    assert len(TESTS) >= 8
