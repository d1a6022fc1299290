"""Loads the encoder that a bundle or a user names, with the engine that is fastest on this computer."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.errors import AnomalureError
from core.runs.parts import Encoder
from models.encoders.joined import JoinedEncoder
from models.encoders.mirrored import MirroredEncoder
from models.encoders.sources.source import Network, find_source
from models.encoders.spec import EncoderSpec
from models.encoders.with_openvino import OpenVinoEncoder
from models.engines.converted import find_kept, keep_as_faster, read_kept
from models.engines.device import choose_device, name_device

if TYPE_CHECKING:
    from models.encoders.with_torch import TorchEncoder

__all__ = ["EncoderSpec", "list_engines", "load_encoder"]  # the spec is part of asking for an encoder

log = logging.getLogger(__name__)

ENGINES = ("auto", "torch", "openvino")

TRIAL_CROPS = 8


def load_encoder(
    specs: EncoderSpec | Sequence[EncoderSpec],
    *,
    engine: str | Sequence[str] = "auto",
    device: str = "auto",
    allow_code: bool = False,
    precise: bool = False,
) -> Encoder:
    """Load one encoder, or several joined into one.

    Args:
        specs: The encoders, joined in this order.
        engine: The engine on a CPU: ``openvino``, ``torch``, or ``auto`` for the one that is measured to be faster on
            this computer; or one of these for each of ``specs``. A GPU always computes with torch.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        allow_code: Whether the user agrees that loading their own ``.pt`` detector runs code from it.
        precise: Compute in float32 where half precision would be faster.

    Raises:
        AnomalureError: If an encoder is unknown, cannot be downloaded, or its weights do not fit.
    """
    if isinstance(specs, EncoderSpec):
        specs = (specs,)
    engines = [engine] * len(specs) if isinstance(engine, str) else list(engine)
    for one in engines:
        if one not in ENGINES:
            raise AnomalureError(f"The engine must be one of {', '.join(ENGINES)}, got {one!r}.")
    if not specs:
        raise AnomalureError("At least one encoder is needed, got none.")
    where = name_device(device)

    def open_one(spec: EncoderSpec, engine: str) -> Encoder:
        source = find_source(spec)
        exactly = precise or source.precise
        return _open_kept(spec, engine=engine, device=where, precise=exactly) or _place_network(
            source.load(spec, allow_code=allow_code), spec, engine=engine, device=where, precise=exactly
        )

    encoders = [open_one(spec, one) for spec, one in zip(specs, engines, strict=True)]
    encoders = [MirroredEncoder(one) if spec.mirrored else one for spec, one in zip(specs, encoders, strict=True)]
    return encoders[0] if len(encoders) == 1 else JoinedEncoder(encoders)


def list_engines(encoder: Encoder) -> list[str]:
    """The engine of each part of an encoder. Give them to ``load_encoder`` to load the same encoder again."""
    parts = encoder.encoders if isinstance(encoder, JoinedEncoder) else (encoder,)
    words = [str(getattr(part, "engine", "")).split(" ")[0] for part in parts]
    return [word if word in ENGINES else "auto" for word in words]


def check_backbone(spec: EncoderSpec) -> None:
    """Check that a backbone can be built and that its weights fit.

    Raises:
        AnomalureError: If they do not.
    """
    find_source(spec).load(spec)


def _open_kept(spec: EncoderSpec, *, engine: str, device: str, precise: bool) -> Encoder | None:
    """The encoder from the cache of converted networks, if it is there and is what would be chosen anyway."""
    found = find_source(spec).describe_kept(spec)
    if found is None or device != "cpu" or engine == "torch":
        return None
    model = read_kept(found.key, (1, 3, spec.input_px, spec.input_px), only_if_faster=engine == "auto", precise=precise)
    if model is None:
        return None
    return OpenVinoEncoder(
        model,
        name=spec.name,
        sections=found.sections,
        mean=found.mean,
        scale=found.scale,
        precise=precise,
        kept=find_kept(found.key, (1, 3, spec.input_px, spec.input_px)),
    )


def _place_network(loaded: Network, spec: EncoderSpec, *, engine: str, device: str, precise: bool) -> Encoder:
    """The network as an encoder, on the GPU or with the faster engine of this CPU."""
    import torch  # which takes more than a second

    from models.encoders.with_torch import TorchEncoder
    from models.engines.torch_to_openvino import convert_module

    torch.set_flush_denormal(True)  # numbers next to zero are ten times as slow and change nothing
    network, mean, scale, key = loaded
    if not isinstance(network, torch.nn.Module):
        return OpenVinoEncoder(network, name=spec.name, mean=mean, scale=scale, precise=precise)
    example = torch.zeros(1, 3, spec.input_px, spec.input_px)
    try:
        with torch.inference_mode():
            length = network(example).shape[1:]
    except (RuntimeError, AssertionError, ValueError) as error:
        raise AnomalureError(f"{spec.name} cannot take crops of {spec.input_px} px ({error}).") from error
    if len(length) != 1:
        raise AnomalureError(f"{spec.name} gives features of shape {tuple(length)} a crop; a vector was expected.")
    sections = getattr(network, "sections", tuple(length))

    def use_torch() -> TorchEncoder:
        return TorchEncoder(
            network,
            name=spec.name,
            input_px=spec.input_px,
            device=choose_device(device),
            sections=sections,
            mean=mean,
            scale=scale,
            precise=precise,
        )

    def use_openvino() -> OpenVinoEncoder:
        model = convert_module(network, example, key=key)
        return OpenVinoEncoder(model, name=spec.name, sections=sections, mean=mean, scale=scale, precise=precise)

    if device != "cpu" or engine == "torch":
        return use_torch()
    if engine == "openvino":
        return use_openvino()
    chosen = _choose_faster((spec, precise), use_openvino, use_torch)
    if key and isinstance(chosen, OpenVinoEncoder):
        keep_as_faster(key, tuple(example.shape), precise=precise)
    return chosen


# The faster engine of each encoder, so that a process measures it only once.
_faster: dict[tuple[EncoderSpec, bool], str] = {}


def _choose_faster(
    key: tuple[EncoderSpec, bool], use_openvino: Callable[[], OpenVinoEncoder], use_torch: "Callable[[], TorchEncoder]"
) -> Encoder:
    if key in _faster:
        return use_openvino() if _faster[key] == "openvino" else use_torch()
    by_torch = use_torch()
    try:
        by_openvino = use_openvino()
    except RuntimeError as error:
        log.info("OpenVINO cannot run %s (%s), so torch is used.", key[0].name, error)
        _faster[key] = "torch"
        return by_torch
    openvino_wins = _time_trial(by_openvino) <= _time_trial(by_torch)
    _faster[key] = "openvino" if openvino_wins else "torch"
    return by_openvino if openvino_wins else by_torch


def _time_trial(encoder: Encoder) -> float:
    """Seconds for a few crops, after a first call that sets things up."""
    crops = np.full((TRIAL_CROPS, encoder.input_px, encoder.input_px, 3), 128, dtype=np.uint8)
    encoder.embed(crops[:2])
    start = time.perf_counter()
    encoder.embed(crops)
    return time.perf_counter() - start
