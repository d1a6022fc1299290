"""What a bundle judges by besides its encoder: its detector, what is joined, and the one-class model of a species."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from models.one_class import DEFAULT, ONE_CLASS
from ui.folders import read_path
from ui.run_detector import is_there
from ui.state import Key

USUAL, OWN = "usual", "own"
MOST_COMPONENTS = 512


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """What was chosen, as ``cli.py train`` takes it; ``problem`` is a sentence, empty when nothing is wrong."""

    detector: str = ""
    join: bool = True
    one_class: str = DEFAULT
    components: int = 0
    problem: str = ""


def show_model_choice(taught: Mapping[str, Path]) -> ModelChoice:
    """Draw the choice and give back what was chosen; ``taught`` are the project's own detectors by name."""
    with st.expander("Detector and models of the bundle", icon=":material/category:", key="train-models"):
        left, right = st.columns(2)
        with left:
            detector, problem = _choose_detector(taught)
            join = st.toggle(
                "Join what the detector sees",
                value=True,
                key=Key.TRAIN_JOIN,
                persist_state="session",
                help="The encoder's description of a crop is completed by the detector's own, at half weight; where it "
                "cannot be had, by that of the crop's mirror image. Measured to be better; takes a fifth more time, "
                "mirror images twice the time.",
            )
        with right:
            one_class = st.selectbox(
                "A species is known by",
                list(ONE_CLASS),
                format_func=lambda name: ONE_CLASS[name].label,
                key=Key.TRAIN_ONE_CLASS,
                persist_state="session",
                help="The model that says how little a crop fits a species. Keep the first unless you compare several "
                "on Evaluate. A species with few crops is known by their mean, and the bundle's card says so.",
            )
            components = st.number_input(
                "Main directions (0: all)",
                min_value=0,
                max_value=MOST_COMPONENTS,
                value=0,
                step=1,
                key=Key.TRAIN_COMPONENTS,
                persist_state="session",
                help="Descriptions are reduced to so many main directions before the models learn. 0: they are not.",
            )
    return ModelChoice(
        detector=detector,
        join=bool(join),
        one_class=str(one_class or DEFAULT),
        components=int(components or 0),
        problem=problem,
    )


def _choose_detector(taught: Mapping[str, Path]) -> tuple[str, str]:
    words = {USUAL: "The usual one", **{f"taught {name}": name for name in taught}, OWN: "A detector file of yours"}
    kind = st.selectbox(
        "Detector of its runs",
        list(words),
        format_func=words.__getitem__,
        key=Key.TRAIN_DETECTOR,
        persist_state="session",
        help="Runs with this bundle find animals with it. The usual one is the published YOLOv8n if it can be had, "
        "else Anomalure's own small one.",
    )
    if kind == OWN:
        path = read_path(
            st.text_input(
                "File or folder of the detector",
                key=Key.TRAIN_DETECTOR_PATH,
                persist_state="session",
                placeholder="model.onnx or an OpenVINO folder",
            )
        )
        if path is None:
            return "", "Give the detector's .onnx file or its OpenVINO folder."
        if not is_there(path):
            return "", f"There is no file or folder {path}."
        return str(path.absolute()), ""
    return {f"taught {name}": str(path.absolute()) for name, path in taught.items()}.get(str(kind), ""), ""
