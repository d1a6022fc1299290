"""Choose the encoder, and whether it is trained on the crops."""

from dataclasses import dataclass

import streamlit as st

from core.settings.training import TrainingSettings
from models.encoders.spec import EncoderSpec
from ui.forms.encoder_source import show_encoder_source
from ui.forms.settings_form import show_training_form
from ui.shared.state import Key

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
    """The encoder to use, or to start the training from; ``problem`` is a sentence, empty when nothing is wrong."""

    spec: EncoderSpec
    method: str = "none"
    training: TrainingSettings | None = None
    problem: str = ""

    @property
    def input_px(self) -> int:
        """Side in pixels of the squares that it gets."""
        return self.spec.input_px if self.training is None else self.training.image_px


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
    choice = show_encoder_source(
        "Encoder" if method == "none" else "Start from",
        source_key=Key.TRAIN_START,
        network_key=Key.TRAIN_NETWORK,
        weights_key=Key.TRAIN_WEIGHTS,
        with_untrained=method != "none",
    )
    if choice.problem or method == "none":
        return EncoderChoice(spec=choice.spec, method=method, problem=choice.problem)
    training = show_training_form()
    problem = "A setting of the training is not valid." if training is None else ""
    return EncoderChoice(spec=choice.spec, method=method, training=training, problem=problem)
