"""Chooses the device that computes: a GPU if there is one, else the CPU."""

import functools

import cv2
import openvino as ov
import torch

from core.errors import AnomalureError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(wanted: str = "auto") -> torch.device:
    """The device for torch. ``auto`` is a CUDA GPU if there is one, else Apple's GPU (mps), else the CPU.

    Raises:
        AnomalureError: If the name is unknown, or this computer has no such device.
    """
    if wanted not in DEVICES:
        raise AnomalureError(f"The device must be one of {', '.join(DEVICES)}, got {wanted!r}.")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(name for name, is_there in there.items() if is_there)
    if not there[wanted]:
        raise AnomalureError(f"This computer has no {wanted} device that torch can use. Choose auto or cpu.")
    return torch.device(wanted)


@functools.cache
def openvino_core() -> ov.Core:
    """The OpenVINO core of this process. There is only one, because making it searches for plugins.

    From then on OpenCV uses only the thread that calls it. OpenVINO keeps all processors busy, and waking OpenCV's own
    threads for a small picture took longer than it saved (0.45 of 1.0 ms for a letterbox).
    """
    cv2.setNumThreads(1)
    return ov.Core()


@functools.cache
def cpu_has_bf16() -> bool:
    """Whether the CPU has instructions for bfloat16 (avx512_bf16, amx). Without them bfloat16 is slower."""
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def send(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy a tensor from the CPU to the device, without waiting for a GPU to finish.

    A GPU works in the order of the calls, so the tensor can be used right away.
    """
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
