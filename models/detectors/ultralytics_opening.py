"""The only door to Ultralytics: files are opened without running code from them unless the user agreed, and neither its
statistics nor its downloads reach the network unasked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from core.errors import AnomalureError, ConsentNeeded
from models.detectors.plain_yaml import read_plain_yaml
from models.engines.cache_folder import cache_folder

PLANS = (".yaml", ".yml")
# What Ultralytics says where a file asks for more than its own networks, and nothing of the file was run.
_REFUSALS = ("outside the supported", "blocked during restricted", "under restricted loading", "No module named")
# Services that get figures of a training if their package is installed.
_SERVICES = ("sync", "clearml", "comet", "dvc", "mlflow", "neptune", "raytune", "tensorboard", "wandb")


def import_ultralytics() -> ModuleType:
    """Import Ultralytics so that it installs no packages, reports no use, ignores the network and the user's settings,
    and loads files without running code from them.

    It reads most of these from the environment when it is first imported.
    """
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_OFFLINE", "true")  # stops reports and version checks; downloads by name still work
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_CONFIG_DIR", str(cache_folder()))
    os.environ["ULTRALYTICS_SAFE_LOAD"] = "1"
    import ultralytics
    from ultralytics.nn import tasks
    from ultralytics.utils import SETTINGS

    tasks.SAFE_LOAD = tasks.SAFE_LOAD or _allowed == 0  # in case something else imported it first
    reporting = {name: False for name in _SERVICES if SETTINGS.get(name)}
    if reporting:
        SETTINGS.update(reporting)
    return ultralytics


_allowed = 0


@contextmanager
def running_code(is_allowed: bool) -> Iterator[None]:
    """Within it, files that Ultralytics loads may run code if the user agreed to that."""
    global _allowed
    import_ultralytics()
    from ultralytics.nn import tasks

    _allowed += is_allowed
    tasks.SAFE_LOAD = _allowed == 0
    try:
        yield
    finally:
        _allowed -= is_allowed
        tasks.SAFE_LOAD = _allowed == 0


@contextmanager
def without_downloads() -> Iterator[None]:
    """Within it, Ultralytics fetches nothing by itself: no font for its figures, no network to compare a GPU with."""
    import_ultralytics()
    from ultralytics.data import utils
    from ultralytics.utils import downloads

    fetching: Any = downloads
    drawing: Any = utils

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("nothing is downloaded that was not asked for")

    before = drawing.check_font, fetching.safe_download
    drawing.check_font = lambda *_, **__: None
    fetching.safe_download = refuse
    try:
        yield
    finally:
        drawing.check_font, fetching.safe_download = before


def open_yolo(path: Path | str, *, allow_code: bool = False, has_task: bool = False) -> Any:
    """Open a ``.pt`` file, the ``.yaml`` plan of a network, or an exported folder as an Ultralytics object.

    Args:
        path: The file or folder.
        allow_code: Whether the user agrees that code from the file is run. Without it only the networks that
            Ultralytics itself knows are rebuilt, and nothing from the file is run.
        has_task: Whether the file knows that it is a detector, such as a checkpoint of a training.

    Raises:
        ConsentNeeded: If it can only be opened by running code from it, and ``allow_code`` is false.
        Exception: Whatever Ultralytics raises for a file that it cannot read.
    """
    import_ultralytics()
    from ultralytics import YOLO

    path = Path(path)
    if path.suffix.lower() in PLANS:
        read_plain_yaml(path)  # refuses what would never come to an end
    with running_code(allow_code):
        try:
            return YOLO(str(path)) if has_task else YOLO(str(path), task="detect", verbose=False)
        except AnomalureError:
            raise
        except Exception as error:
            if not allow_code and any(words in str(error) for words in _REFUSALS):
                raise _ask(path) from error
            raise


def check_weights(path: Path) -> None:
    """Refuse a file of weights that cannot be loaded without running code from it.

    Raises:
        ConsentNeeded: If it cannot.
        Exception: Whatever Ultralytics raises for a file that it cannot read.
    """
    import_ultralytics()
    from ultralytics.nn.tasks import torch_safe_load

    try:
        torch_safe_load(str(path), safe_only=True)
    except Exception as error:
        if any(words in str(error) for words in _REFUSALS):
            raise _ask(path) from error
        raise


def _ask(path: Path) -> ConsentNeeded:
    return ConsentNeeded(
        f"{path} can only be opened by running code from it. If you trust where it comes from, allow it (--allow-code, "
        "or the box on the page)."
    )
