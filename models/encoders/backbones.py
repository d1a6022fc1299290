"""Networks trained on ImageNet as encoders: classifiers of torchvision without their last layer."""

import difflib
from contextlib import nullcontext
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from safetensors.torch import load_file

from core.errors import AnomalureError, FileFormatError
from models.encoders.lite import LiteNetwork, load_lite_network
from models.encoders.spec import LITE2
from models.engines.downloads import downloading

DEFAULT = "default"
RANDOM = "none"
# Side branches that only training uses. Files of weights may contain them or not.
TRAINING_ONLY = ("aux.", "aux1.", "aux2.", "AuxLogits.")


def build_backbone(name: str, *, weights: str | Path) -> torch.nn.Module:
    """A classifier of torchvision without its last layer, so that it returns pooled features instead of class scores.

    Args:
        name: torchvision's own name, such as ``mobilenet_v2``, ``resnet50``, ``convnext_tiny``, ``vit_b_16``; or
            ``efficientnet_lite2``, whose published weights are installed with Anomalure.
        weights: ``default`` (torchvision's best, downloaded on first use), ``none`` (random, for tests), or the path
            of a safetensors file with torchvision's names, in any precision; the last layer may be missing.

    Returns:
        The network in evaluation mode: float ``(n, 3, h, w)``, normalised as for ImageNet, to float ``(n, d)``.

    Raises:
        AnomalureError: If there is no such network, or its weights cannot be downloaded.
        FileFormatError: If the weights in the file do not fit the network.
    """
    if name == LITE2:
        return _build_lite(weights)
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        close = difflib.get_close_matches(name.lower(), known, n=5) or ["mobilenet_v2", "resnet50", "convnext_tiny"]
        raise AnomalureError(f"torchvision has no backbone {name!r}. Close to it: {', '.join(close)}.")
    network = _download(name) if weights == DEFAULT else torchvision.models.get_model(name, weights=None)
    head = _find_class_scores(network)
    if weights not in (DEFAULT, RANDOM):
        _load_weights(network, Path(weights), head=head, name=name)
    network.set_submodule(head, torch.nn.Identity())
    return network.eval().requires_grad_(False)


def _download(name: str) -> torch.nn.Module:
    weights = torchvision.models.get_model_weights(name).DEFAULT
    kept = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    try:
        with nullcontext() if kept.is_file() else downloading(f"the weights of {name}", weights.url):
            return torchvision.models.get_model(name, weights=weights)
    except (URLError, OSError, RuntimeError) as error:  # RuntimeError if the download's hash is wrong
        reason = getattr(error, "reason", None) or error
        raise AnomalureError(
            f"The weights of {name} could not be downloaded ({reason}). Is this computer online? Without a network, "
            "give a .safetensors file of weights, or use the bundled encoder."
        ) from error


def _build_lite(weights: str | Path) -> LiteNetwork:
    if weights == DEFAULT:
        return load_lite_network().eval().requires_grad_(False)
    network = LiteNetwork()
    if weights != RANDOM:
        _load_weights(network, Path(weights), head="", name=LITE2)
    return network.eval().requires_grad_(False)


def _find_class_scores(network: torch.nn.Module) -> str:
    """The name of the last layer with weights, which gives the class scores in every classifier of torchvision."""
    layers = [
        layer_name
        for layer_name, layer in network.named_modules()
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d) and not f"{layer_name}.".startswith(TRAINING_ONLY)
    ]
    return layers[-1]


def _load_weights(network: torch.nn.Module, path: Path, *, head: str, name: str) -> None:
    """Fill in the weights of a file; those of the layer ``head`` may be missing."""
    if not path.is_file():
        raise AnomalureError(f"There is no file of weights {path}; a .safetensors file for {name} was expected.")
    try:
        given = load_file(path)
    except Exception as error:  # a broken file raises many kinds of error
        raise FileFormatError(f"{path} cannot be read as safetensors ({str(error)[:200]}).") from error
    expected = network.state_dict()
    optional = (f"{head}.", *TRAINING_ONLY) if head else TRAINING_ONLY
    given = {key: tensor for key, tensor in given.items() if not key.startswith(optional)}
    missing = sorted(key for key in expected if key not in given and not key.startswith(optional))
    # Counters of training steps have no effect on the features, and older files lack them.
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    unexpected = sorted(set(given) - set(expected))
    if missing or unexpected:
        what = f"{len(missing)} weights are missing ({', '.join(missing[:3])} ...)" if missing else ""
        also = f"{len(unexpected)} are not its own ({', '.join(unexpected[:3])} ...)" if unexpected else ""
        raise FileFormatError(f"{path} does not fit {name}: {'; '.join(filter(None, (what, also)))}.")
    for key, tensor in given.items():
        if tensor.shape != expected[key].shape:
            raise FileFormatError(
                f"{path} does not fit {name}: {key} should have shape {tuple(expected[key].shape)}, "
                f"got {tuple(tensor.shape)}."
            )
        is_count = key.endswith("num_batches_tracked")  # files in half precision have it in half precision, too
        is_other = tensor.is_floating_point() != expected[key].is_floating_point()
        if tensor.is_complex() or (is_other and not is_count):
            raise FileFormatError(
                f"{path} does not fit {name}: {key} should be of type {expected[key].dtype}, got {tensor.dtype}."
            )
        if not torch.isfinite(tensor.to(expected[key].dtype)).all():
            raise FileFormatError(f"{path} cannot be used: the weights {key} are not all numbers. Get the file again.")
    network.load_state_dict({key: tensor.to(expected[key].dtype) for key, tensor in given.items()}, strict=False)
