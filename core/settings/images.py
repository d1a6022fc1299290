"""The settings of models of whole images."""

from dataclasses import dataclass

from core.settings.run import Settings, list_settings, setting

COLOUR_SPACES = ("rgb", "hsv", "lab")


@dataclass(frozen=True, kw_only=True)
class ImageSettings(Settings):
    """How images are described, and which share of normal ones may be called outliers."""

    bins: int = setting(
        32,
        group="Colours",
        label="Bins",
        low=2,
        high=256,
        help="Into how many steps each colour channel is divided. Few steps forgive changes of light.",
    )
    colour_space: str = setting(
        "hsv",
        group="Colours",
        label="Colour space",
        choices=COLOUR_SPACES,
        help="rgb: red, green, blue. hsv: hue, saturation, brightness. lab: brightness, and two axes of colour as the "
        "eye sees it.",
    )
    false_alarm_rate: float = setting(
        0.05,
        group="Answer",
        label="False-alarm rate",
        low=0.001,
        high=0.5,
        help="The share of normal images that you accept to be called outliers.",
    )


IMAGE_SETTINGS = list_settings(ImageSettings)
