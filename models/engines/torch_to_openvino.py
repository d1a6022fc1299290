"""Converts a torch module to an OpenVINO model."""

import warnings

import openvino as ov
import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

from models.engines.converted import MODEL, find_kept, keep_model
from models.engines.device import openvino_core


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
    kept = find_kept(key, tuple(example.shape)) / MODEL
    if not kept.is_file():
        model = _convert(module, example)
        keep_model(model, key, tuple(example.shape))
        return model
    return openvino_core().read_model(kept)


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
