"""A torch module as an OpenVINO model."""

import warnings

import openvino as ov
import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder


def convert_module(module: torch.nn.Module, example: torch.Tensor) -> ov.Model:
    """Trace a module in evaluation mode with an example of its one input; the shape stays that of the example.

    ``openvino.convert_model`` does the same and reports each use to its makers; this does not.
    """
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls tracing outdated, and its replacement takes ten times as long
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(
            module.eval(),
            example_input=example,
            trace_kwargs={"check_trace": False},  # the check runs the network three times more
        )
        model = frontend.convert(frontend.load(decoder))
    model.reshape(list(example.shape))
    return model
