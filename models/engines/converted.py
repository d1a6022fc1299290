"""The networks that were converted for OpenVINO, kept in the cache folder of this computer. Knows no torch.

Importing torch and making a network takes seconds; a converted one is read in a hundredth of one.
"""

import hashlib
import logging
import os
import shutil
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import openvino as ov

from core.disk.files import temporary_beside, write_whole
from models.engines.cache_folder import CONVERTED, KEY, cache_folder
from models.engines.device import openvino_core

log = logging.getLogger(__name__)

MODEL = "model.xml"
NOTES = "notes.json"
MOST_KEPT = 24
"""So many networks are kept, of 5 to 100 MB each; the one that was not used for longest goes first."""
FASTER = {False: "faster", True: "faster-precise"}
"""Empty files beside a kept model: on this computer OpenVINO was faster than torch, also in float32."""


def read_kept(
    key: str, shape: tuple[int, ...], *, only_if_faster: bool = False, precise: bool = False
) -> ov.Model | None:
    """The model that was kept for these weights and this shape of the input, without making the network; None if none.

    With ``only_if_faster`` only if it was measured to be faster here than torch, with ``precise`` in float32.
    """
    kept = find_kept(key, shape)
    if not (kept / MODEL).is_file() or (only_if_faster and not (kept / FASTER[precise]).is_file()):
        return None
    with suppress(OSError):
        os.utime(kept / KEY)  # it is in use
    try:
        return openvino_core().read_model(kept / MODEL)
    except RuntimeError as error:
        log.info("The converted network in %s cannot be read (%s), so it is loaded anew.", kept, error)
        return None


def keep_as_faster(key: str, shape: tuple[int, ...], *, precise: bool = False) -> None:
    """Remember that OpenVINO was faster, if the model is kept."""
    kept = find_kept(key, shape)
    with suppress(OSError):
        if (kept / MODEL).is_file():
            (kept / FASTER[precise]).touch()


def keep_notes(key: str, shape: tuple[int, ...], notes: bytes) -> None:
    """Write down what only the network would tell, if the model is kept."""
    kept = find_kept(key, shape)
    with suppress(OSError):
        if (kept / MODEL).is_file() and not (kept / NOTES).is_file():
            write_whole(kept / NOTES, notes)


def read_notes(key: str, shape: tuple[int, ...]) -> bytes | None:
    """What ``keep_notes`` wrote; None if there is nothing."""
    try:
        return (find_kept(key, shape) / NOTES).read_bytes()
    except OSError:
        return None


def find_kept(key: str, shape: tuple[int, ...]) -> Path:
    """The folder of the model of these weights, made with the versions of torch and OpenVINO that are installed."""
    made_of = (key, shape, version("torch"), version("openvino"))
    return cache_folder() / CONVERTED / hashlib.blake2b(repr(made_of).encode(), digest_size=16).hexdigest()


def keep_model(model: ov.Model, key: str, shape: tuple[int, ...]) -> None:
    """Write a model into the cache, whole or not at all. A cache that cannot be written is no reason to stop."""
    folder = find_kept(key, shape)
    temporary = temporary_beside(folder)
    try:
        temporary.mkdir(parents=True)
        ov.save_model(model, temporary / MODEL, compress_to_fp16=False)
        (temporary / KEY).write_text(key, encoding="utf-8")
        temporary.rename(folder)
        _forget_oldest(folder.parent)
    except (OSError, RuntimeError) as error:  # also if another process was faster
        log.info("The converted network was not kept in %s (%s).", folder, error)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _forget_oldest(home: Path) -> None:
    by_use = sorted(home.glob(f"*/{KEY}"), key=lambda key: key.stat().st_mtime, reverse=True)
    for key in by_use[MOST_KEPT:]:
        shutil.rmtree(key.parent, ignore_errors=True)
