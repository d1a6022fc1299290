"""Checkpoints of a training: weights, the optimizer's state and the progress, in one file without pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from core.disk.files import write_whole
from core.disk.json import parse_values
from core.errors import FileFormatError

CHECKPOINT = "checkpoint.safetensors"


def write_checkpoint(
    path: Path, *, learner: torch.nn.Module, optimizer: torch.optim.Optimizer, state: Mapping[str, Any]
) -> None:
    """Write a checkpoint, replacing the last one in one step. ``state`` holds JSON values."""
    tensors = {f"learner.{key}": value for key, value in learner.state_dict().items()}
    for number, memory in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": torch.as_tensor(value) for key, value in memory.items()}
    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    write_whole(path, safetensors.torch.save(tensors, metadata={"state": json.dumps(dict(state))}), durable=True)


def read_checkpoint(path: Path, *, learner: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Restore a learner and its optimizer from a checkpoint, and return its ``state``; None without a checkpoint.

    Raises:
        FileFormatError: If the file is damaged or belongs to another network.
    """
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state = parse_values(file.metadata()["state"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (it is not a dictionary)
        learner.load_state_dict(
            {key.removeprefix("learner."): value for key, value in tensors.items() if key.startswith("learner.")}
        )
        memory: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer."):
                _, number, name = key.split(".", 2)
                memory.setdefault(int(number), {})[name] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": memory})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
        raise FileFormatError(
            f"The training cannot be resumed from {path}: the file is damaged or belongs to another network ({error}). "
            "Delete the training's folder and start the training again."
        ) from error
    return dict(state)
