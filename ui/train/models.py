"""Choose a bundle's detector, joined features and one-class model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.settings.training import AUTOENCODERS, BOXES_FROM, FRAMES
from models.encoders.sources.source import NETWORKS
from models.encoders.spec import EncoderSpec
from models.one_class.methods import DEFAULT, list_one_class
from ui.forms.path_field import show_path
from ui.shared.state import Key

USUAL, OWN = "usual", "own"
MOST_COMPONENTS = 512
BY_RATE, BY_DEVIATIONS, BY_PERCENTILE = "rate", "deviations", "percentile"
THRESHOLD_WORDS = {
    BY_RATE: "At the false-alarm rate",
    BY_DEVIATIONS: "Over the mean and some standard deviations",
    BY_PERCENTILE: "Over a percentile",
}
BOXES_WORDS = dict(zip(BOXES_FROM, ("The detector's, named by the labels", "Those of the labels"), strict=True))
FRAME_WORDS = dict(zip(FRAMES, ("Embedding of the whole frame", "The most unusual part of the frame"), strict=True))


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """What was chosen, as ``cli.py train`` takes it; ``problem`` is a sentence, empty when nothing is wrong."""

    detector: str = ""
    boxes_from: str = BOXES_FROM[0]
    join: bool = True
    one_class: str = DEFAULT
    components: int = 0
    frames: str = FRAMES[0]
    threshold: str = ""
    problem: str = ""


def show_model_choice(trained: Mapping[str, Path], *, backbone: str, input_px: int) -> ModelChoice:
    """Draw the controls and return what was chosen.

    ``trained`` are the project's own detectors by name; ``backbone`` and ``input_px`` are those of the encoder.
    """
    with st.expander("Detector and models of the bundle", icon=":material/category:", key="train-models"):
        left, right = st.columns(2)
        with left:
            detector, problem = _choose_detector(trained)
            boxes_from = st.selectbox(
                "Boxes to train on",
                BOXES_FROM,
                format_func=BOXES_WORDS.__getitem__,
                key=Key.TRAIN_BOXES_FROM,
                persist_state="session",
                help="The detector looks at the labelled photos, too. Animals are then cut as in a run, so that the "
                "false-alarm rate holds, and its boxes that meet no label show what nothing and people look like: such "
                "crops are kept apart in a run and come last. All animals on the labelled photos must be labelled. It "
                "takes as long as a run over these photos. The bundle's card says how many boxes there were.",
            )
            join = st.toggle(
                "Join the detector's features",
                value=True,
                disabled=backbone in AUTOENCODERS,  # its bottleneck takes the place of all encoders
                key=Key.TRAIN_JOIN,
                persist_state="session",
                help="The detector's features are joined to those of the encoder, at half weight. If they are not "
                "available, the features of the crop's mirror image are joined. Results are measurably better. It "
                "takes a fifth more time, with mirror images twice the time.",
            )
        with right:
            methods = list_one_class()
            one_class = st.selectbox(
                "Model of each species",
                list(methods),
                format_func=lambda name: methods[name].label,
                key=Key.TRAIN_ONE_CLASS,
                persist_state="session",
                help="The one-class model that says how badly a crop fits a species. Keep the first one unless you "
                "compare several on Evaluate. For a species with few crops their mean is used, and the bundle's "
                "card says so.",
            )
            st.caption(methods[str(one_class or DEFAULT)].about)
            frames = st.selectbox(
                "Whole frames are scored by",
                FRAMES,
                format_func=FRAME_WORDS.__getitem__,
                key=Key.TRAIN_FRAMES,
                persist_state="session",
                help="For photos without a detection, at cameras that do not move. The embedding of the whole frame is "
                "quick and shows that something is odd. The most unusual part: each small part of the frame is "
                "compared with everything that was seen at this camera before: Review then shows where the photo is "
                "odd. A fallen branch or a camera that was moved is odd, too.",
            )
            threshold = _choose_threshold()
            components = st.number_input(
                "Principal components (0: all)",
                min_value=0,
                max_value=MOST_COMPONENTS,
                value=0,
                step=1,
                key=Key.TRAIN_COMPONENTS,
                persist_state="session",
                help="Features are reduced to this many principal components before the models are trained. 0: they "
                "are not reduced.",
            )
    frames = str(frames or FRAMES[0])
    if frames == "patches":
        problem = problem or explain_no_patches(backbone, input_px)
    return ModelChoice(
        detector=detector,
        boxes_from=str(boxes_from or BOXES_FROM[0]),
        join=bool(join),
        one_class=str(one_class or DEFAULT),
        components=int(components or 0),
        frames=frames,
        threshold=threshold,
        problem=problem,
    )


def _choose_threshold() -> str:
    """From where on runs with the bundle flag, as ``models.judging.thresholds`` reads it."""
    rule = st.selectbox(
        "Runs flag crops",
        list(THRESHOLD_WORDS),
        format_func=THRESHOLD_WORDS.__getitem__,
        key=Key.TRAIN_THRESHOLD,
        persist_state="session",
        help="A promised false-alarm rate is that of the settings below. The others are as published work states its "
        "thresholds. The card and the runs then say the false-alarm rate that the threshold amounts to among the "
        "held-out normal crops, so that it can be compared.",
    )
    if rule == BY_DEVIATIONS:
        many = st.number_input(
            "Standard deviations",
            min_value=0.0,
            max_value=10.0,
            value=2.0,
            step=0.5,
            key=Key.TRAIN_DEVIATIONS,
            persist_state="session",
        )
        return f"mean+{many:g}sd"
    if rule == BY_PERCENTILE:
        percentile = st.number_input(
            "Percentile",
            min_value=50.0,
            max_value=99.99,
            value=95.0,
            step=1.0,
            key=Key.TRAIN_PERCENTILE,
            persist_state="session",
        )
        return f"p{percentile:g}"
    return ""


def explain_no_patches(backbone: str, input_px: int) -> str:
    """Why an encoder cannot score frames by their patches, in a sentence; empty if it can."""
    if backbone in AUTOENCODERS:
        return (
            "An autoencoder has no map of patches. Score whole frames by their embedding, which for an autoencoder is "
            "what crops are scored by."
        )
    if backbone in NETWORKS:  # each of these has a map of patches
        return ""
    from models.encoders.patch_maps import check_patch_map  # imports torch, which nothing else here needs

    try:
        check_patch_map(EncoderSpec(backbone=backbone, input_px=input_px))
    except AnomalureError as error:
        return str(error)
    return ""


def _choose_detector(trained: Mapping[str, Path]) -> tuple[str, str]:
    words = {USUAL: "The usual one", **{f"trained {name}": name for name in trained}, OWN: "A detector file of yours"}
    kind = st.selectbox(
        "Detector of its runs",
        list(words),
        format_func=words.__getitem__,
        key=Key.TRAIN_DETECTOR,
        persist_state="session",
        help="Runs with this bundle use it to find animals. The usual one is the compact MegaDetector 6 if it can "
        "be downloaded, else Anomalure's own small one.",
    )
    if kind == OWN:
        path, problem = show_path(
            "File or folder of the detector",
            key=Key.TRAIN_DETECTOR_PATH,
            placeholder="model.onnx or an OpenVINO folder",
            missing="Give the detector's .onnx file or its OpenVINO folder.",
            what="file or folder",
        )
        return ("" if path is None else str(path.absolute())), problem
    return {f"trained {name}": str(path.absolute()) for name, path in trained.items()}.get(str(kind), ""), ""
