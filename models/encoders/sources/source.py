"""The base class of sources of encoders, and the list of all sources."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import models.encoders.sources
from core.registry import find_each

if TYPE_CHECKING:
    import openvino as ov
    import torch

    from models.encoders.spec import EncoderSpec

DEFAULT, FILE = "bundled", "file"
NETWORKS = (
    "mobilenet_v2",
    "efficientnet_lite2",
    "mobilenet_v3_large",
    "resnet18",
    "resnet50",
    "efficientnet_b0",
    "convnext_tiny",
)
# Mean and scale of the bytes 0 to 255 of each channel that torchvision's published weights expect.
IMAGENET_MEAN = tuple(255 * value for value in (0.485, 0.456, 0.406))
IMAGENET_SCALE = tuple(255 * value for value in (0.229, 0.224, 0.225))


class Network(NamedTuple):
    """A network that turns crops into vectors, and how pixels are normalised for it.

    A torch module takes RGB floats ``(n, 3, px, px)``, a model of OpenVINO one crop ``(1, 3, px, px)``; the vectors
    are ``(n, d)``. ``mean`` is subtracted from the bytes 0 to 255 of each channel, then they are divided by ``scale``.
    ``key`` names the weights for the cache of converted networks; empty: the network is converted each time.
    """

    model: "torch.nn.Module | ov.Model"
    mean: Sequence[float] = (0.0, 0.0, 0.0)
    scale: Sequence[float] = (255.0, 255.0, 255.0)
    key: str = ""


class Kept(NamedTuple):
    """What is needed to use a converted network from the cache of this computer without making the network.

    ``key``, ``mean`` and ``scale`` are as of ``Network``; ``sections`` are the lengths of the parts of its vector,
    empty if it is one part.
    """

    key: str
    sections: tuple[int, ...]
    mean: Sequence[float]
    scale: Sequence[float]


class EncoderSource(ABC):
    """A source of encoders.

    A source is one file of this folder with ``SOURCE = TheSource()``. The file imports nothing heavy at its top,
    because pages read its label.

    Attributes:
        label: What a person who chooses a source reads; empty if the source is not offered.
        word: The value of ``EncoderSpec.weights`` for this source: this word, or this word, a colon and more.
        backbone: The network that is used if nobody chooses one.
        networks: The networks that a person is offered; empty: there is only ``backbone``.
        input_px: The best side of the crops for its encoders.
        is_trained: Whether its weights are trained already; if not, they must be trained before use.
        precise: Whether its encoders always compute in float32.
        can_be_trained: Whether its networks can be trained further on the crops of a study.
    """

    label: ClassVar[str] = ""
    word: ClassVar[str] = ""
    backbone: ClassVar[str] = "mobilenet_v2"
    networks: ClassVar[tuple[str, ...]] = NETWORKS
    input_px: ClassVar[int] = 224
    is_trained: ClassVar[bool] = True
    precise: ClassVar[bool] = False
    can_be_trained: ClassVar[bool] = True

    def has(self, spec: "EncoderSpec") -> bool:
        """Whether an encoder comes from here."""
        return not spec.detector and bool(self.word) and spec.weights.partition(":")[0] == self.word

    @abstractmethod
    def load(self, spec: "EncoderSpec", *, allow_code: bool = False) -> Network:
        """The network in evaluation mode, on the CPU.

        Raises:
            AnomalureError: If it is missing, cannot be downloaded or read, or does not fit.
            ConsentNeeded: If loading it runs code and ``allow_code`` is false.
        """

    def describe_kept(self, spec: "EncoderSpec") -> Kept | None:
        """How the converted network is found in the cache; None if that is not known without loading it."""
        return None

    def best_px(self, spec: "EncoderSpec") -> int:
        """The best side of the crops for this encoder."""
        return self.input_px

    def measure_mb(self, spec: "EncoderSpec") -> float | None:
        """Millions of bytes of its files of weights, as they are here or as their source states; None: not known.

        Raises:
            OSError: If a file cannot be looked at.
        """
        return None

    def identify(self, spec: "EncoderSpec", project: Path) -> str:
        """A text that is the same for encoders with the same embeddings, given their backbone and size."""
        return spec.weights

    def copy_into(self, spec: "EncoderSpec", file_name: str) -> "tuple[EncoderSpec, Path | None]":
        """The encoder as a bundle writes it down, and the file to copy into the bundle under this name, if any.

        Files outside are copied, so that a bundle still works after they were moved or changed.
        """
        return spec, None

    def locate(self, spec: "EncoderSpec", bundle: Path) -> "EncoderSpec":
        """The encoder of the bundle in this folder, with current paths, ready to be loaded.

        Raises:
            BundleError: If the bundle names a file that is not its own.
        """
        return spec


def list_sources() -> dict[str, EncoderSource]:
    """The sources by the names of their files, the default first."""
    found = find_each(models.encoders.sources, "SOURCE")
    return {DEFAULT: found.pop(DEFAULT), **found}


def at_best_size(spec: "EncoderSpec") -> "EncoderSpec":
    """The encoder with the size of crops that suits its weights best."""
    from models.encoders.spec import LITE2, bundled_encoder, sample_encoder

    own = sample_encoder()
    if (spec.backbone, spec.weights) == (own.backbone, own.weights):
        return replace(spec, input_px=own.input_px)
    if spec.backbone == LITE2:
        return replace(spec, input_px=bundled_encoder().input_px)
    return replace(spec, input_px=find_source(spec).best_px(spec))


def find_source(spec: "EncoderSpec") -> EncoderSource:
    """Where an encoder comes from: a file of weights, if no other source claims it."""
    sources = list_sources()
    return next((source for source in sources.values() if source.has(spec)), sources[FILE])
