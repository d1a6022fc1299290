"""Runs earlier code on the same photos, in a process of its own that waits for its turns."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# Runs in the earlier checkout, whose bench has the same names since version 0.9.
WORKER = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from bench import pipeline as bench
from core.study.project import Project
from core.settings.run import RunSettings
from models.bundles.bundle import Bundle
from models.bundles.scorer import BundleScorer
from models.detectors.loading import load_detector
from models.encoders.loading import load_encoder
bench.DATA = Path(sys.argv[4])
settings, detector = RunSettings(), str(bench.DATA / "weights" / "yolov8n_int8_openvino_model")
spec = bench.EncoderSpec(backbone="mobilenet_v2", weights=str(bench.DATA / "weights" / "mobilenet_v2.safetensors"))
scorer = BundleScorer(Bundle.load(Path(sys.argv[2])), settings)
ours = bench.Ours(
    Project(Path(sys.argv[3])), load_detector(detector, settings), load_encoder(spec), scorer, settings
)
for line in sys.stdin:
    asked = json.loads(line)
    if ours.project.crops_dir.is_dir():
        ours.forget()
    wall, cpu = time.perf_counter(), time.process_time()
    crops = ours.run(Path(asked["folder"]), asked["files"])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print("TURN " + json.dumps({"crops": crops, "wall_s": wall, "cpu_s": cpu}), flush=True)
"""


class Before:
    """A checkout of earlier code. Its models are loaded once; it does nothing between its turns."""

    def __init__(self, checkout: Path, bundle: Path, project: Path) -> None:
        data = ROOT.parent / "shared" / "data"
        command = [sys.executable, "-c", WORKER, str(checkout), str(bundle), str(project), str(data)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=checkout
        )

    def run(self, folder: Path, files: Sequence[str]) -> dict[str, Any]:
        """One whole run over the files: crops, wall and processor seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"folder": str(folder), "files": list(files)}), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("TURN "):
                return json.loads(line.removeprefix("TURN "))
        raise RuntimeError("The earlier code ended without an answer.")

    def close(self) -> None:
        """End its process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
