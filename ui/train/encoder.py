"""Choose the encoder, and whether it is trained on the crops."""

from dataclasses import dataclass

import streamlit as st

from core.settings.training import AUTOENCODERS, SCORED_BY, TrainingSettings, explain_side
from models.encoders.spec import EncoderSpec, bundled_encoder
from ui.forms.encoder_source import show_encoder_source
from ui.forms.settings_form import show_autoencoder_form, show_training_form
from ui.shared.state import Key

METHOD_WORDS = {
    "none": "Use it as it is",
    "simclr": "SimCLR",
    "triplet": "Triplets of species",
    "autoencoder_conv": "Autoencoder",
    "autoencoder_dense": "Dense autoencoder",
}
METHOD_HELP = {
    "none": "The encoder is used as it was published. This takes a minute, so try it first.",
    "simclr": "Learns from altered copies of the same crop, without using the species. For photos that look unlike "
    "everyday pictures. With few crops it can make a good encoder worse.",
    "triplet": "Learns to put crops of one species closer together than those of others. It separates the known "
    "species better, but an unknown species may be placed among them.",
    "autoencoder_conv": "Squeezes each crop through a few numbers and puts it together again, with convolutions. What "
    "it cannot put together is unlike what it was trained on, and Review shows where. It starts from nothing, so it "
    "names species worse than the published encoder: compare both on Evaluate.",
    "autoencoder_dense": "The same without convolutions: each pixel has weights of its own. The simplest network that "
    "there is, for crops of up to 128 px.",
}
SCORED_WORDS = {
    "one_class": "The model of each species, on the bottleneck",
    "reconstruction": "How badly the crop is put together again",
    "worst_part": "How badly its worst part is put together again",
}


@dataclass(frozen=True, kw_only=True)
class EncoderChoice:
    """The encoder to use, or to start the training from; ``problem`` is a sentence, empty when nothing is wrong."""

    spec: EncoderSpec
    method: str = "none"
    training: TrainingSettings | None = None
    scored_by: str = SCORED_BY[0]
    problem: str = ""

    @property
    def network(self) -> str:
        """The network that crops go through."""
        return self.method if self.method in AUTOENCODERS else self.spec.backbone

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
    if method in AUTOENCODERS:
        return _show_autoencoder(method)
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


def _show_autoencoder(method: str) -> EncoderChoice:
    scored_by = st.selectbox(
        "Crops are scored by",
        [SCORED_BY[1], SCORED_BY[2], SCORED_BY[0]],
        format_func=SCORED_WORDS.__getitem__,
        key=Key.TRAIN_SCORED_BY,
        persist_state="session",
        help="Whole frames are scored in the same way. The worst part, an eighth of the side, suits small animals on "
        "large frames. The model of each species is that chosen below, and uses the bottleneck as the crop's features.",
    )
    training = show_autoencoder_form()
    problem = "A setting of the training is not valid." if training is None else ""
    if training is not None:
        problem = explain_side(training.image_px, method)
    return EncoderChoice(
        spec=bundled_encoder(),
        method=method,
        training=training,
        scored_by=str(scored_by or SCORED_BY[1]),
        problem=problem,
    )
