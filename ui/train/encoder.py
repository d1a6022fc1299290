"""Choose the encoder, and whether it is trained on the crops."""

from dataclasses import dataclass

import streamlit as st

from core.settings.training import TrainingSettings
from models.encoders.sources.source import FILE, at_best_size, list_sources
from models.encoders.spec import BUNDLED, LITE2, EncoderSpec
from ui.forms.path_field import show_path
from ui.forms.settings_form import show_training_form
from ui.shared.state import Key

NETWORKS = ("mobilenet_v2", LITE2, "mobilenet_v3_large", "resnet18", "resnet50", "efficientnet_b0", "convnext_tiny")
METHOD_WORDS = {"none": "Use it as it is", "simclr": "SimCLR", "triplet": "Triplets of species"}
METHOD_HELP = {
    "none": "The encoder is used as it was published. This takes a minute, so try it first.",
    "simclr": "Learns from altered copies of the same crop, without using the species. For photos that look unlike "
    "everyday pictures. With few crops it can make a good encoder worse.",
    "triplet": "Learns to put crops of one species closer together than those of others. It separates the known "
    "species better, but an unknown species may be placed among them.",
}


@dataclass(frozen=True, kw_only=True)
class EncoderChoice:
    """What was chosen, as ``cli.py train`` takes it; ``problem`` is a sentence, empty when nothing is wrong."""

    method: str = "none"
    backbone: str = LITE2
    weights: str = BUNDLED
    training: TrainingSettings | None = None
    problem: str = ""

    @property
    def spec(self) -> EncoderSpec:
        """The encoder to use, or to start the training from."""
        return at_best_size(EncoderSpec(backbone=self.backbone, weights=self.weights))

    @property
    def input_px(self) -> int:
        """Side in pixels of the squares that it gets."""
        if self.training is not None:
            return self.training.image_px
        return self.spec.input_px


def show_encoder_choice() -> EncoderChoice:
    """Draw the controls and return what was chosen."""
    method = st.segmented_control(
        "Train the encoder on your crops",
        list(METHOD_WORDS),
        format_func=METHOD_WORDS.__getitem__,
        default="none",
        required=True,
        key=Key.TRAIN_METHOD,
        persist_state="session",
    )
    method = str(method or "none")
    st.caption(METHOD_HELP[method])
    left, right = st.columns(2)
    sources = {name: source for name, source in list_sources().items() if source.label}
    with left:
        start = st.selectbox(
            "Encoder" if method == "none" else "Start from",
            [name for name, source in sources.items() if source.is_trained or method != "none"],
            format_func=lambda name: sources[name].label,
            key=Key.TRAIN_START,
            persist_state="session",
        )
    backbone = sources[str(start)].backbone
    if start != BUNDLED:
        with right:
            backbone = str(
                st.selectbox(
                    "Network",
                    NETWORKS,
                    key=Key.TRAIN_NETWORK,
                    accept_new_options=True,
                    persist_state="session",
                    help="The name of any classifier of torchvision. MobileNet is quick on a laptop; ResNet-50 takes "
                    "about five times as long.",
                )
                or backbone
            )
    weights = sources[str(start)].word
    if start == FILE:
        path, problem = show_path(
            "File of weights",
            key=Key.TRAIN_WEIGHTS,
            placeholder="mobilenet_v2.safetensors",
            missing="Give the .safetensors file of the encoder.",
            help="Weights of this network with torchvision's names.",
        )
        if path is None:
            return EncoderChoice(method=method, problem=problem)
        weights = str(path.absolute())
    training = None
    if method != "none":
        training = show_training_form()
        if training is None:
            return EncoderChoice(method=method, problem="A setting of the training is not valid.")
    return EncoderChoice(method=method, backbone=backbone, weights=weights, training=training)
