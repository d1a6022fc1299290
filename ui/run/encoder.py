"""Choose the encoder of a first look: the default network, another one, or your own weights."""

from dataclasses import dataclass

import streamlit as st

from models.encoders.spec import EncoderSpec
from ui.forms.path_field import show_path
from ui.shared.state import Key

USUAL, PUBLISHED, OWN = "usual", "published", "own"
BACKBONES = ("mobilenet_v2", "efficientnet_b0", "resnet50", "convnext_tiny")
WEIGHTS_SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class EncoderChoice:
    """The chosen ``encoders``; none for the default one.

    ``problem`` says in a sentence what is missing, and is empty when nothing is.
    """

    encoders: tuple[EncoderSpec, ...] = ()
    problem: str = ""


def show_encoder_choice() -> EncoderChoice:
    """Draw the controls and return what was chosen."""
    words = {USUAL: "The usual network", PUBLISHED: "A published network", OWN: "Weights of yours"}
    kind = st.selectbox(
        "How to compare crops",
        list(words),
        format_func=words.__getitem__,
        key=Key.ENCODER_KIND,
        persist_state="session",
        help="A network turns each crop into numbers; crops that look alike get numbers that are alike.",
    )
    if kind == USUAL:
        st.caption("EfficientNet-Lite2, which is installed with Anomalure. It needs no download.")
        return EncoderChoice()
    backbone = str(
        st.selectbox(
            "Network",
            BACKBONES,
            key=Key.ENCODER_NAME,
            accept_new_options=True,
            persist_state="session",
            help="Its name in torchvision." + (" Downloaded once, by torchvision." if kind == PUBLISHED else ""),
        )
        or ""
    ).strip()
    if not backbone:
        return EncoderChoice(problem="Choose a network.")
    if kind == PUBLISHED:
        return EncoderChoice(encoders=(EncoderSpec(backbone=backbone, weights="default"),))
    return _show_own(backbone)


def _show_own(backbone: str) -> EncoderChoice:
    path, problem = show_path(
        "File of weights",
        key=Key.ENCODER_PATH,
        placeholder="weights.safetensors",
        missing="Give the file of weights (.safetensors).",
        help="Weights for the network above, with torchvision's names. The classifier is not needed.",
    )
    if path is None:
        return EncoderChoice(problem=problem)
    if path.suffix.lower() != WEIGHTS_SUFFIX or not path.is_file():
        return EncoderChoice(
            problem=f"{path} is not a .safetensors file. Other files could run code, so they are not read."
        )
    return EncoderChoice(encoders=(EncoderSpec(backbone=backbone, weights=str(path.absolute())),))
