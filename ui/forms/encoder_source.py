"""Choose where an encoder comes from, and which network it is."""

from dataclasses import dataclass

import streamlit as st

from models.encoders.sources.source import FILE, at_best_size, list_sources
from models.encoders.spec import HUB, EncoderSpec
from models.published.table import find_model
from ui.forms.path_field import show_path
from ui.forms.published import say_name, show_published
from ui.shared.state import Key

WEIGHTS_SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class SourceChoice:
    """The chosen encoder; ``problem`` says in a sentence what is missing, and is empty when nothing is."""

    spec: EncoderSpec
    problem: str = ""


def show_encoder_source(
    label: str, *, source_key: Key, network_key: Key, weights_key: Key, with_untrained: bool = False, help: str = ""
) -> SourceChoice:
    """Draw the controls and return what was chosen.

    Args:
        label: Of the choice of a source.
        source_key: Key of that choice, whose values are the names of the sources' files.
        network_key: Key of the network's name.
        weights_key: Key of the path of a file of weights.
        with_untrained: Whether networks are offered that must be trained first, and none that cannot be.
        help: Of the choice of a source.
    """
    sources = {
        name: source
        for name, source in list_sources().items()
        if source.label and (source.is_trained or with_untrained) and (source.can_be_trained or not with_untrained)
    }
    left, right = st.columns(2)
    with left:
        name = st.selectbox(
            label,
            list(sources),
            format_func=lambda name: sources[name].label,
            key=source_key,
            persist_state="session",
            help=help or None,
        )
    source = sources[str(name)]
    backbone = source.backbone
    if source.networks:
        with right:
            backbone = str(
                st.selectbox(
                    "Network",
                    source.networks,
                    key=network_key,
                    accept_new_options=True,
                    persist_state="session",
                    format_func=say_name,
                    help="The Models page says more about each; any model of timm can be typed as timm/NAME."
                    if source.word == HUB
                    else "efficientnet_lite2, or the name of any classifier of torchvision. MobileNet is quick on a "
                    "laptop; ResNet-50 takes about five times as long.",
                )
                or ""
            ).strip()
    spec = EncoderSpec(backbone=backbone or source.backbone, weights=source.word)
    if not backbone:
        return SourceChoice(spec=spec, problem="Choose a network.")
    if source.word == HUB:
        if find_model(backbone) is None:
            return SourceChoice(
                spec=spec, problem=f"There is no published encoder {backbone}. Choose one, or timm/NAME."
            )
        if problem := show_published(backbone):
            return SourceChoice(spec=spec, problem=problem)
    if name == FILE:
        path, problem = show_path(
            "File of weights",
            key=weights_key,
            placeholder="mobilenet_v2.safetensors",
            missing="Give the .safetensors file of the encoder.",
            help="Weights of this network. For those of torchvision, with its names; the classifier is not needed.",
        )
        if path is None:
            return SourceChoice(spec=spec, problem=problem)
        if path.suffix.lower() != WEIGHTS_SUFFIX or not path.is_file():
            return SourceChoice(
                spec=spec,
                problem=f"{path} is not a .safetensors file. Other files could run code, so they are not read.",
            )
        spec = EncoderSpec(backbone=backbone, weights=str(path.absolute()))
    return SourceChoice(spec=at_best_size(spec))
