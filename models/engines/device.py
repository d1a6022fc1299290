"""Which processor computes: a GPU where there is one, else the CPU."""

import functools

import cv2
import openvino as ov
import torch

from core.errors import AnomalureError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(wanted: str = "auto") -> torch.device:
    """The processor for torch: ``auto`` takes a CUDA GPU, then Apple's (mps), then the CPU.

    Raises:
        AnomalureError: If the name is unknown, or that processor is not there.
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
    """OpenVINO's one core a process; making one searches for its plugins.

    From then on OpenCV works in the thread that calls it: OpenVINO keeps all processors busy, and waking OpenCV's own
    threads for a small picture cost more than the work (0.45 of 1.0 ms for a letterbox).
    """
    cv2.setNumThreads(1)
    return ov.Core()


@functools.cache
def cpu_has_bf16() -> bool:
    """Whether the CPU computes in bfloat16 itself (avx512_bf16, amx), so that it is faster and not slower."""
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def send(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the CPU on the device; with a GPU the CPU goes on at once, instead of waiting for all it asked for.

    The GPU does things in the order in which they were asked for, so what follows may use the tensor right away.
    """
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
