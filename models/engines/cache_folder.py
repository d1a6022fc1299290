"""Where downloaded weights are kept on this computer, outside any project."""

import os
import sys
from pathlib import Path

from core.disk.names import expand_home

CONVERTED, KEY = "openvino", "key.txt"
"""The folder of converted networks in the cache, and the file in each that says of which weights it was made."""


def cache_folder() -> Path:
    """The user's cache folder of Anomalure, or the folder in the environment variable ``ANOMALURE_CACHE``."""
    if chosen := os.environ.get("ANOMALURE_CACHE"):
        return expand_home(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "anomalure"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "anomalure"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "anomalure"
