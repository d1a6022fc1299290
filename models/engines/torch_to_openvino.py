"""Converts a torch module to an OpenVINO model."""

import warnings

import openvino as ov
import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder


def convert_module(module: torch.nn.Module, example: torch.Tensor) -> ov.Model:
    """Trace a module in evaluation mode with an example of its only input. The model keeps the shape of the example.

    ``openvino.convert_model`` does the same, but reports each use to its makers.
    """
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
