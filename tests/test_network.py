"""No host is contacted that a user did not ask for, and nothing is written into their home folder."""

import ast
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
IN_A_PROCESS_OF_ITS_OWN = """
import json, socket

asked = []

def refuse(name):
    def refused(host, *_, **__):
        asked.append(f"{name} {host}")
        raise OSError("no network in this test")
    return refused

socket.create_connection = refuse("create_connection")
socket.getaddrinfo = refuse("getaddrinfo")
socket.gethostbyname = refuse("gethostbyname")

import app
import models.encoders.lite
import models.jobs.bundle
from core.settings.run import RunSettings
from models.detectors.loading import load_detector
from models.detectors.training import open_start
from models.detectors.ultralytics_opening import without_downloads
from streamlit.net_util import get_external_ip
from streamlit.web.server.server_util import is_url_from_allowed_origins

load_detector("bundled", RunSettings())
open_start("scratch")
get_external_ip()
is_url_from_allowed_origins("https://elsewhere.example")
with without_downloads():
    import ultralytics.data.utils
    from ultralytics.utils.checks import check_amp
    ultralytics.data.utils.check_font("Arial.Unicode.ttf")
print(json.dumps(asked))
"""


def test_importing_loading_and_serving_contact_nobody_and_leave_the_home_folder_alone(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("YOLO_", "XDG_", "CI"))}

    answer = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS_OF_ITS_OWN],
        env={**environment, "HOME": str(home), "ANOMALURE_PROJECT": str(tmp_path / "project")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert answer.returncode == 0, answer.stderr[-3000:]
    assert json.loads(answer.stdout.splitlines()[-1]) == []
    assert {path.name for path in home.iterdir()} <= {".cache", ".config"}  # caches of the user, which can be deleted


def test_openvino_and_ultralytics_are_imported_only_where_their_reports_are_switched_off_first():
    """Every process that imports them imports ``models`` before, whose first lines stop the reports."""
    doors = {"models/detectors/ultralytics_opening.py", "models/detectors/ultralytics_model.py"}
    wrong = []
    for path in [
        ROOT / "app.py",
        ROOT / "cli.py",
        *(p for d in ("core", "ui", "pages", "commands", "models") for p in (ROOT / d).rglob("*.py")),
    ]:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for imported in _imported(node):
                if imported.split(".")[0] == "openvino" and not name.startswith("models/"):
                    wrong.append(f"{name} imports {imported}")
                if imported == "ultralytics.YOLO" and name not in doors:
                    wrong.append(f"{name} opens files with {imported}, not with open_yolo")
    assert wrong == []


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def test_the_guard_of_all_tests_refuses_a_host(hosts_asked):
    with pytest.raises(OSError, match="no test asks for a host"):
        socket.create_connection(("example.org", 80))

    assert hosts_asked == ["example.org"]
    hosts_asked.clear()
