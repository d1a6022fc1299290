"""Things of which there are many, one file each: found in the folder of their package, without a list of them."""

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def find_each(package: ModuleType, attribute: str) -> dict[str, Any]:
    """What each file of a package defines under this name, by the file's name, sorted.

    Files that do not define it are left out. Every file of the package is imported, so that they import nothing
    heavy at their top.
    """
    modules = {
        one.name: importlib.import_module(f"{package.__name__}.{one.name}")
        for one in pkgutil.iter_modules(package.__path__)
    }
    return {name: getattr(modules[name], attribute) for name in sorted(modules) if hasattr(modules[name], attribute)}
