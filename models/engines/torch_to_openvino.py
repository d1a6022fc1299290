"""Converts a torch module to an OpenVINO model."""

import hashlib
import logging
import shutil
import warnings
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import openvino as ov
import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

from core.disk.files import temporary_beside
from models.engines.cache_folder import CONVERTED, KEY, cache_folder
from models.engines.device import openvino_core

log = logging.getLogger(__name__)

MODEL = "model.xml"
FASTER = {False: "faster", True: "faster-precise"}
"""Empty files beside a kept model: on this computer OpenVINO was faster than torch, also in float32."""


def convert_module(module: torch.nn.Module, example: torch.Tensor, *, key: str = "") -> ov.Model:
    """Trace a module in evaluation mode with an example of its only input. The model keeps the shape of the example.

    ``openvino.convert_model`` does the same, but reports each use to its makers.

    Args:
        module: The module.
        example: Of the input.
        key: Identifies the module and its weights. The model is then kept in the cache folder of this computer.
    """
    if not key:
        return _convert(module, example)
    kept = _find_folder(key, tuple(example.shape))
    if not (kept / MODEL).is_file():
        model = _convert(module, example)
        _keep(model, kept, key)
        return model
    return openvino_core().read_model(kept / MODEL)


def read_kept(key: str, shape: tuple[int, ...], *, only_if_faster: bool, precise: bool = False) -> ov.Model | None:
    """The model that was kept for these weights and this shape of the input, without making the network; None if none.

    With ``only_if_faster`` only if it was measured to be faster here than torch, with ``precise`` in float32.
    """
    kept = _find_folder(key, shape)
    if not (kept / MODEL).is_file() or (only_if_faster and not (kept / FASTER[precise]).is_file()):
        return None
    try:
        return openvino_core().read_model(kept / MODEL)
    except RuntimeError as error:
        log.info("The converted network in %s cannot be read (%s), so it is loaded anew.", kept, error)
        return None


def keep_as_faster(key: str, shape: tuple[int, ...], *, precise: bool = False) -> None:
    """Remember that OpenVINO was faster, if the model is kept."""
    kept = _find_folder(key, shape)
    with suppress(OSError):
        if (kept / MODEL).is_file():
            (kept / FASTER[precise]).touch()


def _find_folder(key: str, shape: tuple[int, ...]) -> Path:
    made_of = (key, shape, version("torch"), version("openvino"))
    return cache_folder() / CONVERTED / hashlib.blake2b(repr(made_of).encode(), digest_size=16).hexdigest()


def _keep(model: ov.Model, folder: Path, key: str) -> None:
    """Write a model into the cache, whole or not at all. A cache that cannot be written is no reason to stop."""
    temporary = temporary_beside(folder)
    try:
        temporary.mkdir(parents=True)
        ov.save_model(model, temporary / MODEL, compress_to_fp16=False)
        (temporary / KEY).write_text(key, encoding="utf-8")
        temporary.rename(folder)
    except (OSError, RuntimeError) as error:  # also if another process was faster
        log.info("The converted network was not kept in %s (%s).", folder, error)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _convert(module: torch.nn.Module, example: torch.Tensor) -> ov.Model:
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # torch warns that tracing is outdated, but its replacement takes ten times as long
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(
            module.eval(),
            example_input=example,
            trace_kwargs={"check_trace": False},  # the check would run the network three more times
        )
        model = frontend.convert(frontend.load(decoder))
    model.reshape(list(example.shape))
    return model
