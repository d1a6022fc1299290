"""How animals are found in the photos: the usual detector, another one, or boxes from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from models.published.table import USUAL_DETECTOR, list_detectors
from ui.forms.label_account import show_account_of
from ui.forms.path_field import show_path
from ui.forms.published import say_name, show_published
from ui.shared.state import Key

USUAL, TRAINED, SMALL, PUBLISHED, OWN, BOXES = "usual", "trained", "bundled", "published", "own", "boxes"
RUNS_CODE = {".pt", ".pth"}


@dataclass(frozen=True, kw_only=True)
class DetectorChoice:
    """What goes into the run; ``problem`` says in a sentence what is missing, and is empty when nothing is."""

    detector: str = ""
    boxes: Path | None = None
    allow_code: bool = False
    problem: str = ""


def show_detector_choice(bundle: str, *, trained: Mapping[str, Path]) -> DetectorChoice:
    """Draw the choice and give back what was chosen; ``trained`` are the project's own detectors by name."""
    words = {
        USUAL: "The bundle's detector" if bundle else "The usual detector",
        **({TRAINED: "A detector trained in this project"} if trained else {}),
        SMALL: "Anomalure's own small detector",
        PUBLISHED: "A published detector (MegaDetector, YOLO)",
        OWN: "A detector file of yours",
        BOXES: "No detector: boxes from a file",
    }
    kind = st.selectbox(
        "How to find animals",
        list(words),
        format_func=words.__getitem__,
        key=Key.DETECTOR_KIND,
        persist_state="session",
    )
    if kind == PUBLISHED:
        name = st.selectbox(
            "Model",
            list_detectors(),
            index=list_detectors().index(USUAL_DETECTOR),
            format_func=say_name,
            key=Key.DETECTOR_NAME,
            accept_new_options=True,
            persist_state="session",
            help="The Models page says more about each. Other names of Ultralytics can be typed, such as yolov3u.",
        )
        name = str(name or "").strip()
        problem = show_published(name) if name else "Choose a model."
        return DetectorChoice(detector=name, problem=problem)
    if kind == TRAINED:
        trained_name = st.selectbox("Detector", list(trained), key=Key.DETECTOR_TRAINED, persist_state="session")
        return DetectorChoice(detector=str(trained[trained_name].absolute()))
    if kind == OWN:
        return _show_own()
    if kind == BOXES:
        return _show_boxes()
    what = ""
    if kind == USUAL and not bundle:
        what = "The compact MegaDetector 6 if it can be downloaded, else Anomalure's own small one. "
    st.caption(
        what + "Photos in which nothing is found are scored as a whole, so that animals which it misses are found too."
    )
    return DetectorChoice(detector=SMALL if kind == SMALL else "")


def _show_own() -> DetectorChoice:
    path, problem = show_path(
        "File or folder",
        key=Key.DETECTOR_PATH,
        placeholder="model.onnx, model.pt or an OpenVINO folder",
        missing="Give the detector's file (.onnx, .pt) or its OpenVINO folder.",
        what="file or folder",
    )
    if path is None:
        return DetectorChoice(problem=problem)
    allow = False
    if path.suffix.lower() in RUNS_CODE:
        allow = st.checkbox(
            "Run the code in this file",
            key=Key.DETECTOR_CONSENT,
            help="Loading a .pt file runs the code in it. Do so only with files from people you trust.",
        )
        if not allow:
            return DetectorChoice(
                problem="Loading a .pt file runs the code in it. Tick the box if you trust where it "
                "comes from, or use an .onnx file."
            )
    return DetectorChoice(detector=str(path.absolute()), allow_code=allow)


def _show_boxes() -> DetectorChoice:
    path, problem = show_path(
        "File of boxes",
        key=Key.BOXES,
        placeholder="MegaDetector JSON, COCO JSON or a Camtrap DP datapackage.json",
        missing="Give the file of boxes: MegaDetector JSON, COCO JSON or Camtrap DP.",
    )
    show_account_of(None if problem else path)
    return DetectorChoice(boxes=None if path is None else path.absolute(), problem=problem)
