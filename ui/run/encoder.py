"""Choose the encoder of a first look."""

from models.encoders.spec import EncoderSpec
from ui.forms.encoder_source import show_encoder_source
from ui.shared.state import Key


def show_encoder_choice() -> tuple[EncoderSpec, str]:
    """Draw the controls; return what was chosen, and in a sentence what is missing."""
    choice = show_encoder_source(
        "How to compare crops",
        source_key=Key.ENCODER_KIND,
        network_key=Key.ENCODER_NAME,
        weights_key=Key.ENCODER_PATH,
        help="A network turns each crop into numbers; crops that look alike get numbers that are alike.",
    )
    return choice.spec, choice.problem
