"""Autoencoders that were trained on the crops of a study."""

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import AnomalureError
from core.settings.training import AUTOENCODERS
from models.encoders.sources.file import WeightsFile
from models.encoders.sources.source import Network

if TYPE_CHECKING:
    from models.encoders.spec import EncoderSpec


class TrainedAutoencoder(WeightsFile):
    """A file of ``models.encoders.autoencoders``. It is made by a training, so nobody is asked for it."""

    label = ""
    backbone = AUTOENCODERS[-1]
    networks = ()
    input_px = 64
    precise = True  # errors of a few grey levels are lost in half precision

    def has(self, spec: "EncoderSpec") -> bool:
        """See ``EncoderSource``."""
        return not spec.detector and spec.backbone in AUTOENCODERS

    def load(self, spec: "EncoderSpec", *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        from models.encoders.autoencoders import load_autoencoder

        network = load_autoencoder(Path(spec.weights))
        if network.form != spec.backbone or network.input_px != spec.input_px:
            raise AnomalureError(
                f"{Path(spec.weights).name} is an {network.form} for crops of {network.input_px} px; {spec.backbone} "
                f"for {spec.input_px} px was expected."
            )
        return Network(network)


SOURCE = TrainedAutoencoder()
