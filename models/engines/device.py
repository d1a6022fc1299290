"""Chooses the device that computes: a GPU if there is one, else the CPU."""

import ctypes
import functools
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import openvino as ov

from core.errors import AnomalureError

if TYPE_CHECKING:
    import torch  # importing it takes more than a second

DEVICES = ("auto", "cpu", "cuda", "mps")
DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
"""The library of NVIDIA's driver by the name of the system, without which torch has no CUDA device."""
AMD_GPU = Path("/dev/kfd")


def choose_device(wanted: str = "auto") -> "torch.device":
    """The device for torch, as ``name_device`` names it."""
    import torch

    return torch.device(name_device(wanted))


def name_device(wanted: str = "auto") -> str:
    """``cuda``, ``mps`` or ``cpu``. ``auto`` is a CUDA GPU if there is one, else Apple's GPU (mps), else the CPU.

    Raises:
        AnomalureError: If the name is unknown, or this computer has no such device.
    """
    if wanted not in DEVICES:
        raise AnomalureError(f"The device must be one of {', '.join(DEVICES)}, got {wanted!r}.")
    there = _find_devices()
    if wanted == "auto":
        wanted = next(name for name, is_there in there.items() if is_there)
    if not there[wanted]:
        raise AnomalureError(f"This computer has no {wanted} device that torch can use. Choose auto or cpu.")
    return wanted


def _find_devices() -> dict[str, bool]:
    """Which devices torch can use. It is asked only if it is loaded, or if there may be a GPU: loading takes long."""
    if "torch" not in sys.modules and not may_have_gpu():
        return {"cuda": False, "mps": False, "cpu": True}
    import torch

    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}


def may_have_gpu() -> bool:
    """Whether torch has to be asked for a GPU: always on a Mac, elsewhere if there is a driver for one."""
    if sys.platform not in DRIVERS or AMD_GPU.exists():
        return True
    with suppress(OSError):
        ctypes.CDLL(DRIVERS[sys.platform])
        return True
    return False


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


def send(values: "torch.Tensor", device: "torch.device") -> "torch.Tensor":
    """Copy a tensor from the CPU to the device, without waiting for a GPU to finish.

    A GPU works in the order of the calls, so the tensor can be used right away.
    """
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
